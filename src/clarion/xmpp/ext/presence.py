"""RFC 6121 section 4: available and unavailable presence, probes, and presence for one address."""

import re
from collections.abc import Awaitable
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.ports import Parcel, SessionRef
from clarion.wire.xml import parse
from clarion.wire.xmpp.avatars import marked
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid, parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.splice import readdress
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.activity import STATUS_LIMIT
from clarion.xmpp.context import Context
from clarion.xmpp.ext.subscriptions import correct
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.notices import Notice, plain, show_to, shown, to_person, to_watchers
from clarion.xmpp.pep_notices import heard
from clarion.xmpp.refusals import check_reachable
from clarion.xmpp.roster_book import RosterBook
from clarion.xmpp.session import Session

_PRIORITY: Final = f"{{{CLIENT}}}priority"
_STATUS: Final = f"{{{CLIENT}}}status"
_BYTE: Final = re.compile(r"[+-]?[0-9]{1,8}")

presence = Extension(
    Card(
        name="presence",
        spec="RFC 6121, section 4",
        title="Exchanging Presence Information",
        needs=("roster", "subscriptions"),
        test="tests/xmpp/test_presence.py",
    )
)


@presence.on_presence("")
def available(context: Context, stanza: Stanza) -> Awaitable[None] | None:
    """Take initial and subsequent presence, and presence for one address (4.2, 4.4, 4.6).

    Raises:
        StanzaError: The priority is none (4.7.2.3), or the address cannot be reached.
        JidError: ``to`` is no JID.

    """
    if "to" in stanza.attributes:
        _direct(context, stanza, "")
        return None
    priority = _priority(stanza)
    book = context.services.rosters.cached(context.account)
    if book is None:
        return _available_later(context, stanza, priority)
    _available(context, stanza, priority, book)
    return None


@presence.on_presence("unavailable")
def unavailable(context: Context, stanza: Stanza) -> None:
    """Take unavailable presence, for everybody or for one address (4.5, 4.6).

    Raises:
        StanzaError: The address cannot be reached.
        JidError: ``to`` is no JID.

    """
    if "to" in stanza.attributes:
        _direct(context, stanza, "unavailable")
        return
    session = context.session
    raw = readdress(stanza, sender=session.full, lang=session.lang or None)
    context.entity.farewell = _farewell(stanza)
    _leave(context, Notice("unavailable", session.full, raw))


@presence.on_presence("probe")
async def probe(context: Context, stanza: Stanza) -> None:
    """Answer the session that asks, as its contact's roster allows (section 4.3.2).

    That somebody is unknown, and that somebody does not show their presence,
    look the same.

    Raises:
        StanzaError: There is no ``to``, or the address cannot be reached.
        JidError: ``to`` is no JID.
        UnavailableError: The contact's roster cannot be read.

    """
    to = stanza.attributes.get("to")
    if to is None:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a probe needs to say whom it is for")
    recipient = _reachable(context, to)
    services, session, account = context.services, context.session, context.account
    if services.is_outside(recipient.bare):
        _send(context, stanza, "probe", recipient)
        return
    if services.blocking.between(session.jid, recipient):
        return  # XEP-0191 section 3.3: no answer to those whom the contact has blocked
    contact = recipient.bare
    person = services.directory.person(contact)
    if person is not None:
        book = await services.rosters.book(person)
        entity = context.people.get(contact)
        found = [] if entity is None else _named(entity.available(), recipient)
        if contact == account or account in book.watchers:
            for other in found:
                session.send(shown(other).to(session.full))
            if not found:
                session.send(plain("unavailable", contact).to(session.full))
            return
        # Section 4.6.5: whoever got directed presence may know that it still holds.
        named = [] if entity is None else _named(list(entity.sessions.values()), recipient)
        found = [s for s in named if not s.directed.isdisjoint((account, session.full))]
        for other in found:
            session.send(plain("", other.full).to(session.full))
        if found:
            return
    session.send(plain("unsubscribed", contact).to(account))


@presence.on_presence("error")
def error(context: Context, stanza: Stanza) -> None:
    """Return an error to the session whose presence it answers (section 8.5.3)."""
    recipient = parse_jid(stanza.attributes.get("to") or context.account)
    ours = recipient.domain == context.services.domain
    if recipient.resource and (ours or context.services.is_outside(recipient.bare)):
        _send(context, stanza, "error", recipient)


@presence.on_closed
def closed(context: Context) -> None:
    """Say for a session that is over what its client did not (section 4.5.2)."""
    _leave(context, plain("unavailable", context.session.full))
    context.services.rosters.release(context.session.id)


async def _available_later(context: Context, stanza: Stanza, priority: int) -> None:
    book = await context.services.rosters.book(context.person)
    _available(context, stanza, priority, book)


