"""Which of the stanzas that a client never acknowledged are answered, and with what."""

from typing import Final

import pytest

from clarion.core.ports import ItemRef, SessionId
from clarion.lib.ids import FIRST
from clarion.wire.xml import parse
from clarion.wire.xmpp.acks import Outbound
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.session import Session, Token
from clarion.xmpp.unheard import refusals
from fakes.household import DOMAIN, household

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
PHONE: Final = f"{BOB}/phone"
ADDRESSED: Final = f"from='{ANN}/desk' to='{PHONE}' id='s'"
BODY: Final = "<body>hi</body>"


async def session(*stanzas: str, counts: bool = True) -> Session:
    """Return Bob's session, which has ended with these stanzas in its queue."""
    async with household() as house:
        ended = Session(SessionId("x"), house.person("bob"), parse_jid(PHONE), "")
    if counts:
        ended.outbound = Outbound[Token](limit_bytes=10_000, limit_count=100)
    for stanza in stanzas:
        ended.send(stanza.encode())
    return ended


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("kind", ["get", "set"])
async def test_who_asked_is_answered(kind: str, alone: bool):
    ended = await session(f"<iq {ADDRESSED} type='{kind}'><ping xmlns='urn:xmpp:ping'/></iq>")
    ((entity, parcel),) = refusals(ended, alone=alone)
    assert entity == f"person:{ANN}"
    assert (parcel.name, parcel.kind, parcel.sender, parcel.resource, parcel.copy) == (
        ("iq", "error", PHONE, "desk", None)
    )
    answer = parse(parcel.stanza, CLIENT)
    assert answer.attrib == {"type": "error", "id": "s", "from": PHONE, "to": f"{ANN}/desk"}


@pytest.mark.parametrize("kind", ["", " type='chat'", " type='normal'"])
async def test_who_wrote_what_nobody_has_is_told(kind: str):
    ended = await session(f"<message {ADDRESSED}{kind}>{BODY}</message>")
    ((entity, parcel),) = refusals(ended, alone=True)
    assert entity == f"person:{ANN}"
    assert (parcel.name, parcel.kind, parcel.resource, parcel.copy) == (
        ("message", "error", "desk", "s")
    )
    assert not list(refusals(ended, alone=False))


@pytest.mark.parametrize(
    "stanza",
    [
        f"<iq {ADDRESSED} type='result'/>",
        f"<iq {ADDRESSED} type='error'/>",
        f"<iq from='{DOMAIN}' to='{PHONE}' id='s' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
        f"<iq to='{PHONE}' id='s' type='set'><query xmlns='jabber:iq:roster'/></iq>",
        f"<message {ADDRESSED} type='headline'>{BODY}</message>",
        f"<message {ADDRESSED} type='error'>{BODY}</message>",
        f"<message {ADDRESSED} type='chat'><composing xmlns='x'/></message>",
        f"<message from='{BOB}' to='{PHONE}' type='chat'>{BODY}</message>",
        f"<presence {ADDRESSED}/>",
    ],
)
async def test_nobody_waits_for_an_answer_to_anything_else(stanza: str):
    assert not list(refusals(await session(stanza), alone=True))


async def test_what_is_archived_waits():
    ended = await session()
    ended.send(f"<message {ADDRESSED} type='chat'>{BODY}</message>".encode(), ItemRef(FIRST, None))
    assert not list(refusals(ended, alone=True))


async def test_without_counting_it_is_not_known_what_arrived():
    ended = await session(f"<message {ADDRESSED} type='chat'>{BODY}</message>", counts=False)
    assert not list(refusals(ended, alone=True))
