import os
from pathlib import Path

import pytest

from clarion.config.check import SOCKET_LIMIT, check_files
from clarion.config.load import from_mapping
from clarion.lib import certificates

NOW = 1_800_000_000.0
DAY = 86_400


@pytest.fixture
def folder(tmp_path: Path):
    certificates.create(tmp_path / "certs", "corp.example", not_before=NOW)
    return tmp_path


def test_nothing_to_say_when_all_is_well_and_nothing_is_touched(folder: Path):
    config = from_mapping({}, folder)
    assert check_files(config, NOW) == ()
    assert not config.data.exists()


def test_certificate_and_key_have_a_line_each(tmp_path: Path):
    config = from_mapping({}, tmp_path)
    assert check_files(config, NOW) == (
        f"tls.certificate: {tmp_path}/certs/server.pem: no such file or directory",
        f"tls.key: {tmp_path}/certs/server.key: no such file or directory",
    )


def test_without_a_tls_listener_no_certificate_is_needed(tmp_path: Path):
    chat = {"listen": [], "listen_tls": [], "listen_plain": ["127.0.0.1:0"]}
    assert check_files(from_mapping({"xmpp": chat}, tmp_path), NOW) == ()


def test_browsers_need_one_where_they_come_without_a_proxy(tmp_path: Path):
    chat = {"listen": [], "listen_tls": []}
    assert len(check_files(from_mapping({"xmpp": chat, "web": {}}, tmp_path), NOW)) == 2
    web = {"listen": [], "listen_plain": ["127.0.0.1:80"]}
    assert check_files(from_mapping({"xmpp": chat, "web": web}, tmp_path), NOW) == ()


def test_an_expired_certificate(folder: Path):
    config = from_mapping({}, folder)
    assert check_files(config, NOW + 826 * DAY) == (
        f"tls.certificate: {folder}/certs/server.pem: expired on 2029-04-19; renew it",
    )


def test_a_data_folder_below_a_regular_file(folder: Path):
    (folder / "file").write_text("x")
    config = from_mapping({"data": "file/data"}, folder)
    assert check_files(config, NOW) == (
        f"data: {folder}/file is not a folder, so nothing can be kept in {folder}/file/data",
    )
    config = from_mapping({"data": "file"}, folder)
    assert check_files(config, NOW) == (
        f"data: {folder}/file is not a folder, so nothing can be kept in {folder}/file",
    )
    assert (folder / "file").read_text() == "x"


def test_a_data_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    config = from_mapping({}, folder)
    assert check_files(config, NOW) == (f"data: {folder} cannot be written by this user",)


def test_a_socket_path_has_a_limit(folder: Path):
    fits = "/" + "s" * (SOCKET_LIMIT - 1)
    assert check_files(from_mapping({"admin": {"socket": fits}}, folder), NOW) == ()
    config = from_mapping({"admin": {"socket": fits + "s"}}, folder)
    assert check_files(config, NOW) == (
        (
            f"admin.socket: {fits}s has 108 bytes; a Unix socket's path may have 107: choose a "
            "shorter one"
        ),
    )
