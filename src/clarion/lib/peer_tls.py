"""TLS between servers: contexts for both directions, and what a certificate proves.

RFC 6120 section 13.7, RFC 6125, RFC 7590, XEP-0368. Names are checked here and
not by OpenSSL, which knows nothing of ``xmppAddr`` and ``SRVName``.
"""

import ssl
from pathlib import Path
from typing import Final, Literal

from cryptography import x509

from clarion.lib.errors import UsageError
from clarion.lib.tls import CIPHERS, covers

XMPP_SERVER: Final = "xmpp-server"
"""ALPN of direct TLS between servers (XEP-0368 section 4)."""

_XMPP_ADDR: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
_SRV_NAME: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7")
_SERVICE: Final = "_xmpp-server."
_UTF8: Final = 0x0C  # ASN.1 tags of what these names are written in
_IA5: Final = 0x16


def connecting_context(
    authorities: Path | None, *, minimum: Literal["1.2", "1.3"], direct: bool
) -> ssl.SSLContext:
    """Make the context of a connection to another server, whose certificate must be good.

    Args:
        authorities: PEM: issuers to trust beside those of the system.
        minimum: The oldest version of TLS that is spoken.
        direct: TLS comes first (XEP-0368).

    Raises:
        UsageError: The file of issuers cannot be used.

    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.check_hostname = False  # see above: ``proves``
    context.verify_mode = ssl.CERT_REQUIRED
    _settle(context, authorities, minimum)
    if direct:
        context.set_alpn_protocols([XMPP_SERVER])
    return context


def listening_context(
    authorities: Path | None, *, minimum: Literal["1.2", "1.3"], ask: bool, direct: bool
) -> ssl.SSLContext:
    """Make the context of a listener for other servers.

    Args:
        authorities: See ``connecting_context``.
        minimum: The same.
        ask: Ask for a certificate. OpenSSL then ends the handshake with whoever
            shows one that is not good for a client, which those of many
            public issuers are not any more; without, dialback proves it.
        direct: TLS comes first (XEP-0368).

    Raises:
        UsageError: The file of issuers cannot be used.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_OPTIONAL if ask else ssl.CERT_NONE
    if ask:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    _settle(context, authorities if ask else None, minimum)
    if direct:
        context.set_alpn_protocols([XMPP_SERVER])
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context


def proves(certificate: bytes | None, domain: str) -> bool:
    """Say whether a certificate that was verified is a domain's (RFC 6125 section 6).

    Args:
        certificate: DER; ``None``: none was shown, which proves nothing.
        domain: In its normal form.

    """
    if not certificate:
        return False
    try:
        found = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (ValueError, x509.ExtensionNotFound):
        return False
    names = found.value
    if covers(names.get_values_for_type(x509.DNSName), domain):
        return True
    for other in names.get_values_for_type(x509.OtherName):
        if other.type_id == _XMPP_ADDR and _text(other.value, _UTF8) == domain:
            return True
        if other.type_id == _SRV_NAME:
            service = _text(other.value, _IA5)
            if service.startswith(_SERVICE) and covers([service[len(_SERVICE) :]], domain):
                return True
    return False


def _text(der: bytes, tag: int) -> str:
    """Return a short ASN.1 string, ``""`` where it is something else."""
    if len(der) < 2 or der[0] != tag or der[1] != len(der) - 2:
        return ""
    try:
        return der[2:].decode().lower()
    except UnicodeDecodeError:
        return ""


def _settle(
    context: ssl.SSLContext, authorities: Path | None, minimum: Literal["1.2", "1.3"]
) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if minimum == "1.3" else ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if authorities is not None:
        try:
            context.load_verify_locations(authorities)
        except (ssl.SSLError, OSError) as error:
            raise UsageError(f"{authorities}: no certificates of issuers: {error}") from None