def _available(context: Context, stanza: Stanza, priority: int, book: RosterBook) -> None:
    services, session, entity = context.services, context.session, context.entity
    if session.ended:
        return
    services.rosters.hold(session.id, book)
    initial, took_messages = session.presence is None, session.takes_messages
    session.presence = readdress(stanza, sender=session.full, lang=session.lang or None)
    mark = services.nodes.photos.get(context.account)
    if mark is not None:
        session.presence = marked(stanza, session.presence, mark)
    session.priority = priority
    entity.farewell = ""
    _announce(context)
    notice = shown(session)
    # One's own sessions see each other, and themselves (4.2.2, 4.4.2).
    own = notice.to(context.account)
    for other in entity.available():
        other.send(own)
    to_watchers(services, context.people, book, notice)
    if initial:
        _greet(context, book)
    heard(context, stanza, initial=initial)
    if session.takes_messages and not took_messages:
        services.crew.errand(entity.deliver_waiting(session), name=f"catching up {session.full}")


def _greet(context: Context, book: RosterBook) -> None:
    """Give a newly available session what it could not have heard (4.2.2, 4.3, 3.1.3)."""
    services, session, account = context.services, context.session, context.account
    for other in context.entity.available():
        if other is not session:
            session.send(shown(other).to(session.full))
    for contact in list(book.watched):
        if context.people.get(contact) is None:
            if services.outside is not None and services.is_outside(contact):
                to_person(services, context.people, plain("probe", session.full), contact)
            continue
        if not show_to(services, context.people, account, contact, [session]):
            services.crew.errand(
                correct(services, context.people, account, contact),
                name=f"roster of {account}",
            )
    for contact, request in book.requests.items():
        # Colleagues have what they asked for; whoever is blocked is not heard.
        if not book.teams_of(contact) and not services.blocking.between(
            session.jid, parse_jid(contact)
        ):
            session.send(request)


def _leave(context: Context, notice: Notice) -> None:
    """Make a session unavailable, and tell all who saw it available (4.5.2)."""
    services, session, entity = context.services, context.session, context.entity
    if session.presence is not None:
        session.presence = session.priority = session.shown = None
        own = notice.to(context.account)
        for other in entity.available():
            other.send(own)
        if not session.ended:
            session.send(own)
            _announce(context)
        book = services.rosters.cached(context.account)
        assert book is not None, "the book of an available session is held"
        to_watchers(services, context.people, book, notice)
    directed, session.directed = session.directed, set()
    for address in sorted(directed):
        bare, _, resource = address.partition("/")
        services.router.to_entity(services.entity(bare), notice.parcel(bare, resource))


def _direct(context: Context, stanza: Stanza, kind: str) -> None:
    """Send presence to one address, and remember who must hear of its end (4.6.3)."""
    recipient = _reachable(context, stanza.attributes["to"])
    session, services = context.session, context.services
    known = services.directory.person(recipient.bare) is not None
    if session.ended or not (known or services.is_outside(recipient.bare)):
        return  # section 8.5.1: presence for nobody is dropped without a word
    if kind:
        session.directed.discard(recipient.full)
    elif not _hears_anyway(context, recipient):
        session.direct(recipient.full)
    _send(context, stanza, kind, recipient)


def _hears_anyway(context: Context, recipient: Jid) -> bool:
    """Whether the end of this session's presence is broadcast to ``recipient`` as it is."""
    if context.session.presence is None:
        return False
    book = context.services.rosters.cached(context.account)
    return book is not None and recipient.bare in book.watchers


def _send(context: Context, stanza: Stanza, kind: str, recipient: Jid) -> None:
    session = context.session
    raw = readdress(
        stanza, sender=session.full, recipient=recipient.full, lang=session.lang or None
    )
    mark = None if kind else context.services.nodes.photos.get(context.account)
    if mark is not None:
        raw = marked(stanza, raw, mark)
    parcel = Parcel("presence", kind, session.full, recipient.resource, raw)
    context.services.router.to_entity(context.services.entity(recipient.bare), parcel)


def _reachable(context: Context, to: str) -> Jid:
    recipient = parse_jid(to)
    check_reachable(context.services, recipient)
    return recipient


def _announce(context: Context) -> None:
    session = context.session
    ref = SessionRef(session.id, session.jid.resource, session.priority)
    context.services.sessions.announce(context.account, ref)


def _named(sessions: list[Session], recipient: Jid) -> list[Session]:
    if not recipient.resource:
        return sessions
    return [session for session in sessions if session.jid.resource == recipient.resource]


def _priority(stanza: Stanza) -> int:
    """Return the priority, 0 where none is given (section 4.7.2.3).

    Raises:
        StanzaError: It is not one number from -128 to 127.

    """
    count = stanza.children.count(_PRIORITY)
    if not count:
        return 0
    text = _text(parse(stanza.raw, CLIENT).find(_PRIORITY))
    if count > 1 or _BYTE.fullmatch(text) is None or not -128 <= int(text) <= 127:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a priority is one number, -128 to 127")
    return int(text)


def _farewell(stanza: Stanza) -> str:
    """Return the status of unavailable presence, for last activity (XEP-0012 section 3)."""
    if _STATUS not in stanza.children:
        return ""
    return _text(parse(stanza.raw, CLIENT).find(_STATUS))[:STATUS_LIMIT]


def _text(element: Element | None) -> str:
    return "" if element is None or len(element) else (element.text or "").strip()
