"""The certificate in use: its names, its bindings, and its replacement at run time."""

import contextlib
import ssl
import time
from pathlib import Path

import pytest

from clarion.lib import certificates
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.errors import UsageError
from clarion.lib.tls import covers


def made(folder: Path, domain: str) -> certificates.DevelopmentFiles:
    return certificates.create(folder, domain, not_before=time.time() - 60)


def held(files: certificates.DevelopmentFiles) -> CertificateHolder:
    return CertificateHolder(files.server, files.server_key, minimum="1.2", now=time.time())


def test_it_is_told_when_the_certificate_is_for_somebody_else(tmp_path: Path):
    holder = held(made(tmp_path / "certs", "corp.example"))
    assert holder.doubts("corp.example") == ()
    (line,) = holder.doubts("wrong.example")
    assert "does not name wrong.example" in line
    assert "corp.example" in line


@pytest.mark.parametrize(
    ("names", "domain", "good"),
    [
        (["corp.example"], "corp.example", True),
        (["CORP.example"], "corp.example", True),
        (["*.corp.example"], "chat.corp.example", True),
        (["*.corp.example"], "corp.example", False),
        (["*.example"], "chat.corp.example", False),
        (["xn--bcher-kva.example"], "bücher.example", True),
        ([], "corp.example", False),
    ],
)
def test_which_names_cover_a_domain(names: list[str], domain: str, good: bool):
    assert covers(names, domain) is good


def test_what_is_shown_changes_only_for_files_that_are_good(tmp_path: Path):
    files = made(tmp_path / "certs", "corp.example")
    other = made(tmp_path / "other", "corp.example")
    holder = held(files)
    files.server.write_bytes(other.server.read_bytes())
    (line,) = holder.reload(time.time())
    assert "does not belong" in line
    files.server_key.write_bytes(other.server_key.read_bytes())
    assert holder.reload(time.time()) == ()


def test_files_that_cannot_be_used_are_refused_at_the_start(tmp_path: Path):
    files = made(tmp_path / "certs", "corp.example")
    files.server_key.unlink()
    with pytest.raises(UsageError, match=r"server\.key"):
        held(files)


def test_browsers_see_the_new_one_too(tmp_path: Path):
    files = made(tmp_path / "certs", "corp.example")
    other = made(tmp_path / "other", "corp.example")
    holder = held(files)

    def shown() -> bytes | None:
        trust = ssl.create_default_context()
        trust.load_verify_locations(files.ca)
        trust.load_verify_locations(other.ca)
        trust.set_alpn_protocols(["h2", "http/1.1"])
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trust.wrap_bio(to_client, to_server, server_hostname="corp.example")
        server = holder.https.wrap_bio(to_server, to_client, server_side=True)
        for _ in range(4):
            for end in (client, server):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        assert client.selected_alpn_protocol() == "http/1.1"
        return client.getpeercert(binary_form=True)

    before = shown()
    files.server.write_bytes(other.server.read_bytes())
    files.server_key.write_bytes(other.server_key.read_bytes())
    assert holder.reload(time.time()) == ()
    assert shown() != before
