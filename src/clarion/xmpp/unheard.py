"""What a client had not acknowledged when its session ended: who asked is answered (XEP-0198).

Section 4 asks to treat that like what is sent to nobody. Archived messages
wait for the next session (``reach.py``); presence, and what tells only of a
moment, is out of date. A request, and a message that is not kept (XEP-0334),
would be lost without a word: they are refused as if they had come just now.
"""

from collections.abc import Iterator
from typing import Final

from clarion.core.ports import EntityId, Parcel, person_entity
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, error_reply
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import BODY, CLIENT, IQ
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.session import Session

# As ``readdress`` writes what comes from somebody's client: most stanzas need no parser here.
_REQUEST: Final = b"<iq from='"
_MESSAGE: Final = b"<message from='"


def refusals(session: Session, *, alone: bool) -> Iterator[tuple[EntityId, Parcel]]:
    """Write the errors for what a session that has ended leaves behind, and whom they are for.

    Args:
        session: One without XEP-0198 leaves nothing: it is not known what has arrived.
        alone: Whether none of the person's other sessions takes messages. Those
            that do have had the messages, or copies.

    """
    if session.outbound is None:
        return
    starts = (_REQUEST, _MESSAGE) if alone else (_REQUEST,)
    for raw in session.outbound.untokened():
        if raw.startswith(starts):
            refusal = _refusal(session, raw)
            if refusal is not None:
                yield refusal


def _refusal(session: Session, raw: bytes) -> tuple[EntityId, Parcel] | None:
    start = raw.index(b"'") + 1
    if b"/" not in raw[start : raw.index(b"'", start)]:
        return None  # an account speaks, or a node of its own: nobody waits for an answer
    tree = parse(raw, CLIENT)
    kind = tree.get("type", "normal")
    if tree.tag == IQ:
        unanswered = kind in {"get", "set"}
    else:
        unanswered = kind in {"normal", "chat"} and tree.find(BODY) is not None
    if not unanswered:
        return None
    stanza = Stanza(tree.tag, tree.attrib, (), raw)
    error = StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, f"{tree.get('to')} is not on line")
    asker = parse_jid(tree.get("from", ""))
    name, copy = ("iq", None) if tree.tag == IQ else ("message", tree.get("id", ""))
    answer = error_reply(stanza, error)
    parcel = Parcel(name, "error", session.full, asker.resource, answer, None, copy)
    return person_entity(asker.bare), parcel
