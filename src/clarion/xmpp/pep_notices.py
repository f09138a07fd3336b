"""Who hears of what happens at a person's nodes, and when (XEP-0163 section 4, XEP-0060 section 9).

A client hears of the nodes that it wants to hear of, if it is on line and the
node's access model lets its person see it. Nothing of it is kept for later.
"""

import asyncio
from collections.abc import Collection, Iterable
from typing import Final

from clarion.core.ports import Parcel, person_entity
from clarion.lib.errors import UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid, parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.node_config import AccessModel, NodeConfig, SendLast, refusal
from clarion.wire.xmpp.pubsub_answers import Notification, Written, addressed, items_event
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.afar import NOBODY, Afar, Greeted
from clarion.xmpp.context import Context
from clarion.xmpp.interests import Learnt
from clarion.xmpp.node_book import NodeBook
from clarion.xmpp.people import People
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.roster_book import RosterBook
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session

EVENT: Final = "event"
"""The name of a parcel that holds a notification without ``to``; its kind is the node."""

SLICE: Final = 50
"""Contacts that are told, or looked at, before others get their turn on the loop: about 1 ms."""
WAITING_LIMIT: Final = 100
"""LIMIT: stanzas that a client may have unacknowledged before it is sent more last items; those
of hundreds of contacts at once would be more than its queue holds."""
WAITING_LIMIT_BYTES: Final = 65_536
"""LIMIT: the same in bytes."""

log = get_logger("xmpp")


def access_refused(config: NodeConfig, roster: RosterBook, address: str) -> StanzaError | None:
    """Say why somebody else may not see a node; ``None``: they may (XEP-0060 section 6.5.9).

    Args:
        config: The node's.
        roster: Its owner's.
        address: Bare JID of who asks.

    """
    if config.access is AccessModel.OPEN:
        return None
    if config.access is AccessModel.WHITELIST:
        return refusal(
            StanzaCondition.NOT_ALLOWED, "closed-node", "only its owner may see this node"
        )
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


async def tell(context: Context, node: str, config: NodeConfig, event: bytes) -> None:
    """Tell everybody concerned what happened at a node of the session's person.

    Whoever changed the node still holds its book, so notifications have the
    order of what they tell of.

    Raises:
        UnavailableError: The person's roster cannot be read; their own
            clients have been told.

    """
    if not config.deliver:
        return
    services, entity = context.services, context.entity
    notice = Notification(context.account, event, services.token(), headline=config.headline)
    for session in entity.sessions.values():
        if session.presence is not None and services.interests.wants(session.id, node):
            session.send(notice.to(session.full))
    if config.access is AccessModel.WHITELIST:
        return
    roster = await services.rosters.book(context.person)
    owner, blocking = parse_jid(context.account), services.blocking
    for place, address in enumerate(list(roster.watchers), start=1):
        # Presence must go both ways: we learn what a contact wants from theirs (9.2).
        if context.people.get(address) is not None and address in roster.watched:
            # XEP-0163 section 4.3.3
            blocked = blocking.lists and blocking.between(owner, parse_jid(address))
            if not blocked and access_refused(config, roster, address) is None:
                parcel = Parcel(EVENT, node, context.account, "", notice.raw)
                services.router.to_entity(person_entity(address), parcel)
        elif services.afar is not None and address in roster.watched:
            _tell_afar(services, services.afar, notice, owner, address, config, roster, node)
        if place % SLICE == 0:
            await asyncio.sleep(0)


def _tell_afar(
    services: Services,
    afar: Afar,
    notice: Notification,
    owner: Jid,
    address: str,
    config: NodeConfig,
    roster: RosterBook,
    node: str,
) -> None:
    """Tell those clients of a contact of another server that want to hear of the node."""
    for session in afar.of(address):
        if (
            afar.wants(session, node)
            and not services.blocking.between(owner, session.jid)
            and access_refused(config, roster, address) is None
        ):
            session.send(notice.to(session.full))


def greet_afar(services: Services, greeted: Iterable[Greeted]) -> None:
    """Send clients of other servers the last items of people of ours (XEP-0163 section 4.3.4)."""
    for session, account, nodes in greeted:
        services.crew.errand(
            _greet(services, session, nodes, (account,)), name=f"last items for {session.full}"
        )


def take_event(services: Services, entity: PersonEntity, parcel: Parcel) -> None:
    """Hand a notification to those clients of a person that want it."""
    for session in entity.sessions.values():
        if session.presence is not None and services.interests.wants(session.id, parcel.kind):
            session.send(addressed(parcel.stanza, session.full))


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
            if found is not None and not access_refused(found.config, roster, session.jid.bare):
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
    config = node.config
    item = await book.last(node) if config.deliver else None
    if item is None or session.ended or session.presence is None:
        return
    event = items_event(name, Written(item.id, item.payload if config.payloads else b""))
    notice = Notification(
        book.address, event, services.token(), headline=config.headline, at=item.at
    )
    session.send(notice.to(session.full))
