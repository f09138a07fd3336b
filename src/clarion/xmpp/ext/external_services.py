"""XEP-0215 External Service Discovery: STUN and TURN servers, with credentials, for calls.

They are those of ``[[xmpp.services]]``. Only people of ours are told: a TURN
server costs its operator traffic.
"""

from xml.etree.ElementTree import Element

from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.external_services import (
    CREDENTIALS,
    NS,
    SERVICES,
    parse_wanted,
    write_credentials,
    write_services,
)
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.external import ExternalServices

external_services = Extension(
    Card(
        name="external_services",
        spec="XEP-0215",
        title="External Service Discovery",
        version="1.0.0",
        features=(NS,),
        test="tests/xmpp/test_external_services.py",
    )
)


@external_services.on_iq("get", SERVICES, at=("server",))
def services(context: Context, stanza: Stanza, element: Element) -> bytes:
    """List them, all or of one type; who asked hears of changes (sections 3.1 and 3.2)."""
    external, kind = _external(context), element.get("type", "")
    external.asked(context.session.id, context.session.full, kind)
    return write_services(external.of(context.account, kind), kind)


@external_services.on_iq("get", CREDENTIALS, at=("server",))
def credentials(context: Context, stanza: Stanza, element: Element) -> bytes:
    """Give credentials for one of them (section 3.3).

    Raises:
        StanzaError: There is none like that, or it needs none.

    """
    wanted = parse_wanted(element)
    found = [one for one in _external(context).of(context.account) if wanted.names(one)]
    found = [one for one in found if one.username]
    if not found:
        raise StanzaError(
            StanzaCondition.ITEM_NOT_FOUND, f"there are no credentials for {wanted.host}"
        )
    return write_credentials(found)


@external_services.on_closed
def closed(context: Context) -> None:
    """Tell a session nothing any more."""
    if context.services.external is not None:
        context.services.external.ended(context.session.id)


def _external(context: Context) -> ExternalServices:
    external = context.services.external
    if external is None:
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "no services are known here")
    return external
