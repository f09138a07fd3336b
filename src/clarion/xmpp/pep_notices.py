"""Who hears of what happens at a person's nodes, and when (XEP-0163 section 4, XEP-0060 section 9).

A client hears of the nodes that it wants to hear of, if it is on line and the
node's access model lets its person see it. Nothing of it is kept for later.
"""

from collections.abc import Iterable
from typing import Final

from clarion.core.model import Person
from clarion.core.ports import Parcel, person_entity
from clarion.lib.errors import UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.node_config import AccessModel, NodeConfig, SendLast, refusal
from clarion.wire.xmpp.pubsub_answers import Notification, Written, addressed, items_event
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.interests import Learnt
from clarion.xmpp.node_book import NodeBook
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.roster_book import RosterBook
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session

EVENT: Final = "event"
"""The name of a parcel that holds a notification without ``to``; its kind is the node."""

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
    watched, owner = set(roster.watched), context.session.jid
    for address in list(roster.watchers):
        # Presence must go both ways: we learn what a contact wants from theirs (9.2).
        if address in watched and context.people.get(address) is not None:
            if services.blocking.between(parse_jid(owner.bare), parse_jid(address)):
                continue  # XEP-0163 section 4.3.3
            if access_refused(config, roster, address) is None:
                parcel = Parcel(EVENT, node, context.account, "", notice.raw)
                services.router.to_entity(person_entity(address), parcel)


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
    for session, nodes in learnt:
        context.services.crew.errand(
            _greet(context, session, nodes), name=f"last items for {session.full}"
        )


async def _greet(context: Context, session: Session, nodes: frozenset[str]) -> None:
    """Send a client that came on line the last item of each node it wants (XEP-0163 4.3.4)."""
    services, account = context.services, session.jid.bare
    try:
        async with services.nodes.change(session.person) as book:
            for node in nodes:
                await _send_last(context, session, book, node)
        roster = await services.rosters.book(session.person)
        for node in nodes:
            owners = services.nodes.owners_of(node)
            if not owners:
                continue
            watchers = set(roster.watchers)
            for address in [one for one in roster.watched if one in owners and one in watchers]:
                owner = services.directory.person(address)
                blocked = services.blocking.between(parse_jid(account), parse_jid(address))
                if owner is not None and not owner.disabled and not blocked:
                    await _show_contact(context, session, owner, node)
    except UnavailableError as error:
        log.warning("last items were not sent", jid=session.full, why=str(error))


async def _show_contact(context: Context, session: Session, owner: Person, node: str) -> None:
    roster = await context.services.rosters.book(owner)
    async with context.services.nodes.change(owner) as book:
        found = book.get(node)
        if found is not None and not access_refused(found.config, roster, session.jid.bare):
            await _send_last(context, session, book, node)


async def _send_last(context: Context, session: Session, book: NodeBook, name: str) -> None:
    node = book.get(name)
    if node is None or node.config.send_last is not SendLast.ON_SUB_AND_PRESENCE:
        return
    config = node.config
    item = await book.last(node) if config.deliver else None
    if item is None or session.ended or session.presence is None:
        return
    event = items_event(name, Written(item.id, item.payload if config.payloads else b""))
    notice = Notification(
        book.address, event, context.services.token(), headline=config.headline, at=item.at
    )
    session.send(notice.to(session.full))
