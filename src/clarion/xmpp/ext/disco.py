"""Service discovery: what the server and each account can do (XEP-0030 2.5).

The features are those on the cards of all features, joined by the
``Switchboard`` and handed in with ``Services.features``.
"""

from collections.abc import Iterable
from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

INFO: Final = "http://jabber.org/protocol/disco#info"
ITEMS: Final = "http://jabber.org/protocol/disco#items"
INFO_QUERY: Final = f"{{{INFO}}}query"
ITEMS_QUERY: Final = f"{{{ITEMS}}}query"

# The registry's identities (https://xmpp.org/registrar/disco-categories.html).
_SERVER: Final = "<identity category='server' type='im' name='Clarion'/>"
_ACCOUNT: Final = "<identity category='account' type='registered'/>"

disco = Extension(
    Card(
        name="disco",
        spec="XEP-0030",
        title="Service Discovery",
        version="2.5.0",
        test="tests/xmpp/test_disco.py",
        features=(INFO, ITEMS),
        account_features=(INFO, ITEMS),
    )
)


@disco.on_iq("get", INFO_QUERY, at=("server",))
def server_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell what the server is and can do (section 3.1)."""
    _no_node(query)
    return _info(query, _SERVER, context.services.features.server)


@disco.on_iq("get", INFO_QUERY, at=("account",))
def account_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell what the server does for one's own account."""
    _no_node(query)
    return _info(query, _ACCOUNT, context.services.features.account)


@disco.on_iq("get", ITEMS_QUERY, at=("server", "account"))
def items(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell which further addresses there are (section 4.1): none yet."""
    _no_node(query)
    return _answer(query, ITEMS, "")


@disco.on_iq("get", INFO_QUERY, at=("contact",))
async def contact_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell what the server does for another account.

    Raises:
        StanzaError: There is no such person, or the requester may not see
            that person's presence (section 8, rule 1); or there is no such node.

    """
    if not await _may_see(context, stanza):
        raise StanzaError(
            StanzaCondition.SERVICE_UNAVAILABLE, "only contacts may ask about an account"
        )
    _no_node(query)
    return _info(query, _ACCOUNT, context.services.features.account)


@disco.on_iq("get", ITEMS_QUERY, at=("contact",))
async def contact_items(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell of the addresses below another account: none, whoever asks (section 8, rule 2)."""
    if await _may_see(context, stanza):
        _no_node(query)
    return _answer(query, ITEMS, "")


async def _may_see(context: Context, stanza: Stanza) -> bool:
    """Say whether the requester gets the presence of the person who is asked about."""
    services = context.services
    person = services.directory.person(parse_jid(stanza.attributes["to"]).bare)
    if person is None or person.disabled:
        return False
    book = await services.rosters.book(person)
    return context.account in book.watchers


def _no_node(query: Element) -> None:
    if query.get("node"):
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such node")


def _info(query: Element, identity: str, features: Iterable[str]) -> bytes:
    told = "".join(f"<feature var='{escape(feature)}'/>" for feature in features)
    return _answer(query, INFO, identity + told)


def _answer(query: Element, namespace: str, inner: str) -> bytes:
    node = query.get("node")
    echoed = "" if node is None else f" node='{escape(node)}'"
    return f"<query xmlns='{namespace}'{echoed}>{inner}</query>".encode()
