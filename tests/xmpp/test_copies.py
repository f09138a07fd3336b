"""Which messages are copied, and how a copy is written."""

import pytest

from clarion.wire.xml import parse
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.copies import copied, copy_of, fleeting
from fakes.household import stanza_of

BODY = "<body>hi</body>"
STATE = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
PRIVATE = "<private xmlns='urn:xmpp:carbons:2'/>"
NO_COPY = "<no-copy xmlns='urn:xmpp:hints'/>"
ORIGIN = "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"
MUC_USER = "<x xmlns='http://jabber.org/protocol/muc#user'>{}</x>"


@pytest.mark.parametrize(
    ("kind", "inner", "wanted"),
    [
        ("chat", "", True),
        ("chat", BODY, True),
        ("chat", BODY + PRIVATE, False),
        ("chat", BODY + NO_COPY, False),
        ("normal", BODY, True),
        ("normal", "", False),
        ("normal", "<subject>hi</subject>", False),
        ("normal", BODY + PRIVATE, False),
        ("normal", STATE, True),
        ("normal", "<received xmlns='urn:xmpp:receipts' id='x'/>", True),
        ("normal", "<request xmlns='urn:xmpp:receipts'/>", True),
        ("normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>", True),
        ("normal", "<replace xmlns='urn:xmpp:message-correct:0' id='x'/>", True),
        ("normal", "<retract xmlns='urn:xmpp:message-retract:1' id='x'/>", True),
        ("normal", "<reactions xmlns='urn:xmpp:reactions:0' id='x'/>", True),
        ("normal", "<x xmlns='jabber:x:conference' jid='room@muc.example'/>", True),
        ("normal", MUC_USER.format("<invite to='x@y.example'/>"), True),
        ("normal", MUC_USER.format(""), False),
        ("normal", MUC_USER.format("<a>" * 80 + "</a>" * 80), False),  # too deep to look into
        ("headline", BODY, False),
        ("headline", STATE, True),
        ("groupchat", BODY, False),
        ("groupchat", STATE, False),
        # an error may hold what it answers, and those who saw that decide
        ("error", BODY + NO_COPY, True),
    ],
)
def test_what_is_eligible(kind: str, inner: str, wanted: bool):
    stanza = stanza_of_any(f"<message type='{kind}'>{inner}</message>")
    assert copied(stanza, kind) == wanted


def stanza_of_any(raw: str):
    if "<a>" not in raw:
        return stanza_of(raw.encode())
    shallow = stanza_of(f"<message>{MUC_USER.format('')}</message>".encode())
    shallow.raw = raw.encode()
    return shallow


@pytest.mark.parametrize(
    ("kind", "inner", "wanted"),
    [
        ("chat", STATE, True),
        ("groupchat", STATE, True),
        ("chat", STATE + NO_COPY + ORIGIN + "<thread>t</thread>", True),
        ("chat", STATE + BODY, False),
        ("chat", STATE + "<subject>s</subject>", False),
        ("chat", ORIGIN, False),
        ("chat", "", False),
        ("error", STATE, False),
    ],
)
def test_what_tells_only_of_this_moment(kind: str, inner: str, wanted: bool):
    assert fleeting(stanza_of(f"<message>{inner}</message>".encode()), kind) == wanted


@pytest.mark.parametrize(
    ("kind", "shown"), [("chat", "chat"), ("normal", None), ("error", "error")]
)
def test_a_copy_holds_the_whole_message(kind: str, shown: str | None):
    start = b"<message xmlns='jabber:client' from='b@x.y/1' to='a@x.y/2' xml:lang='de'>"
    raw = start + b"<body>1 &lt; 2</body></message>"
    copy = parse(copy_of(raw, "received", "a@x.y", "a@x.y/d'oh", kind), CLIENT)
    assert (copy.get("from"), copy.get("to"), copy.get("type")) == ("a@x.y", "a@x.y/d'oh", shown)
    (received,) = copy
    assert received.tag == "{urn:xmpp:carbons:2}received"
    (forwarded,) = received
    assert forwarded.tag == "{urn:xmpp:forward:0}forwarded"
    (message,) = forwarded
    assert message.tag == f"{{{CLIENT}}}message"
    assert message.get("to") == "a@x.y/2"
    assert message.findtext(f"{{{CLIENT}}}body") == "1 < 2"
