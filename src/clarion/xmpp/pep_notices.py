"""Who hears of what happens at a person's nodes, and when (XEP-0163 section 4, XEP-0060 section 9).

A client hears of the nodes that it wants to hear of, or that it or its person
is subscribed to, if it is on line and the node's access model lets its person
see it. Nothing of it is kept for later.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from clarion.core.ports import Parcel, person_entity
from clarion.lib.errors import UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid, parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.node_config import AccessModel, SendLast, refusal
from clarion.wire.xmpp.node_parties import PartyKind
from clarion.wire.xmpp.pubsub_answers import (
    Notification,
    Written,
    addressed,
    items_event,
    retract_event,
)
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.afar import NOBODY, Afar, Greeted
from clarion.xmpp.context import Context
from clarion.xmpp.interests import Learnt
from clarion.xmpp.node_book import Node, NodeBook
from clarion.xmpp.people import People
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.publishing import Published
from clarion.xmpp.roster_book import RosterBook
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session

EVENT: Final = "event"
"""The name of a parcel that holds a notification without ``to``; its kind is the node.

It is for clients that want to hear of the node.
"""
SUBSCRIBED: Final = "event-subscribed"
"""The same, for the clients of a person who is subscribed as such."""
DIRECT: Final = "event-direct"
"""The same, for the one client that is subscribed."""
BESIDE: Final = "event-beside"
"""The same, unless it wants to hear of the node anyway, and so has got an ``EVENT``."""
EVENTS: Final = frozenset({EVENT, SUBSCRIBED, DIRECT, BESIDE})

SLICE: Final = 50
"""Contacts that are told, or looked at, before others get their turn on the loop: about 1 ms."""
WAITING_LIMIT: Final = 100
"""LIMIT: stanzas that a client may have unacknowledged before it is sent more last items; those
of hundreds of contacts at once would be more than its queue holds."""
WAITING_LIMIT_BYTES: Final = 65_536
"""LIMIT: the same in bytes."""

log = get_logger("xmpp")


def access_refused(node: Node, roster: RosterBook, address: str) -> StanzaError | None:
    """Say why somebody else may not see a node; ``None``: they may (XEP-0060 section 6.5.9).

    Args:
        node: The node.
        roster: Its owner's.
        address: Bare JID of who asks.

    """
    config, affiliation = node.config, node.affiliations.get(address)
    if affiliation is PartyKind.OUTCAST:
        return StanzaError(StanzaCondition.FORBIDDEN, "its owner keeps you from seeing this node")
    if config.access is AccessModel.OPEN or affiliation is PartyKind.MEMBER:
        return None
    if config.access is AccessModel.WHITELIST:
        return refusal(StanzaCondition.NOT_ALLOWED, "closed-node", "only members may see this node")
    if address not in roster.watchers:
        return refusal(
            StanzaCondition.NOT_AUTHORIZED,
            "presence-subscription-required",
            "only those who get its owner's presence may see this node",
        )
    if config.access is AccessModel.ROSTER:
        item = roster.get(address)
        if item is None or not set(item.groups) & set(config.groups):
            return refusal(
                StanzaCondition.NOT_AUTHORIZED,
                "not-in-roster-group",
                "only some groups of its owner's roster may see this node",
            )
    return None


async def tell(context: Context, node: Node, event: bytes) -> None:
    """Tell everybody concerned what happened at a node of the session's person.

    Whoever changed the node still holds its book, so notifications have the
    order of what they tell of.

    Raises:
        UnavailableError: The person's roster cannot be read; their own
            clients have been told.

    """
    if not node.config.deliver:
        return
    services, account = context.services, context.account
    notice = Notification(account, event, services.token(), headline=node.config.headline)
    subscribed = _subscribed(node)
    for parcel in _parcels(node, account, notice, subscribed.pop(account, None), contact=True):
        take_event(services, context.entity, parcel)
    if not (node.shown or subscribed):
        return
    roster = await services.rosters.book(context.person)
    closed = node.config.access is AccessModel.WHITELIST
    contacts = node.affiliations if closed else roster.watchers
    for place, address in enumerate([*contacts, *(subscribed.keys() - contacts)], start=1):
        # Presence must go both ways: we learn what a contact wants from theirs (9.2).
        contact = address in roster.watchers and address in roster.watched
        resources = subscribed.get(address)
        if (contact or resources) and _may_hear(context, node, roster, address):
            for parcel in _parcels(node, account, notice, resources, contact=contact):
                services.router.to_entity(person_entity(address), parcel)
        elif services.afar is not None and address in roster.watched:
            _tell_afar(services, services.afar, notice, parse_jid(account), address, node, roster)
        if place % SLICE == 0:
            await asyncio.sleep(0)


async def tell_published(context: Context, published: Published) -> None:
    """Tell of a new item, and of those that made room for it where the node is set up so.

    Raises:
        UnavailableError: See ``tell``.

    """
    node, item = published.node, published.item
    written = None
    if item is not None:
        written = Written(item.id, item.payload if node.config.payloads else b"")
    await tell(context, node, items_event(node.name, written))
    if published.retracted and node.config.notify_retract:
        await tell(context, node, retract_event(node.name, published.retracted))


def _subscribed(node: Node) -> dict[str, list[str]]:
    """Return who is subscribed: bare JIDs, each with its resources, ``""`` for the bare JID."""
    found: dict[str, list[str]] = {}
    for jid in node.subscribers:
        address, _, resource = jid.partition("/")
        found.setdefault(address, []).append(resource)
    return found


def _may_hear(context: Context, node: Node, roster: RosterBook, address: str) -> bool:
    """Whether somebody is here, may see the node, and is not blocked (XEP-0163 4.3.3)."""
    blocking = context.services.blocking
    if context.people.get(address) is None:
        return False
    if blocking.lists and blocking.between(parse_jid(context.account), parse_jid(address)):
        return False
    return access_refused(node, roster, address) is None


def _parcels(
    node: Node,
    sender: str,
    notice: Notification,
    resources: Sequence[str] | None,
    *,
    contact: bool,
) -> Iterator[Parcel]:
    """Give what one person is sent, so that no client of theirs gets it twice.

    Args:
        node: The node.
        sender: Its owner's bare JID.
        notice: The notification.
        resources: With which they are subscribed; ``None``: they are not.
        contact: Whether what their clients want counts.

    """
    if resources is not None and "" in resources:
        yield Parcel(SUBSCRIBED, node.name, sender, "", notice.raw)
        return
    if contact:
        yield Parcel(EVENT, node.name, sender, "", notice.raw)
    for resource in resources or ():
        yield Parcel(BESIDE if contact else DIRECT, node.name, sender, resource, notice.raw)


def _tell_afar(
    services: Services,
    afar: Afar,
    notice: Notification,
    owner: Jid,
    address: str,
    node: Node,
    roster: RosterBook,
) -> None:
    """Tell those clients of a contact of another server that want to hear of the node."""
    for session in afar.of(address):
        if (
            afar.wants(session, node.name)
            and not services.blocking.between(owner, session.jid)
            and access_refused(node, roster, address) is None
        ):
            session.send(notice.to(session.full))


def greet_afar(services: Services, greeted: Iterable[Greeted]) -> None:
    """Send clients of other servers the last items of people of ours (XEP-0163 section 4.3.4)."""
    for session, account, nodes in greeted:
        services.crew.errand(
            _greet(services, session, nodes, (account,)), name=f"last items for {session.full}"
        )


def take_event(services: Services, entity: PersonEntity, parcel: Parcel) -> None:
    """Hand a notification to those clients of a person that want it or are subscribed."""
    for session in entity.sessions.values():
        if session.presence is not None:
            wants = services.interests.wants(session.id, parcel.kind)
            if _takes(session, parcel, wants=wants):
                session.send(addressed(parcel.stanza, session.full))


def _takes(session: Session, parcel: Parcel, *, wants: bool) -> bool:
    if parcel.name == EVENT:
        return wants
    if parcel.name == SUBSCRIBED:
        return wants or session.takes_messages
    named = session.jid.resource == parcel.resource
    return named and not (wants and parcel.name == BESIDE)


async def welcome(services: Services, book: NodeBook, node: Node, jid: Jid) -> None:
    """Send a new subscriber the last item (XEP-0060 section 6.1.7); the caller holds the book.

    Raises:
        UnavailableError: The store cannot answer.

    """
    if node.config.send_last is SendLast.NEVER:
        return
    notice = await _last_notice(services, book, node)
    if notice is not None:
        name = DIRECT if jid.resource else SUBSCRIBED
        parcel = Parcel(name, node.name, book.address, jid.resource, notice.raw)
        services.router.to_entity(person_entity(jid.bare), parcel)


def heard(context: Context, stanza: Stanza, *, initial: bool) -> None:
    """Take a session's available presence: what its client wants to hear of."""
    services = context.services
    _greet_soon(context, services.interests.heard(context.session, stanza, initial=initial))


