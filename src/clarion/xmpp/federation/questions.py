"""Requests from other domains, answered by the same handlers as those of our own people.

Only what is listed here is answered: the rest is for people who have an account.
"""

from inspect import isawaitable
from typing import Final

from clarion.core.model import Person
from clarion.core.ports import SessionId
from clarion.lib.ids import FIRST
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.afar import NOBODY
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.people import People
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.reach import Reach
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session
from clarion.xmpp.visibility import sees_presence

_INFO: Final = "{http://jabber.org/protocol/disco#info}query"
_ITEMS: Final = "{http://jabber.org/protocol/disco#items}query"
_PUBSUB: Final = "{http://jabber.org/protocol/pubsub}pubsub"
_VCARD: Final = "{vcard-temp}vCard"
_LAST: Final = "{jabber:iq:last}query"

ANSWERED: Final = frozenset(
    {
        ("server", "get", _INFO),
        ("server", "get", _ITEMS),
        ("server", "get", _LAST),
        ("server", "get", "{urn:xmpp:ping}ping"),
        ("server", "get", "{jabber:iq:version}query"),
        ("server", "get", "{urn:xmpp:time}time"),
        ("contact", "get", _INFO),
        ("contact", "get", _ITEMS),
        ("contact", "get", _LAST),
        ("contact", "get", _PUBSUB),
        ("contact", "get", _VCARD),
    }
)
"""What other domains may ask: whom (``At``), how, and with which payload."""


async def answer_request(
    services: Services,
    people: People,
    switchboard: Switchboard,
    stanza: Stanza,
    sender: Jid,
    recipient: Jid,
) -> bytes | None:
    """Answer a request.

    Returns:
        The whole answer; ``None``: it is to be handed to the session that its full JID names.

    Raises:
        StanzaError: It is refused.
        ClarionError: See ``IqHandler``.

    """
    kind, tag = stanza.attributes["type"], stanza.children[0]
    context = _context(services, people, sender)
    payload = parse(stanza.raw, CLIENT)[0]
    if recipient.resource and recipient.local:
        guard = switchboard.iqs.get(("session", kind, tag))
        allowed = None if guard is None else guard(context, stanza, payload)
        if isawaitable(allowed):
            await allowed
        return None
    place = "contact" if recipient.local else "server"
    handler = switchboard.iqs.get((place, kind, tag))
    if handler is None or (place, kind, tag) not in ANSWERED:
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "nobody here answers that")
    if tag == _VCARD:
        person = services.directory.person(recipient.bare)
        if not await sees_presence(context, person):
            # The directory is for the organisation's own people.
            raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "only contacts may ask for it")
    result = handler(context, stanza, payload)
    inner = await result if isawaitable(result) else result
    start = (
        f"<iq type='result' id='{escape(stanza.attributes['id'])}'"
        f" from='{escape(recipient.full)}' to='{escape(sender.full)}'"
    ).encode()
    return b"%s>%s</iq>" % (start, inner) if inner else start + b"/>"


def _context(services: Services, people: People, sender: Jid) -> Context:
    """Return what handlers are given of somebody who has no session here."""
    person = Person(NOBODY, sender.bare, sender.local or sender.domain)
    entity = PersonEntity(
        person,
        services.domain,
        services.archive,
        services.ledger,
        services.seal,
        services.clock,
        Reach(FIRST, waiting=False),
        services.blocking,
    )
    return Context(Session(SessionId(""), person, sender, ""), entity, people, services)
