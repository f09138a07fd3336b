"""docs/protocols.md, from the cards."""

from pathlib import Path

import pytest

from clarion.xmpp.compliance import ADVANCED
from clarion.xmpp.extension import Card
from clarion.xmpp.protocols import (
    CARDS,
    markdown,
    not_built,
    reference,
    source,
    talks_of,
    unproven,
)

ROOT = Path(__file__).resolve().parents[2]


def rows(page: str) -> list[str]:
    page = page.partition("## Not built")[0]
    return [line for line in page.splitlines() if line.startswith("| [")]


def card(name: str, spec: str) -> Card:
    return Card(name=name, spec=spec, title="Title", test="tests/test_x.py")


def test_rows_are_sorted_by_series_and_number() -> None:
    cards = [
        card("d", "XEP-0199"),
        card("b", "RFC 6121, section 8"),
        card("c", "XEP-0030"),
        card("a", "RFC 6121, section 2"),
        card("e", "RFC 959"),
    ]
    assert [row.split("[")[2].split(".py")[0] for row in rows(markdown(cards))] == list("eabcd")


def test_a_row_tells_what_the_card_says() -> None:
    one = Card(
        name="ping",
        spec="XEP-0199",
        title="XMPP | Ping",
        version="2.0.1",
        test="tests/xmpp/test_ping.py",
    )
    two = Card(
        name="wire/xmpp/stream",
        spec="RFC 6120, sections 1 to 3",
        title="Core",
        status="partial",
        missing="the rest",
        test="tests/wire/xmpp/test_stream.py",
    )
    first, second = rows(markdown([two, one]))
    assert first.split(" | ") == [
        "| [RFC 6120](https://www.rfc-editor.org/rfc/rfc6120), sections 1 to 3",
        "Core",
        "",
        "partial; missing: the rest",
        "[stream.py](../src/clarion/wire/xmpp/stream.py)",
        "[test_stream.py](../tests/wire/xmpp/test_stream.py) |",
    ]
    assert second.split(" | ") == [
        "| [XEP-0199](https://xmpp.org/extensions/xep-0199.html)",
        "XMPP \\| Ping",
        "2.0.1",
        "complete",
        "[ping.py](../src/clarion/xmpp/ext/ping.py)",
        "[test_ping.py](../tests/xmpp/test_ping.py) |",
    ]


@pytest.mark.parametrize("spec", ["XEP-", "draft-ietf-x", ""])
def test_a_card_names_an_rfc_or_a_xep(spec: str) -> None:
    with pytest.raises(ValueError, match="neither an RFC nor a XEP"):
        markdown([card("x", spec)])


@pytest.mark.parametrize(("status", "missing"), [("partial", ""), ("complete", "something")])
def test_partial_and_missing_belong_together(status: str, missing: str) -> None:
    wrong = Card("x", "XEP-0001", "Title", "tests/x.py", status=status, missing=missing)  # type: ignore[arg-type]  # parametrized
    with pytest.raises(ValueError, match="belong together"):
        markdown([wrong])


def test_every_card_is_in_the_reference() -> None:
    assert len(rows(reference())) == len(CARDS)


@pytest.mark.parametrize("one", CARDS, ids=lambda card: card.spec)
def test_what_a_card_names_is_there(one: Card) -> None:
    assert (ROOT / source(one)).is_file()
    assert (ROOT / one.test).is_file(), f"{one.name}: {one.test}"


def test_no_specification_is_claimed_twice() -> None:
    specs = [one.spec for one in CARDS]
    assert sorted(specs) == sorted(set(specs))


TALKS = [
    "tests/talk/xmpp/ledger.talk",
    "tests/talk/xmpp/rfc6121_2_3_roster.talk",
    "tests/talk/xmpp/rfc6121_2_roster.talk",
    "tests/talk/xmpp/rfc6121_8_5_bare.talk",
    "tests/talk/xmpp/rfc6120_abort.talk",
    "tests/talk/xmpp/xep0030_disco.talk",
    "tests/talk/xmpp/xep0301_rtt.talk",
]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("XEP-0030", ["xep0030_disco"]),
        ("XEP-0030, section 3", ["xep0030_disco"]),
        ("XEP-0003", []),
        ("RFC 6120", ["rfc6120_abort"]),
        ("RFC 6121", ["rfc6121_2_3_roster", "rfc6121_2_roster", "rfc6121_8_5_bare"]),
        ("RFC 6121, section 2", ["rfc6121_2_3_roster", "rfc6121_2_roster"]),
        ("RFC 6121, sections 5, 6 and 8", ["rfc6121_8_5_bare"]),
        ("RFC 6121, sections 1 to 3", ["rfc6121_2_3_roster", "rfc6121_2_roster"]),
        ("RFC 6121, section 4", []),
    ],
)
def test_talks_belong_to_the_specification_in_their_name(spec: str, expected: list[str]) -> None:
    found = talks_of(card("x", spec), TALKS)
    assert [Path(talk).stem for talk in found] == expected


def test_talks_are_counted_beside_the_test() -> None:
    (row,) = rows(markdown([card("x", "RFC 6121, section 2")], TALKS))
    assert row.endswith("| [test_x.py](../tests/test_x.py), [2 talks](../tests/talk/xmpp) |")
    (row,) = rows(markdown([card("x", "XEP-0030")], TALKS))
    assert row.endswith(", [1 talk](../tests/talk/xmpp) |")


def test_a_card_that_names_a_talk_links_it_once() -> None:
    talk = "tests/talk/xmpp/xep0030_disco.talk"
    one = Card("x", "XEP-0030", "Title", talk)
    assert rows(markdown([one], TALKS))[0].endswith(f"| [xep0030_disco.talk](../{talk}) |")


def test_what_nothing_shows() -> None:
    cards = [card("a", "XEP-0030"), card("b", "XEP-0031")]
    files = {"tests/test_x.py", *TALKS}
    ran = dict.fromkeys(files, "passed")

    def told(there: set[str], outcomes: dict[str, str]) -> list[str]:
        return unproven(cards, TALKS, there.__contains__, outcomes)

    assert told(files, ran) == []
    assert told(files, ran | {"tests/test_x.py": "failed: x"}) == [
        "XEP-0030 (src/clarion/xmpp/ext/a.py): tests/test_x.py failed: x",
        "XEP-0031 (src/clarion/xmpp/ext/b.py): tests/test_x.py failed: x",
    ]
    assert told(files, {"tests/test_x.py": "passed"}) == [
        "XEP-0030 (src/clarion/xmpp/ext/a.py): tests/talk/xmpp/xep0030_disco.talk did not run"
    ]
    assert told(files - {"tests/test_x.py"}, ran)[0].endswith("tests/test_x.py is not there")


def test_what_is_not_built_is_told() -> None:
    absent = {spec for _, spec, _ in not_built(CARDS)}
    page = reference().partition("## Not built")[2]
    assert {one for one in absent if f"[{one}](" in page} == absent
    every = {spec for _, specs in ADVANCED for spec, _ in specs}
    assert {spec for _, spec, _ in not_built([])} == every


def test_where_all_is_built_nothing_is_told_to_be_absent() -> None:
    cards = {spec: card("x", spec) for _, specs in ADVANCED for spec, _ in specs}
    assert "## Not built" not in markdown(cards.values())


def test_every_talk_of_a_specification_is_on_a_card() -> None:
    talks = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/talk/*/*.talk")]
    shown = {talk for one in CARDS for talk in talks_of(one, talks)}
    of_specs = {talk for talk in talks if Path(talk).name.startswith(("xep", "rfc"))}
    assert of_specs - shown == set()
