"""TLS as RFC 7590 and RFC 9325 ask for, and channel bindings (RFC 5929)."""

import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from clarion.lib.errors import UsageError

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption only (RFC 9325 section 4.2)."""
PEM_LIMIT: Final = 1024 * 1024
"""Bytes of a PEM file: a wrong path must not pull a disk image into memory."""
XMPP_CLIENT: Final = "xmpp-client"
"""ALPN of a client's direct TLS, XEP-0368 section 4."""

Which = Literal["certificate", "key"]
Fault = tuple[Which, str]


class Tls(Protocol):
    """What is asked of a connection; ``ssl.SSLObject`` and ``ssl.SSLSocket`` have it."""

    @property
    def session_reused(self) -> bool | None:
        """Whether the handshake resumed an earlier session."""
        ...

    def version(self) -> str | None:
        """Return ``"TLSv1.2"``, ``"TLSv1.3"``, or ``None`` before the handshake."""
        ...

    def get_channel_binding(self, cb_type: str = "tls-unique") -> bytes | None:
        """Return a channel binding, or ``None`` before the handshake."""
        ...


def server_context(
    certificate: Path,
    key: Path,
    *,
    alpn: Sequence[str],
    now: float,
    minimum: Literal["1.2", "1.3"] = "1.2",
) -> ssl.SSLContext:
    """Make the context of a listener.

    There are no session tickets: XMPP sessions are long and are resumed by
    XEP-0198, and tickets would weaken forward secrecy (RFC 9325 section 3.4).

    Args:
        certificate: PEM: the server's certificate first, then its issuers'.
        key: PEM, not encrypted.
        alpn: Protocols for direct TLS, best first; empty for STARTTLS.
        now: UNIX seconds, UTC; the certificate is judged by it.
        minimum: The oldest version of TLS that is spoken.

    Raises:
        UsageError: A file is missing, unreadable, encrypted, or holds
            something else; the two do not belong together; the certificate
            is expired or not valid yet. One line.

    """
    for _, text in faults(certificate, key, now):
        raise UsageError(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if minimum == "1.3" else ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise UsageError(f"{certificate}: OpenSSL refuses it: {_why(error)}") from None
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def faults(certificate: Path, key: Path, now: float) -> tuple[Fault, ...]:
    """Return what keeps the pair from being used: which file, and one line about it.

    Args:
        certificate: PEM: the server's certificate first, then its issuers'.
        key: PEM, not encrypted.
        now: UNIX seconds, UTC.

    """
    return tuple(_faults(certificate, key, now))


def _faults(certificate: Path, key: Path, now: float) -> Iterator[Fault]:
    leaf: x509.Certificate | None = None
    secret: Any = None
    try:
        leaf = _load_certificate(certificate)
    except UsageError as error:
        yield "certificate", str(error)
    try:
        secret = _load_key(key)
    except UsageError as error:
        yield "key", str(error)
    if leaf is None:
        return
    if secret is not None and _public(secret.public_key()) != _public(leaf.public_key()):
        yield "key", f"{key}: does not belong to the certificate {certificate}"
    moment = datetime.fromtimestamp(now, UTC)
    if moment > leaf.not_valid_after_utc:
        yield "certificate", f"{certificate}: expired on {_day(leaf.not_valid_after_utc)}; renew it"
    elif moment < leaf.not_valid_before_utc:
        day = _day(leaf.not_valid_before_utc)
        yield "certificate", f"{certificate}: is not valid before {day}; is the clock right?"


def names(certificate: Path) -> tuple[str, ...]:
    """Return the DNS names that a certificate is for, as it writes them.

    Raises:
        UsageError: The file holds no certificate.

    """
    try:
        found = _load_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.value.get_values_for_type(x509.DNSName))


def validity(certificate: Path) -> tuple[float, float]:
    """Return from when until when a certificate is valid, UNIX seconds, UTC.

    Raises:
        UsageError: The file holds no certificate.

    """
    leaf = _load_certificate(certificate)
    return leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()


def covers(names_of_certificate: Sequence[str], domain: str) -> bool:
    """Say whether one of these names is ``domain`` (RFC 6120 section 13.7.1.2, RFC 6125)."""
    try:
        wanted = domain.encode("idna").decode().lower()
    except UnicodeError:  # a name that only IDNA 2008 knows, or no name at all
        wanted = domain.lower()
    above = wanted.partition(".")[2]
    return any(name.lower() in {wanted, f"*.{above}"} for name in names_of_certificate)


def end_point_hash(cert_der: bytes) -> bytes | None:
    """Return ``tls-server-end-point`` of a certificate, RFC 5929 section 4.1.

    The hash is that of the certificate's signature, with MD5 and SHA-1
    replaced by SHA-256. ``None`` where the signature has no single hash
    (Ed25519, Ed448): the RFC leaves the binding undefined for them.

    Raises:
        ValueError: These bytes are no certificate.

    """
    try:
        algorithm = x509.load_der_x509_certificate(cert_der).signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:
        return None
    if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(cert_der)
    return digest.finalize()


def channel_bindings(ssl_object: Tls, certificate_pem: bytes) -> dict[str, bytes]:
    """Return every channel binding of a connection, by its registered name.

    ``tls-server-end-point`` where the certificate defines it. ``tls-unique``
    on TLS 1.2 only (TLS 1.3 has none, RFC 8446 appendix C.5), and not on a
    resumed session: there, without the extended master secret, which Python
    cannot ask about, a man in the middle can make it the same on both sides
    (the triple handshake, RFC 7627 section 1).

    Args:
        ssl_object: The connection after its handshake.
        certificate_pem: What the server showed; its own certificate first.

    Raises:
        ValueError: ``certificate_pem`` holds no certificate.

    """
    leaf = x509.load_pem_x509_certificates(certificate_pem)[0]
    bindings: dict[str, bytes] = {}
    end_point = end_point_hash(leaf.public_bytes(Encoding.DER))
    if end_point is not None:
        bindings["tls-server-end-point"] = end_point
    if ssl_object.version() == "TLSv1.2" and not ssl_object.session_reused:
        unique = ssl_object.get_channel_binding("tls-unique")
        if unique:
            bindings["tls-unique"] = unique
    return bindings


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(PEM_LIMIT)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{path}: {reason[:1].lower()}{reason[1:]}") from None


def _load_certificate(path: Path) -> x509.Certificate:
    data = _read(path)
    try:
        return x509.load_pem_x509_certificates(data)[0]
    except ValueError:
        raise UsageError(f"{path}: holds no certificate in PEM form") from None


def _load_key(path: Path) -> Any:
    data = _read(path)
    try:
        return load_pem_private_key(data, password=None)
    except TypeError:
        raise UsageError(
            f"{path}: is encrypted, and nobody is there to type its password; "
            f"`openssl pkey -in {path.name} -out plain.key` writes it in the clear"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{path}: holds no private key in PEM form") from None


def _public(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _why(error: OSError) -> str:
    return (
        (getattr(error, "reason", None) or error.strerror or str(error)).replace("_", " ").lower()
    )
