"""How a client binds a resource: the request and its result (RFC 6120, section 7)."""

from typing import Final

from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.names import BIND, CLIENT
from clarion.wire.xmpp.stanza import Stanza

_TAG: Final = f"{{{BIND}}}bind"


def wanted_resource(iq: Stanza) -> str:
    """Return the resource that a request asks for; ``""`` leaves it to the server.

    Raises:
        StreamError: It is no such request, and nothing else is due.
        StanzaError: It cannot be answered as it is.

    """
    if iq.attributes.get("type") != "set" or _TAG not in iq.children:
        raise StreamError(StreamCondition.NOT_AUTHORIZED, "bind a resource first")
    if not iq.attributes.get("id"):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "an iq needs an id")
    return parse(iq.raw, CLIENT).findtext(f"{_TAG}/{{{BIND}}}resource", "")


def bind_result(iq: Stanza, full_jid: str) -> bytes:
    """Write the result of a request that was granted."""
    return (
        f"<iq type='result' id='{escape(iq.attributes['id'])}'><bind xmlns='{BIND}'>"
        f"<jid>{escape(full_jid)}</jid></bind></iq>"
    ).encode()