def answered(context: Context, stanza: Stanza) -> bool:
    """Take what a client says it can do; ``False``: this is no answer to that."""
    services, session = context.services, context.session
    if not services.interests.expects(session.id, stanza.attributes.get("id", "")):
        return False
    payload = None
    if stanza.attributes.get("type") == "result" and len(stanza.children) == 1:
        payload = parse(stanza.raw, CLIENT)[0]
    _greet_soon(context, services.interests.answered(session, stanza, payload))
    return True


def _greet_soon(context: Context, learnt: Iterable[Learnt]) -> None:
    services = context.services
    for session, nodes in learnt:
        services.crew.errand(
            _greet(services, session, nodes), name=f"last items for {session.full}"
        )


def introduce(services: Services, people: People, watcher: str, contacts: Collection[str]) -> None:
    """Send a person's clients the last items of those whom they see since now (XEP-0163 4.3.4).

    Args:
        services: The house.
        people: Who is on line.
        watcher: The person's bare JID.
        contacts: Theirs.

    """
    entity = people.get(watcher)
    for session in () if entity is None else entity.available():
        nodes = services.interests.of(session.id)
        if nodes:
            services.crew.errand(
                _greet(services, session, nodes, contacts),
                name=f"last items of new contacts for {session.full}",
            )


