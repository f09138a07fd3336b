"""Service discovery: what the server and each account can do (XEP-0030 2.5).

The features and identities are those on the cards of all features, joined by
the ``Switchboard`` and handed in with ``Services.features``. Who has nodes
answers for them with ``Extension.on_node``.
"""

from contextlib import suppress
from inspect import isawaitable
from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xmpp.caps import INFO, INFO_QUERY, Identity
from clarion.wire.xmpp.disco_answers import ITEMS, ITEMS_QUERY, answer, info, item
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import At, Card, Extension
from clarion.xmpp.visibility import sees_presence

# The registry's identities (https://xmpp.org/registrar/disco-categories.html).
_SERVER: Final = Identity("server", "im", "Clarion")
_ACCOUNT: Final = Identity("account", "registered")

disco = Extension(
    Card(
        name="disco",
        spec="XEP-0030",
        title="Service Discovery",
        version="2.5.0",
        test="tests/xmpp/test_disco.py",
        features=(INFO, ITEMS),
        account_features=(INFO, ITEMS),
        identities=(_SERVER,),
        account_identities=(_ACCOUNT,),
    )
)


@disco.on_iq("get", INFO_QUERY, at=("server",))
async def server_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell what the server is and can do (section 3.1); the same for its own capabilities' node."""
    node = query.get("node")
    if node and node != context.services.features.caps_node:
        return answer(query, INFO, await _node(context, stanza, query, "server", "info"))
    return answer(query, INFO, _info_of_server(context))


@disco.on_iq("get", INFO_QUERY, at=("account",))
async def account_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell what the server does for one's own account."""
    if query.get("node"):
        return answer(query, INFO, await _node(context, stanza, query, "account", "info"))
    return answer(query, INFO, _info_of_account(context))


@disco.on_iq("get", ITEMS_QUERY, at=("server",))
async def server_items(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell which further addresses and nodes there are (section 4.1)."""
    inner = await _node(context, stanza, query, "server", "items")
    if context.services.rooms_domain and not query.get("node"):
        inner = item(context.services.rooms_domain, "Rooms") + inner  # XEP-0045 section 6.1
    return answer(query, ITEMS, inner)


@disco.on_iq("get", ITEMS_QUERY, at=("account",))
async def account_items(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell which nodes one's own account has."""
    return answer(query, ITEMS, await _node(context, stanza, query, "account", "items"))


@disco.on_iq("get", INFO_QUERY, at=("room",))
async def room_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell of a node of a room that is not the room's own, such as a command."""
    return answer(query, INFO, await _node(context, stanza, query, "room", "info"))


@disco.on_iq("get", ITEMS_QUERY, at=("room",))
async def room_items(context: Context, stanza: Stanza, query: Element) -> bytes:
    """List what there is in such a node."""
    return answer(query, ITEMS, await _node(context, stanza, query, "room", "items"))


@disco.on_iq("get", INFO_QUERY, at=("contact",))
async def contact_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell what the server does for another account.

    Raises:
        StanzaError: There is no such person, or the requester may not see
            that person's presence (section 8, rule 1); or there is no such node.

    """
    if not await _may_see(context, stanza):
        # An open node is for strangers too (XEP-0060 section 4.5).
        return answer(query, INFO, await _told_stranger(context, stanza, query, "info"))
    if query.get("node"):
        return answer(query, INFO, await _node(context, stanza, query, "contact", "info"))
    return answer(query, INFO, _info_of_account(context))


@disco.on_iq("get", ITEMS_QUERY, at=("contact",))
async def contact_items(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell of the nodes of another account; to strangers of open ones (section 8, rule 2)."""
    if await _may_see(context, stanza):
        inner = await _node(context, stanza, query, "contact", "items")
    else:
        inner = await _told_stranger(context, stanza, query, "items")
    return answer(query, ITEMS, inner)


def _info_of_server(context: Context) -> bytes:
    """Return what stands inside the server's disco#info answer."""
    told = context.services.features
    return info(told.identities, told.server, told.forms)


def _info_of_account(context: Context) -> bytes:
    told = context.services.features
    return info(told.account_identities, told.account)


async def _may_see(context: Context, stanza: Stanza) -> bool:
    bare = parse_jid(stanza.attributes["to"]).bare
    return await sees_presence(context, context.services.directory.person(bare))


async def _told_stranger(context: Context, stanza: Stanza, query: Element, what: str) -> bytes:
    """Return what somebody is told who does not see the person's presence.

    Raises:
        StanzaError: There is nothing that they may know, and it is not a list.

    """
    person = context.services.directory.person(parse_jid(stanza.attributes["to"]).bare)
    if person is not None and not person.disabled:
        with suppress(StanzaError):
            inner = await _node(context, stanza, query, "stranger", what)
            if inner:
                return inner
    if what == "items":
        return b""
    raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "only contacts may ask about an account")


async def _node(context: Context, stanza: Stanza, query: Element, at: At, what: str) -> bytes:
    """Ask who answers for the node of ``query``.

    Raises:
        StanzaError: There is no such node.

    """
    node, nodes = query.get("node", ""), context.services.features.nodes
    handler = nodes.get((at, what, node))
    if handler is None and node:
        handler = nodes.get((at, what, "*"))
    inner = None if handler is None else handler(context, stanza, query)
    if isawaitable(inner):
        inner = await inner
    if inner is not None:
        return inner
    if node:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such node")
    return b""
