"""A development CA and a server certificate, for ``clarion init`` and the demo.

Good for trying things out; a real server wants a certificate that clients
trust without being told (see ``certs/README.md``).
"""

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clarion.lib.errors import UsageError

VALID_DAYS: Final = 825
"""Apple's systems refuse server certificates that are valid for longer."""
_SERVICES: Final = ("rooms", "upload")
_COMMON_NAME_LIMIT: Final = 64
"""Characters of a common name, RFC 5280 appendix A (ub-common-name)."""


@dataclass(frozen=True, slots=True)
class DevelopmentFiles:
    """Where the files are: two certificates in PEM, two keys in PEM of mode 0600."""

    ca: Path
    ca_key: Path
    server: Path
    server_key: Path


def files_in(folder: Path) -> DevelopmentFiles:
    """Return the names that the files have in ``folder``."""
    return DevelopmentFiles(
        folder / "ca.pem", folder / "ca.key", folder / "server.pem", folder / "server.key"
    )


def create(folder: Path, domain: str, *, not_before: float) -> DevelopmentFiles:
    """Make a CA and a server certificate signed by it, on P-256.

    ``server.pem`` holds the server's certificate, then the CA's.

    Args:
        folder: Made when it does not exist.
        domain: In its normal form; the certificate also names all below it,
            localhost, 127.0.0.1 and ::1.
        not_before: UNIX seconds, UTC, from which both are valid for
            ``VALID_DAYS``.

    Raises:
        UsageError: A file exists already, or cannot be written; nothing that
            existed was touched.

    """
    files = files_in(folder)
    paths = (files.ca, files.ca_key, files.server, files.server_key)
    for path in paths:
        if os.path.lexists(path):
            raise UsageError(f"{path}: exists already and is not overwritten")
    start = datetime.fromtimestamp(int(not_before), UTC)
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = _authority(ca_key, domain, start)
    server = _server(server_key, ca, ca_key, domain, start)
    chain = server.public_bytes(Encoding.PEM) + ca.public_bytes(Encoding.PEM)
    contents = (ca.public_bytes(Encoding.PEM), _pem(ca_key), chain, _pem(server_key))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in zip(paths, contents, strict=True):
            _write(path, data, 0o600 if path.suffix == ".key" else 0o644)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{error.filename or folder}: {reason[:1].lower()}{reason[1:]}") from None
    return files


def _authority(key: ec.EllipticCurvePrivateKey, domain: str, start: datetime) -> x509.Certificate:
    name = _name(f"Clarion development CA for {domain}")
    public = key.public_key()
    return (
        _builder(name, name, public, start)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    domain: str,
    start: datetime,
) -> x509.Certificate:
    public = key.public_key()
    return (
        _builder(_name(domain), ca.subject, public, start)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names(domain)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, start: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=VALID_DAYS))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_COMMON_NAME_LIMIT])])


def _names(domain: str) -> list[x509.GeneralName]:
    """Return what the server is called: the domain and all below it, and this machine."""
    addresses = ["127.0.0.1", "::1"]
    names: list[str] = []
    literal = domain.strip("[]")
    try:
        addresses.insert(0, str(ipaddress.ip_address(literal)))
    except ValueError:
        # Certificates speak ASCII: each label as the DNS has it (RFC 5280 section 7.2).
        ascii_domain = ".".join(_ascii(label) for label in domain.split("."))
        names = [ascii_domain, *(f"{service}.{ascii_domain}" for service in _SERVICES)]
        names.append(f"*.{ascii_domain}")
    names.append("localhost")
    return [
        *(x509.DNSName(name) for name in dict.fromkeys(names)),
        *(x509.IPAddress(ipaddress.ip_address(a)) for a in dict.fromkeys(addresses)),
    ]


def _ascii(label: str) -> str:
    """Return the A-label of a label in its normal form (RFC 5891 section 4.4)."""
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet; a key is at no moment readable by others."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
