"""What keeps the server from starting: one line, exit code 2, and nothing touched."""

import hashlib
import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from clarion.lib import certificates
from house.premises import DOMAIN, HOST, Premises, clarion

# Generous: the aim is one second; the machine may be shared, and measuring coverage is slow.
START_SECONDS = 15.0 if "COVERAGE_PROCESS_CONFIG" in os.environ else 3.0
LOW_PORT = 222


def look(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything in a folder: what it is, when it was changed, what it holds."""
    seen: dict[str, tuple[object, ...]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        seen[str(path.relative_to(folder))] = (status.st_mode, status.st_mtime_ns, content)
    return seen


def refused(house: Premises, before: tuple[str, ...] = ()) -> list[str]:
    """Run the server, which must refuse; returns what it said on standard error."""
    untouched = look(house.folder)
    done = clarion("run", "--config", str(house.config), before=before)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert look(house.folder) == untouched
    lines = done.stderr.splitlines()
    assert lines
    assert all(line.startswith("clarion: ") for line in lines), done.stderr
    return [line.removeprefix("clarion: ") for line in lines]


def only(lines: list[str]) -> str:
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture(params=["fresh", "used"])
def place(request: pytest.FixtureRequest, empty: Premises) -> Premises:
    """Premises that were never opened, and ones that were and hold a database."""
    empty.furnish()
    if request.param == "used":
        empty.start()
        assert empty.stop() == 0
        assert empty.database.exists()
    return empty


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_wrong_certificate_path(place: Premises):
    place.furnish(more='[tls]\ncertificate = "certs/wrong.pem"')
    line = only(refused(place))
    assert str(place.folder / "certs" / "wrong.pem") in line
    assert "no such file" in line


def test_a_key_of_another_certificate(place: Premises):
    certificates.create(place.folder / "other", DOMAIN, not_before=time.time() - 60)
    place.furnish(more='[tls]\nkey = "other/server.key"')
    line = only(refused(place))
    assert "server.key: does not belong to the certificate" in line


@pytest.mark.parametrize("key", ["listen", "listen_tls", "listen_plain"])
def test_a_busy_port(place: Premises, key: str):
    with taken_port() as port:
        place.furnish(xmpp=f'{key} = ["{HOST}:{port}"]')
        line = only(refused(place))
    assert f"{HOST}:{port}" in line
    assert "address already in use" in line


def test_a_data_directory_below_a_regular_file(empty: Premises):
    empty.furnish()
    (empty.folder / "file").write_text("a regular file")
    empty.config.write_text(empty.config.read_text().replace('"data"', '"file/data"'))
    line = only(refused(empty))
    assert str(empty.folder / "file") in line


def test_a_file_that_is_no_database(empty: Premises):
    empty.furnish()
    empty.database.parent.mkdir()
    empty.database.write_text("Dear diary, today I wrote a file of more than a hundred bytes." * 3)
    assert "is not a database" in only(refused(empty))


def test_a_database_of_a_newer_version(empty: Premises):
    empty.furnish()
    empty.start()
    assert empty.stop() == 0
    with closing(sqlite3.connect(empty.database)) as connection:
        connection.execute("PRAGMA user_version = 999")
        connection.execute("PRAGMA journal_mode = DELETE")
    line = only(refused(empty))
    assert str(empty.database) in line
    assert "newer" in line


def test_a_second_server_on_the_same_data(empty: Premises):
    empty.furnish()
    empty.start()
    assert empty.process is not None
    line = only(refused(empty))
    assert f"another Clarion is running on {empty.database.parent}" in line
    assert str(empty.process.pid) in line
    with empty.connect("plain") as client:
        client.open()  # the first one lives on
    assert empty.stop() == 0


def test_a_door_that_is_not_built(place: Premises):
    place.furnish(more="[mail]")
    lines = refused(place)
    assert all("not part of this version yet" in line for line in lines)
    assert any(line.startswith("mail.listen_smtp: ") for line in lines)


def test_every_error_at_once_and_a_guess(place: Premises):
    place.furnish(more="[ledger]\naks = true", limits="login_tyme = 3\nlogin_attempts = 0")
    lines = refused(place)
    assert any("limits.login_tyme" in line and "login_time" in line for line in lines)
    assert any("ledger.aks" in line and "did you mean" in line.lower() for line in lines)
    assert any(line.startswith("limits.login_attempts") for line in lines)
    assert len(lines) == 3


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7"])
def test_listen_plain_is_for_loopback_only(place: Premises, host: str):
    place.furnish(xmpp=f'listen_plain = ["{host}:0"]')
    line = only(refused(place))
    assert line.startswith("xmpp.listen_plain")
    assert "loopback" in line


def every_port_is_free_for_everyone() -> bool:
    path = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    return path.exists() and int(path.read_text()) <= LOW_PORT


@pytest.mark.skipif(
    every_port_is_free_for_everyone(), reason="this machine has no privileged ports"
)
def test_a_privileged_port_without_the_right(place: Premises):
    without: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root needs setpriv(1) to give the right away")
        without = ("setpriv", "--bounding-set=-net_bind_service")
    place.furnish(xmpp=f'listen = ["{HOST}:{LOW_PORT}"]')
    line = only(refused(place, without))
    assert f"no right to listen on {HOST}:{LOW_PORT}" in line
    assert "CAP_NET_BIND_SERVICE" in line


def test_the_time_from_start_to_listening(
    empty: Premises, record_property: Callable[[str, object], None]
):
    empty.furnish()
    first = empty.start()
    inside = empty.events("clarion is open")[0]["took_ms"]
    assert empty.stop() == 0
    second = empty.start()
    assert empty.stop() == 0
    assert max(first, second) < START_SECONDS
    record_property(
        "told",
        f"start to listening: {first * 1000:.0f} ms with a fresh folder, "
        f"{second * 1000:.0f} ms again; {inside} ms of it after the imports",
    )


def test_the_limit_of_open_files_is_raised(empty: Premises):
    empty.furnish()

    def lower() -> None:
        import resource  # noqa: PLC0415  # in the child

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    empty.launch(preexec_fn=lower)
    opened = empty.saw(lambda line: line.get("event") == "clarion is open")
    assert opened["open_files"] > 256
    assert empty.stop() == 0
