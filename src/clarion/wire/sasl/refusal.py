"""How an authentication fails (RFC 6120 section 6.5)."""

from enum import StrEnum

from clarion.lib.errors import PeerError


class SaslCondition(StrEnum):
    """The element inside ``<failure/>``; other doors map it to their own codes."""

    ABORTED = "aborted"
    ACCOUNT_DISABLED = "account-disabled"
    CREDENTIALS_EXPIRED = "credentials-expired"
    ENCRYPTION_REQUIRED = "encryption-required"
    INCORRECT_ENCODING = "incorrect-encoding"
    INVALID_AUTHZID = "invalid-authzid"
    INVALID_MECHANISM = "invalid-mechanism"
    MALFORMED_REQUEST = "malformed-request"
    MECHANISM_TOO_WEAK = "mechanism-too-weak"
    NOT_AUTHORIZED = "not-authorized"
    TEMPORARY_AUTH_FAILURE = "temporary-auth-failure"


class SaslError(PeerError):
    """The exchange is over, without success.

    Attributes:
        condition: What the wire says.

    """

    def __init__(self, condition: SaslCondition, text: str) -> None:
        super().__init__(text)
        self.condition = condition


def malformed(text: str) -> SaslError:
    """Return the error for a message that breaks its mechanism's syntax."""
    return SaslError(SaslCondition.MALFORMED_REQUEST, text)


def not_authorized() -> SaslError:
    """Return the one error for an unknown name and a wrong password alike."""
    return SaslError(SaslCondition.NOT_AUTHORIZED, "the name or the password is wrong")
