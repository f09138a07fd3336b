import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from clarion.lib.errors import UsageError
from clarion.lib.peer_tls import connecting_context, listening_context, proves

XMPP_ADDR = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
SRV_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7")


def certificate(*names: x509.GeneralName) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alpha.example")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def other(kind: x509.ObjectIdentifier, tag: int, text: str) -> x509.OtherName:
    return x509.OtherName(kind, bytes([tag, len(text)]) + text.encode())


@pytest.mark.parametrize(
    ("names", "good"),
    [
        ([x509.DNSName("alpha.example")], True),
        ([x509.DNSName("beta.example"), x509.DNSName("ALPHA.example")], True),
        ([x509.DNSName("*.example")], True),
        ([other(XMPP_ADDR, 0x0C, "alpha.example")], True),
        ([other(SRV_NAME, 0x16, "_xmpp-server.alpha.example")], True),
        ([], False),  # the common name counts for nothing
        ([x509.DNSName("beta.example")], False),
        ([x509.DNSName("*.alpha.example")], False),
        ([other(SRV_NAME, 0x16, "_imap.alpha.example")], False),
        ([other(XMPP_ADDR, 0x16, "alpha.example")], False),
        ([other(XMPP_ADDR, 0x0C, "ann@alpha.example")], False),
    ],
)
def test_what_a_certificate_proves(names: list[x509.GeneralName], good: bool):
    assert proves(certificate(*names), "alpha.example") is good


def test_no_certificate_proves_nothing():
    assert not proves(None, "alpha.example")
    assert not proves(b"", "alpha.example")
    assert not proves(b"nonsense", "alpha.example")


def test_an_international_domain_is_looked_for_as_the_dns_has_it():
    assert proves(certificate(x509.DNSName("xn--bcher-kva.example")), "bücher.example")


def test_contexts_check_certificates():
    connecting = connecting_context(None, minimum="1.3", direct=True)
    assert connecting.verify_mode is ssl.CERT_REQUIRED
    assert connecting.minimum_version is ssl.TLSVersion.TLSv1_3
    assert (
        listening_context(None, minimum="1.2", ask=False, direct=False).verify_mode is ssl.CERT_NONE
    )
    assert (
        listening_context(None, minimum="1.2", ask=True, direct=True).verify_mode
        is ssl.CERT_OPTIONAL
    )


def test_a_file_without_issuers_is_refused(tmp_path: Path):
    with pytest.raises(UsageError):
        connecting_context(tmp_path / "none.pem", minimum="1.2", direct=False)
