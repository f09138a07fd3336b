"""Who is named in a message (XEP-0372 and plain words)."""

import pytest

from clarion.wire.xml import parse
from clarion.wire.xmpp.mentions import Mentions
from clarion.wire.xmpp.names import CLIENT

REFERENCE = "<reference xmlns='urn:xmpp:reference:0' type='{}' uri='{}'/>"


def mentions(inner: str) -> Mentions:
    return Mentions(parse(f"<message>{inner}</message>".encode(), CLIENT))


@pytest.mark.parametrize(
    ("body", "name", "found"),
    [
        ("Ann: look", "ann", True),
        ("look, @Ann!", "Ann", True),
        ("Anna, or joann? ann_1", "Ann", False),
        ("Anna told Ann", "Ann", True),
        ("ask Ann Smith", "ann smith", True),
        ("write to ann@corp.example, please", "ann@corp.example", True),
        ("STRASSE", "Straße", True),
        ("nobody", "", False),
        ("", "Ann", False),
    ],
)
def test_names_are_whole_words_in_any_case(body: str, name: str, found: bool):
    assert mentions(f"<body>{body}</body>").name(name) is found


def test_references_lead_to_people():
    said = mentions(
        "<body>x</body>"
        + REFERENCE.format("mention", "xmpp:Ann@corp.example?message")
        + REFERENCE.format("mention", "xmpp:tea@rooms.corp.example/Old%20Bob")
        + REFERENCE.format("data", "xmpp:eve@corp.example")
        + REFERENCE.format("mention", "https://corp.example")
        + REFERENCE.format("mention", "xmpp:@@")
    )
    assert said.refer_to("ann@corp.example")
    assert said.refer_to("tea@rooms.corp.example/Old Bob")
    assert not said.refer_to("eve@corp.example")
    assert not said.refer_to("")
