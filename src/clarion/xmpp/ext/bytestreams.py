"""SOCKS5 bytestreams: the proxy for files, as clients find, ask and use it (XEP-0065 1.8.2).

The bytes themselves never come here: ``xmpp/bytestreams.py``.
"""

from typing import Final
from xml.etree.ElementTree import Element

from clarion.wire.xml import escape
from clarion.wire.xmpp.caps import INFO, INFO_QUERY
from clarion.wire.xmpp.disco_answers import ITEMS, ITEMS_QUERY
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.bytestreams import Bytestreams, stream_hash
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension

NS: Final = "http://jabber.org/protocol/bytestreams"
TAG: Final = f"{{{NS}}}query"
NAME: Final = "SOCKS5 Bytestreams"

_ACTIVATE: Final = f"{{{NS}}}activate"

bytestreams = Extension(
    Card(
        name="bytestreams",
        spec="XEP-0065",
        title="SOCKS5 Bytestreams",
        version="1.8.2",
        needs=("disco",),
        test="tests/xmpp/test_bytestreams_extension.py",
    )
)


@bytestreams.on_node("items", "", at=("server",))
def listed(context: Context, stanza: Stanza, query: Element) -> bytes:
    """List the proxy among the server's items (section 4)."""
    proxy = context.services.bytestreams
    return b"" if proxy is None else f"<item jid='{escape(proxy.jid)}' name='{NAME}'/>".encode()


@bytestreams.on_iq("get", INFO_QUERY, at=("proxy",))
def info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Say what the proxy is (section 4).

    Raises:
        StanzaError: It was asked for a node; it has none.

    """
    _no_node(query)
    return (
        f"<query xmlns='{INFO}'><identity category='proxy' type='bytestreams' name='{NAME}'/>"
        f"<feature var='{INFO}'/><feature var='{ITEMS}'/><feature var='{NS}'/></query>"
    ).encode()


@bytestreams.on_iq("get", ITEMS_QUERY, at=("proxy",))
def items(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Say that there is nothing behind the proxy.

    Raises:
        StanzaError: It was asked for a node; it has none.

    """
    _no_node(query)
    return f"<query xmlns='{ITEMS}'/>".encode()


@bytestreams.on_iq("get", TAG, at=("proxy",))
def streamhost(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell where to connect (section 4); every person of this server may.

    Raises:
        StanzaError: No port begins in the clear, so there is nowhere to connect.

    """
    proxy, line = _proxy(context), context.session.line
    address = proxy.streamhost(None if line is None else line.local)
    if address is None:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, "the proxy has no port")
    host, port = address
    return (
        f"<query xmlns='{NS}'><streamhost jid='{escape(proxy.jid)}' host='{escape(host)}'"
        f" port='{port}'/></query>"
    ).encode()


@bytestreams.on_iq("set", TAG, at=("proxy",))
def activate(context: Context, stanza: Stanza, query: Element) -> None:
    """Begin a bytestream that this client has negotiated (section 6.3.5).

    Whoever did not is refused because the hash, made with the sender's own
    full JID, names no connection.

    Raises:
        StanzaError: It cannot begin.
        JidError: The target is no JID.

    """
    sid, target = query.get("sid", ""), query.findtext(_ACTIVATE, "").strip()
    if not sid or not target:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "an activation has a stream id and a target")
    to = parse_jid(target).full
    name = stream_hash(sid, context.session.full, to)
    _proxy(context).begin(name, context.account, to)


def _proxy(context: Context) -> Bytestreams:
    proxy = context.services.bytestreams
    if proxy is None:
        raise StanzaError(StanzaCondition.NOT_ALLOWED, "the proxy is off")
    return proxy


def _no_node(query: Element) -> None:
    if query.get("node"):
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such node")
