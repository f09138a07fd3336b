import hashlib
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from clarion.lib import certificates
from clarion.lib.errors import UsageError
from clarion.lib.tls import XMPP_CLIENT, channel_bindings, end_point_hash, faults, server_context

DAY = 86_400
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl command here")
# Handshakes in these tests are judged by this machine's clock.
NOW = datetime.now(UTC).timestamp()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory):
    return certificates.create(
        tmp_path_factory.mktemp("certs"), "corp.example", not_before=NOW - DAY
    )


def context_of(files: certificates.DevelopmentFiles, **options: Any):
    return server_context(files.server, files.server_key, **{"alpn": (), "now": NOW, **options})


def client_context(
    files: certificates.DevelopmentFiles, alpn: Sequence[str] = ()
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files.ca))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "corp.example"):
    """Let two ends meet in memory; returns the server's and the client's."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        server.wrap_bio(up, down, server_side=True),
        client.wrap_bio(down, up, server_hostname=name),
    )
    waiting = set(ends)
    for _ in range(10):
        for end in ends:
            if end in waiting:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                waiting.discard(end)
    assert not waiting
    return ends


@pytest.mark.parametrize("name", ["corp.example", "rooms.corp.example", "localhost", "127.0.0.1"])
def test_a_client_that_knows_the_ca_is_served_by_every_name(
    files: certificates.DevelopmentFiles, name: str
):
    server, client = shake(context_of(files), client_context(files), name)
    assert server.version() == client.version() == "TLSv1.3"


def test_direct_tls_names_the_protocol(files: certificates.DevelopmentFiles):
    context = context_of(files, alpn=[XMPP_CLIENT])
    server, _ = shake(context, client_context(files, ["h2", "xmpp-client"]))
    assert server.selected_alpn_protocol() == "xmpp-client"
    server, _ = shake(context, client_context(files))
    assert server.selected_alpn_protocol() is None


def test_what_rfc_9325_asks_for(files: certificates.DevelopmentFiles):
    context = context_of(files)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    old = [c["name"] for c in context.get_ciphers() if c["protocol"] == "TLSv1.2"]
    assert old
    for name in old:
        assert name.startswith("ECDHE-")
        assert "GCM" in name or "CHACHA20" in name


def test_tls_1_3_only_when_the_operator_says_so(files: certificates.DevelopmentFiles):
    client = client_context(files)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    server, _ = shake(context_of(files), client)
    assert server.version() == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        shake(context_of(files, minimum="1.3"), client)


def refusal(certificate: Path, key: Path, now: float = NOW):
    with pytest.raises(UsageError) as caught:
        server_context(certificate, key, alpn=(), now=now)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_files(files: certificates.DevelopmentFiles, tmp_path: Path):
    none = tmp_path / "none.pem"
    assert refusal(none, files.server_key) == f"{none}: no such file or directory"
    assert refusal(files.server, none) == f"{none}: no such file or directory"
    assert refusal(tmp_path, files.server_key) == f"{tmp_path}: is a directory"


def test_files_that_hold_something_else(files: certificates.DevelopmentFiles, tmp_path: Path):
    other = tmp_path / "other"
    other.write_text("hello")
    assert refusal(other, files.server_key) == f"{other}: holds no certificate in PEM form"
    assert refusal(files.server, other) == f"{other}: holds no private key in PEM form"
    swapped = f"{files.server_key}: holds no certificate in PEM form"
    assert refusal(files.server_key, files.server) == swapped
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    other.write_text(broken)
    assert refusal(other, files.server_key) == f"{other}: holds no certificate in PEM form"


def test_a_key_of_another_certificate(files: certificates.DevelopmentFiles):
    assert refusal(files.server, files.ca_key) == (
        f"{files.ca_key}: does not belong to the certificate {files.server}"
    )


def test_an_encrypted_key(files: certificates.DevelopmentFiles, tmp_path: Path):
    key = load_pem_private_key(files.server_key.read_bytes(), None)
    path = tmp_path / "locked.key"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush"))
    )
    assert refusal(files.server, path) == (
        f"{path}: is encrypted, and nobody is there to type its password; "
        "`openssl pkey -in locked.key -out plain.key` writes it in the clear"
    )


def test_expired_and_not_valid_yet(files: certificates.DevelopmentFiles):
    start = NOW - DAY
    day = datetime.fromtimestamp(start + 825 * DAY, UTC).strftime("%Y-%m-%d")
    assert refusal(files.server, files.server_key, start + 826 * DAY) == (
        f"{files.server}: expired on {day}; renew it"
    )
    day = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d")
    assert refusal(files.server, files.server_key, start - 2) == (
        f"{files.server}: is not valid before {day}; is the clock right?"
    )


@needs_openssl
def test_what_openssl_does_not_accept(tmp_path: Path):
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:512", "-nodes", "-subj", "/CN=x"),
            *("-keyout", str(tmp_path / "k"), "-out", str(tmp_path / "c"), "-days", "2"),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("this openssl makes no keys that are too small")
    assert refusal(tmp_path / "c", tmp_path / "k", datetime.now(UTC).timestamp() + 60) == (
        f"{tmp_path}/c: OpenSSL refuses it: ee key too small"
    )


def test_every_fault_of_a_pair_at_once(files: certificates.DevelopmentFiles, tmp_path: Path):
    none = tmp_path / "none.key"
    day = datetime.fromtimestamp(NOW + 824 * DAY, UTC).strftime("%Y-%m-%d")
    assert faults(files.server, none, NOW + 900 * DAY) == (
        ("key", f"{none}: no such file or directory"),
        (
            "certificate",
            f"{files.server}: expired on {day}; renew it",
        ),
    )


def self_signed(key: Any, algorithm: Any):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    start = datetime.fromtimestamp(NOW, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(key, algorithm)
        .public_bytes(Encoding.DER)
    )


@pytest.mark.parametrize(
    ("algorithm", "hash_name"),
    [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")],
)
def test_the_end_point_takes_the_hash_of_the_signature(algorithm: Any, hash_name: str):
    der = self_signed(ec.generate_private_key(ec.SECP256R1()), algorithm)
    assert end_point_hash(der) == hashlib.new(hash_name, der).digest()


@needs_openssl
@pytest.mark.parametrize("weak", ["sha1", "md5"])
def test_weak_hashes_are_replaced_by_sha_256(tmp_path: Path, weak: str):
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"),
            *("-keyout", str(tmp_path / "k"), "-outform", "DER", f"-{weak}"),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"this openssl signs nothing with {weak}")
    assert end_point_hash(made.stdout) == hashlib.sha256(made.stdout).digest()


def test_a_signature_without_a_hash_leaves_the_end_point_undefined():
    assert end_point_hash(self_signed(ed25519.Ed25519PrivateKey.generate(), None)) is None


def test_bytes_that_are_no_certificate():
    with pytest.raises(ValueError, match="parsing"):
        end_point_hash(b"hello")


def test_bindings_on_tls_1_3(files: certificates.DevelopmentFiles):
    server, client = shake(context_of(files), client_context(files))
    pem = files.server.read_bytes()
    shown = client.getpeercert(binary_form=True)
    assert channel_bindings(server, pem) == {"tls-server-end-point": hashlib.sha256(shown).digest()}


def test_bindings_on_tls_1_2_are_what_the_client_sees(files: certificates.DevelopmentFiles):
    context = client_context(files)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server, client = shake(context_of(files), context)
    bindings = channel_bindings(server, files.server.read_bytes())
    assert set(bindings) == {"tls-server-end-point", "tls-unique"}
    assert bindings["tls-unique"] == client.get_channel_binding("tls-unique")


class Connection:
    """A connection as ``channel_bindings`` sees it."""

    def __init__(self, version: str, session_reused: bool, unique: bytes | None) -> None:
        self._version, self.session_reused, self._unique = version, session_reused, unique

    def version(self):
        return self._version

    def get_channel_binding(self, cb_type: str = "tls-unique"):
        return self._unique


@pytest.mark.parametrize(
    "connection",
    [
        Connection("TLSv1.3", False, b"x"),
        Connection("TLSv1.2", True, b"x"),
        Connection("TLSv1.2", False, None),
    ],
)
def test_where_there_is_no_tls_unique(files: certificates.DevelopmentFiles, connection: Connection):
    assert set(channel_bindings(connection, files.server.read_bytes())) == {"tls-server-end-point"}


def test_a_certificate_without_an_end_point(files: certificates.DevelopmentFiles):
    der = self_signed(ed25519.Ed25519PrivateKey.generate(), None)
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    assert channel_bindings(Connection("TLSv1.2", False, b"x"), pem) == {"tls-unique": b"x"}
