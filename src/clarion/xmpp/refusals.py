"""The one place where refusals become stanza errors (RFC 6120 section 8.3)."""

from clarion.lib.errors import ClarionError, DeniedError, PeerError, UnavailableError, UsageError
from clarion.lib.log import get_logger
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import Jid, JidError
from clarion.xmpp.services import Services

log = get_logger("xmpp")


def stanza_error(error: BaseException) -> StanzaError:
    """Return what the sender of a stanza is told of ``error``.

    A fault of ours is logged with its trace and told as such, without detail.
    """
    match error:
        case StanzaError():
            return error
        case JidError():
            return StanzaError(StanzaCondition.JID_MALFORMED, str(error))
        case PeerError():
            return StanzaError(StanzaCondition.BAD_REQUEST, str(error))
        case DeniedError():
            return StanzaError(StanzaCondition.FORBIDDEN, str(error))
        case UnavailableError():
            return StanzaError(StanzaCondition.RESOURCE_CONSTRAINT, str(error))
        case UsageError() | ClarionError():
            return StanzaError(StanzaCondition.NOT_ACCEPTABLE, str(error))
    log.error("a stanza met a fault of the server", exc_info=error)
    return StanzaError(StanzaCondition.INTERNAL_SERVER_ERROR, "the server made a mistake")


def check_reachable(services: Services, recipient: Jid) -> None:
    """Refuse what is for a domain that is neither ours nor can be reached (RFC 6120 10.4).

    Raises:
        StanzaError: ``remote-server-not-found``.

    """
    if recipient.domain != services.domain and not services.is_outside(recipient.bare):
        why = "this server does not talk to it"
        if services.outside is None:
            why = "this server does not talk to other servers"
        raise StanzaError(
            StanzaCondition.REMOTE_SERVER_NOT_FOUND, f"{recipient.domain} cannot be reached: {why}"
        )
