"""Subscriptions to a person's nodes, and who is member or outcast (XEP-0060 5.6, 5.7, 6, 8.8, 8.9).

What can only be done to one's own nodes is said with ``own``; all else is for
everybody whom the node's access model lets see it.
"""

from typing import Final

from clarion.core.model import Person
from clarion.wire.xmpp import pubsub as ask
from clarion.wire.xmpp import pubsub_answers as say
from clarion.wire.xmpp import pubsub_owner as own
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.node_config import refusal
from clarion.wire.xmpp.node_parties import Party, PartyKind
from clarion.xmpp.context import Context
from clarion.xmpp.node_book import Node, NodeBook
from clarion.xmpp.pep_notices import access_refused, welcome

EACH_LIMIT: Final = 10
"""LIMIT: subscriptions of one person to one node, so that nobody takes the place of others."""


async def refused(context: Context, owner: Person, node: Node) -> StanzaError | None:
    """Say why the requester may not see a node; ``None``: they may.

    Raises:
        UnavailableError: The owner's roster cannot be read.

    """
    if owner.address == context.account:
        return None
    roster = await context.services.rosters.book(owner)
    return access_refused(node, roster, context.account)


async def subscribe(context: Context, owner: Person, request: ask.Subscribe) -> bytes:
    """Subscribe the requester (section 6.1); the last item follows the answer or comes before.

    Raises:
        StanzaError: It is somebody else's JID, or the node may not be seen,
            or there are too many.
        UnavailableError: The store cannot keep it; nothing has changed.

    """
    jid = request.jid
    if jid.bare != context.account:
        raise refusal(StanzaCondition.BAD_REQUEST, "invalid-jid", "subscribe a JID of your own")
    services = context.services
    async with services.nodes.change(owner) as book:
        node = book.require(request.node)
        why = await refused(context, owner, node)
        if why is not None:
            raise why
        if jid.full not in node.subscribers:
            if len(node.subscriptions(jid.bare)) >= EACH_LIMIT:
                raise refusal(
                    StanzaCondition.POLICY_VIOLATION,
                    "too-many-subscriptions",
                    f"you are subscribed to this node {EACH_LIMIT} times; end one first",
                )
            await book.change_parties(node, (Party(jid.full, PartyKind.SUBSCRIBER),), ())
        await welcome(services, book, node, jid)
    return say.subscription_answer(request.node, jid.full, subscribed=True)


async def unsubscribe(context: Context, owner: Person, request: ask.Unsubscribe) -> bytes:
    """End a subscription of the requester's (section 6.2), whoever may see the node by now.

    Raises:
        StanzaError: It is somebody else's JID, or there is no such subscription.
        UnavailableError: The store cannot do it; nothing has changed.

    """
    jid = request.jid
    if jid.bare != context.account:
        raise StanzaError(StanzaCondition.FORBIDDEN, "this is somebody else's subscription")
    async with context.services.nodes.change(owner) as book:
        node = book.require(request.node)
        if jid.full not in node.subscribers:
            raise refusal(
                StanzaCondition.UNEXPECTED_REQUEST,
                "not-subscribed",
                "there is no such subscription",
            )
        await book.change_parties(node, (), (Party(jid.full, PartyKind.SUBSCRIBER),))
    return say.subscription_answer(request.node, jid.full, subscribed=False)


def subscriptions(context: Context, book: NodeBook, name: str) -> bytes:
    """Tell the requester what they are subscribed to (section 5.6).

    Raises:
        StanzaError: There is no such node.

    """
    found = [
        (node.name, jid)
        for node in _named(book, name)
        for jid in node.subscriptions(context.account)
    ]
    return say.subscriptions_answer(found, name)


def affiliations(context: Context, book: NodeBook, name: str) -> bytes:
    """Tell the requester what they are to which nodes (section 5.7)."""
    nodes = [node for node in book.nodes() if name in {"", node.name}]
    if book.address == context.account:
        return say.affiliations_answer([(node.name, "owner") for node in nodes], name)
    account = context.account
    found = [(one.name, one.affiliations[account]) for one in nodes if account in one.affiliations]
    return say.affiliations_answer(found, name)


def parties(context: Context, node: Node) -> bytes:
    """Tell the owner who is what to a node (section 8.9.1)."""
    return say.parties_answer(node.name, context.account, node.affiliations.items())


async def set_affiliations(book: NodeBook, request: own.SetAffiliations, owner: str) -> None:
    """Make people members or outcasts, or neither (section 8.9.2).

    Whoever may not see the node any more because of it is not subscribed any
    more either (section 8.9.2.5).

    Raises:
        StanzaError: There is no such node, or they are too many, or it is
            the owner's own affiliation; nothing has changed.
        UnavailableError: The store cannot keep it; nothing has changed.

    """
    node = book.require(request.node)
    put: list[Party] = []
    dropped: list[Party] = []
    for address, kind in request.changes:
        if address == owner:
            raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "its owner stays the owner of a node")
        before = node.affiliations.get(address)
        if before is kind:
            continue
        if before is not None:
            dropped.append(Party(address, before))
        if kind is not None:
            put.append(Party(address, kind))
        if kind is not PartyKind.MEMBER:
            jids = node.subscriptions(address)
            dropped += [Party(jid, PartyKind.SUBSCRIBER) for jid in jids]
    if put or dropped:
        await book.change_parties(node, put, dropped)


async def set_subscriptions(book: NodeBook, request: own.SetSubscriptions) -> None:
    """End subscriptions of others (section 8.8.2); only they themselves begin them.

    Raises:
        StanzaError: There is no such node, or somebody would be subscribed anew.
        UnavailableError: The store cannot do it; nothing has changed.

    """
    node = book.require(request.node)
    dropped = []
    for jid, subscribed in request.changes:
        known = jid.full in node.subscribers
        if subscribed and not known:
            raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, f"{jid.full} has not subscribed")
        if known and not subscribed:
            dropped.append(Party(jid.full, PartyKind.SUBSCRIBER))
    if dropped:
        await book.change_parties(node, (), dropped)


def _named(book: NodeBook, name: str) -> list[Node]:
    return [book.require(name)] if name else list(book.nodes())
