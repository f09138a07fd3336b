import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from clarion.lib import certificates
from clarion.lib.errors import UsageError

NOW = 1_800_000_000.0


def leaf_of(files: certificates.DevelopmentFiles):
    return x509.load_pem_x509_certificates(files.server.read_bytes())[0]


def names_of(leaf: x509.Certificate):
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.IPAddress)


def test_four_files_and_keys_that_only_the_owner_reads(tmp_path: Path):
    files = certificates.create(tmp_path / "new" / "certs", "corp.example", not_before=NOW)
    assert sorted(path.name for path in files.ca.parent.iterdir()) == [
        "ca.key",
        "ca.pem",
        "server.key",
        "server.pem",
    ]
    for key in (files.ca_key, files.server_key):
        assert key.stat().st_mode & 0o777 == 0o600
    assert files == certificates.files_in(tmp_path / "new" / "certs")


def test_what_the_server_certificate_says(tmp_path: Path):
    files = certificates.create(tmp_path, "corp.example", not_before=NOW)
    leaf, ca = x509.load_pem_x509_certificates(files.server.read_bytes())
    assert ca == x509.load_pem_x509_certificate(files.ca.read_bytes())
    leaf.verify_directly_issued_by(ca)
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    start = datetime.fromtimestamp(NOW, UTC)
    assert leaf.not_valid_before_utc == start
    assert leaf.not_valid_after_utc == start + timedelta(days=825)
    assert names_of(leaf) == (
        [
            "corp.example",
            "rooms.corp.example",
            "upload.corp.example",
            "*.corp.example",
            "localhost",
        ],
        [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")],
    )
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    basic = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert (basic.value.ca, basic.value.path_length) == (True, 0)


def test_a_domain_in_another_script_is_named_as_the_dns_has_it(tmp_path: Path):
    files = certificates.create(tmp_path, "straße.bücher.example", not_before=NOW)
    names, _ = names_of(leaf_of(files))
    assert names[0] == "xn--strae-oqa.xn--bcher-kva.example"


def test_localhost_and_addresses_are_named_once(tmp_path: Path):
    names, _ = names_of(leaf_of(certificates.create(tmp_path / "a", "localhost", not_before=NOW)))
    assert names == ["localhost", "rooms.localhost", "upload.localhost", "*.localhost"]
    for domain, address in (("192.0.2.7", "192.0.2.7"), ("[2001:db8::1]", "2001:db8::1")):
        folder = tmp_path / address.replace(":", "_")
        names, addresses = names_of(leaf_of(certificates.create(folder, domain, not_before=NOW)))
        assert names == ["localhost"]
        assert addresses[0] == ipaddress.ip_address(address)


def test_a_long_domain_fits(tmp_path: Path):
    domain = ".".join(["a" * 50] * 4)
    assert domain in names_of(leaf_of(certificates.create(tmp_path, domain, not_before=NOW)))[0]


@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "server.pem", "server.key"])
def test_nothing_is_ever_overwritten(tmp_path: Path, name: str):
    (tmp_path / name).write_text("precious")
    with pytest.raises(UsageError) as caught:
        certificates.create(tmp_path, "corp.example", not_before=NOW)
    assert str(caught.value) == f"{tmp_path}/{name}: exists already and is not overwritten"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError) as caught:
        certificates.create(tmp_path / "file" / "certs", "corp.example", not_before=NOW)
    assert str(caught.value) == f"{tmp_path}/file/certs: not a directory"


def test_clients_that_know_the_ca_accept_the_server(tmp_path: Path):
    files = certificates.create(tmp_path, "corp.example", not_before=NOW)
    context = ssl.create_default_context(cafile=str(files.ca))
    assert len(context.get_ca_certs()) == 1
