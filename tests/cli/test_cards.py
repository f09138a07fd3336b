"""People in vCards, as address books export them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.cli.cards import is_cards, read_cards


def card(*lines: str, version: str = "4.0") -> str:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def one(*lines: str, version: str = "4.0") -> dict[str, object]:
    records, faults = read_cards(card(*lines, version=version), "corp.example")
    assert faults == []
    (record,) = records
    assert record.pop("line") == 1
    return dict(record)


def test_a_full_card_of_version_4():
    assert one(
        "FN:Zoë Müller\\, Dr.",
        "N:Müller;Zoë;;Dr.;",
        'EMAIL;TYPE="home";PREF=2:zoe@corp.example',
        "EMAIL;PREF=1:zoe@home.example",
        "TEL;VALUE=uri;TYPE=work:tel:+49-30-1",
        'TEL;VALUE=uri;TYPE="voice,cell":tel:+49-170-',
        " 1234567;ext=9",
        "ORG:Corp\\; Inc.;Europe;Sales\\; Support",
        "TITLE:Head",
        "LANG:de",
        "TZ:Europe/Berlin",
        "NOTE:a:b;c",
        "X-ODD;X-P=1:7",
    ) == {
        "address": "zoe@corp.example",
        "name": "Zoë Müller, Dr.",
        "department": "Sales; Support",
        "title": "Head",
        "phone": "+49-170-1234567",
        "language": "de",
        "time_zone": "Europe/Berlin",
    }


def test_a_card_of_version_3_with_groups_and_offsets():
    assert one(
        "N:Smith;Ann;;;",
        "item1.EMAIL;type=INTERNET;type=pref:ann@corp.example",
        "ORG:Corp",
        "TITLE:Head",
        "TZ:-05:00",
        version="3.0",
    ) == {"address": "ann@corp.example", "name": "Ann Smith"}


def test_a_card_without_mail_has_no_address():
    assert one("FN:Ann") == {"name": "Ann"}
    assert one("EMAIL:ann@elsewhere.example") == {"address": "ann@elsewhere.example"}


def test_many_cards_each_with_its_line():
    text = card("FN:A") + "\n" + card("FN:B")
    records, faults = read_cards(text, "corp.example")
    assert [(record["line"], record["name"]) for record in records] == [(1, "A"), (6, "B")]
    assert faults == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("BEGIN:VCARD\nFN:A\n", (1, "this vCard does not end")),
        (
            "BEGIN:VCARD\nVERSION:4.0\nBEGIN:VCARD\nVERSION:4.0\nEND:VCARD",
            (1, "this vCard does not"),
        ),
        (card(version="2.1"), (1, "vCard 2.1: export them as vCard 3.0 or 4.0")),
        ("BEGIN:VCARD\nEND:VCARD", (1, "vCard ?: ")),
        (card("odd"), (3, "is no line of a vCard")),
        (card() + "FN:B", (4, "stands outside of a vCard")),
    ],
)
def test_what_is_no_card_is_told(text: str, fault: tuple[int, str]):
    _, faults = read_cards(text, "corp.example")
    assert len(faults) == 1
    assert (faults[0][0], faults[0][1][: len(fault[1])]) == fault


def test_cards_are_known_by_their_first_line():
    assert is_cards("\n begin:vcard\n")
    assert not is_cards("address,name\n")


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str):
    read_cards(text, "corp.example")
    read_cards(card(text), "corp.example")


@settings(deadline=None)
@given(st.text(alphabet='\\;:, \n"ORGN=', max_size=200))
def test_any_structure_is_read_or_refused(text: str):
    read_cards(card("ORG:" + text), "corp.example")
