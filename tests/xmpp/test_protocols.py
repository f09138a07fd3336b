"""docs/protocols.md, from the cards."""

from pathlib import Path

import pytest

from clarion.xmpp.ext import ALL
from clarion.xmpp.ext.standards import STANDARDS
from clarion.xmpp.extension import Card
from clarion.xmpp.protocols import markdown, reference, source

ROOT = Path(__file__).resolve().parents[2]
CARDS = (*(extension.card for extension in ALL), *STANDARDS)


def rows(page: str) -> list[str]:
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
