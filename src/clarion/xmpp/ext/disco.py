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