async def _greet(
    services: Services,
    session: Session,
    nodes: frozenset[str],
    contacts: Collection[str] | None = None,
) -> None:
    """Send a client that came on line the last item of each node it wants (XEP-0163 4.3.4).

    Args:
        services: The house.
        session: The client's.
        nodes: Which it wants.
        contacts: Only of these; ``None``: of its own person and all contacts.

    """
    try:
        if contacts is None:
            for node in nodes:
                async with services.nodes.change(session.person) as book:
                    await _send_last(services, session, book, node)
                await _let_take(session)
        if session.person.number == NOBODY:
            for address in contacts or ():
                await _show_contact(services, session, address, nodes)
            return
        roster = await services.rosters.book(session.person)
        watched, watchers = roster.watched, roster.watchers
        for place, address in enumerate(list(watched if contacts is None else contacts), start=1):
            if address in watchers and address in watched and not session.ended:
                await _show_contact(services, session, address, nodes)
            if place % SLICE == 0:
                await asyncio.sleep(0)
    except UnavailableError as error:
        log.warning("last items were not sent", jid=session.full, why=str(error))


async def _show_contact(
    services: Services, session: Session, address: str, nodes: frozenset[str]
) -> None:
    wanted = [node for node in nodes if address in services.nodes.owners_of(node)]
    owner = services.directory.person(address) if wanted else None
    if owner is None or owner.disabled:
        return
    blocking = services.blocking
    if blocking.lists and blocking.between(session.jid, parse_jid(address)):
        return
    roster = await services.rosters.book(owner)
    for node in wanted:
        async with services.nodes.change(owner) as book:
            found = book.get(node)
            if found is not None and not access_refused(found, roster, session.jid.bare):
                await _send_last(services, session, book, node)
        await _let_take(session)


async def _let_take(session: Session) -> None:
    """Wait until the client has read, and with XEP-0198 acknowledged, most of what it got."""
    if session.line is not None:
        await session.line.drained()
    await session.room(WAITING_LIMIT, WAITING_LIMIT_BYTES)


async def _send_last(services: Services, session: Session, book: NodeBook, name: str) -> None:
    node = book.get(name)
    if node is None or node.config.send_last is not SendLast.ON_SUB_AND_PRESENCE:
        return
    notice = await _last_notice(services, book, node)
    if notice is not None and not session.ended and session.presence is not None:
        session.send(notice.to(session.full))


async def _last_notice(services: Services, book: NodeBook, node: Node) -> Notification | None:
    config = node.config
    item = await book.last(node) if config.deliver else None
    if item is None:
        return None
    event = items_event(node.name, Written(item.id, item.payload if config.payloads else b""))
    return Notification(book.address, event, services.token(), headline=config.headline, at=item.at)
