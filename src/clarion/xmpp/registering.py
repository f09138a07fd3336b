"""An account made before log-in (XEP-0077 section 3.1)."""

from clarion.core.events import AdministrationDone
from clarion.lib.errors import ClarionError, UnavailableError, UsageError
from clarion.lib.log import get_logger
from clarion.wire.address import AddressError
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, error_reply
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.registration import not_now, parse_wish, write_fields
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.refusals import stanza_error
from clarion.xmpp.services import Services

log = get_logger("xmpp")


async def answer(services: Services, network: str, request: Stanza) -> bytes:
    """Do what somebody without a session asks about an account, and return the whole answer.

    Args:
        services: The house; registration is open.
        network: Who asks, as ``network_of`` returns it.
        request: An iq of type get or set.

    """
    try:
        payload = b""
        if request.attributes["type"] == "get":
            payload = write_fields("Choose a user name and a password.")
        else:
            await _make(services, network, request)
    except ClarionError as error:
        return error_reply(request, stanza_error(error), services.domain)
    start = (
        f"<iq type='result' id='{escape(request.attributes['id'])}'"
        f" from='{escape(services.domain)}'>"
    )
    return start.encode() + payload + b"</iq>"


async def _make(services: Services, network: str, request: Stanza) -> None:
    registrar = services.registration
    assert registrar is not None, "the stream asks only where registration is open"
    wish = parse_wish(parse(request.raw, CLIENT)[0])
    if wish.remove:
        raise StanzaError(StanzaCondition.UNEXPECTED_REQUEST, "log in to end your account")
    if not (wish.username and wish.password):
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, "a user name and a password are needed")
    address = address_of(services, wish.username)
    try:
        registrar.count(network)
    except UnavailableError as error:
        raise not_now(str(error)) from error
    try:
        services.directory.check_free(address)
    except UsageError:
        raise StanzaError(StanzaCondition.CONFLICT, "this user name is taken") from None
    await registrar.register(address, wish.password)
    services.bus.publish(AdministrationDone(address, "person.register", address))
    log.info("account made by its owner", person=address, network=network)


def address_of(services: Services, username: str) -> str:
    """Return the address with this local part.

    Raises:
        StanzaError: It can be none.

    """
    local = username.removesuffix(f"@{services.domain}")
    try:
        return services.directory.own_address(f"{local}@{services.domain}")
    except AddressError as error:
        raise StanzaError(StanzaCondition.NOT_ACCEPTABLE, str(error)) from error
