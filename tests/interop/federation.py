"""Prosody as the other server: both ways, with certificates of one test CA and a DNS double."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from verdict import Skipped, Verdict

from house.premises import HOST
from house.raw_client import CLIENT, GoneError, RawClient, StreamFailedError
from house.towns import BOTH, PASSWORD, Town, open_town

OURS: Final = "clarion.example"
THEIRS: Final = "prosody.example"
START_SECONDS: Final = 15.0
CONFIG: Final = """\
data_path = "{folder}/data"
pidfile = "{folder}/prosody.pid"
log = {{ debug = "{folder}/prosody.log" }}
run_as_root = true
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
s2s_ports = {{ {s2s} }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = true
s2s_secure_auth = {secure}
modules_enabled = {{ "roster", "saslauth", "tls", "dialback", "disco", "presence", "message",
  "iq", "ping", "posix", "s2s", "s2s_auth_certs", "c2s", "pep", "carbons"{more} }}
modules_disabled = {{ "http" }}
unbound = {{ resolvconf = false; hoststxt = false;
  forward = {{ "127.0.0.1@{dns}" }};
  options = {{ ["do-not-query-localhost:"] = "no" }}; }}
certificates = "{folder}/certs"
ssl = {{ certificate = "{certificate}"; key = "{key}"; cafile = "{authorities}" }}
VirtualHost "{domain}"
"""


def judge() -> Verdict:
    """Run every play.

    Raises:
        Skipped: Prosody is not installed.

    """
    missing = [name for name in ("prosody", "prosodyctl") if shutil.which(name) is None]
    if missing:
        raise Skipped(f"{' and '.join(missing)} not installed")
    lines: list[str] = []
    good = True
    plays = {
        "dialback": {"secure": "false", "more": "", "ask": "false"},
        "certificates": {"secure": "true", "more": "", "ask": "true"},
        "s2s_bidi on its side": {"secure": "false", "more": ', "s2s_bidi"', "ask": "false"},
    }
    for name, how in plays.items():
        try:
            _play(**how)
        except (AssertionError, TimeoutError, OSError) as wrong:
            good = False
            lines += [f"{name}: {line}" for line in str(wrong).splitlines() or [repr(wrong)]]
        else:
            lines.append(f"{name}: messages, presence and requests both ways")
    return Verdict(passed=good, lines=lines)


def _play(secure: str, more: str, ask: str) -> None:
    with open_town() as town:
        town.open(OURS, "ann", usages=BOTH, federation=f"ask_certificates = {ask}")
        with _prosody(town, secure, more) as port:
            try:
                theirs = RawClient(HOST, port, THEIRS, "plain")
                town.stack.callback(theirs.drop)
                theirs.log_in("bob", PASSWORD, "SCRAM-SHA-1")
                theirs.bind("raw")
                theirs.iq("get", "<query xmlns='jabber:iq:roster'/>")
                theirs.send("<presence/>")
                _talk(town.client(f"ann@{OURS}"), theirs)
            except (AssertionError, TimeoutError, GoneError, StreamFailedError) as wrong:
                log = (town.folder / "prosody" / "prosody.log").read_text().splitlines()
                told = "\n".join(log[-40:])
                raise AssertionError(f"{wrong!r}\n{told}") from wrong


def _talk(ann: RawClient, bob: RawClient) -> None:
    ann.send(f"<presence to='bob@{THEIRS}' type='subscribe'/>")
    bob.until(lambda e: e.get("type") == "subscribe")
    bob.send(f"<presence to='ann@{OURS}' type='subscribed'/>")
    ann.until(lambda e: e.get("type") == "subscribed")
    ann.until(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == f"bob@{THEIRS}/raw")
    bob.send(f"<presence to='ann@{OURS}' type='subscribe'/>")
    ann.until(lambda e: e.get("type") == "subscribe")
    ann.send(f"<presence to='bob@{THEIRS}' type='subscribed'/>")
    bob.until(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == f"ann@{OURS}/raw")
    ann.write(f"bob@{THEIRS}", "to Prosody", "m1")
    bob.message("to Prosody")
    bob.write(f"ann@{OURS}", "from Prosody", "m2")
    ann.message("from Prosody")
    ann.send("<presence><show>away</show></presence>")
    bob.until(lambda e: e.findtext(f"{CLIENT}show") == "away")
    info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
    for client, other in ((ann, THEIRS), (bob, OURS), (bob, f"ann@{OURS}")):
        assert client.iq("get", info, other).get("type") == "result", other


@contextmanager
def _prosody(town: Town, secure: str, more: str) -> Iterator[int]:
    """Run Prosody; yields the port for clients."""
    folder = town.folder / "prosody"
    (folder / "data").mkdir(parents=True)
    certificate, key = town.authority.issue(folder / "certs", THEIRS, BOTH)
    certificate = certificate.rename(folder / "certs" / f"{THEIRS}.crt")
    key = key.rename(folder / "certs" / f"{THEIRS}.key")
    c2s, s2s = _free_port(), _free_port()
    config = folder / "prosody.cfg.lua"
    config.write_text(
        CONFIG.format(
            folder=folder,
            c2s=c2s,
            s2s=s2s,
            secure=secure,
            more=more,
            dns=town.names.port,
            certificate=certificate,
            key=key,
            authorities=town.authority.file,
            domain=THEIRS,
        )
    )
    town.names.lead(THEIRS, s2s)
    subprocess.run(
        ["prosodyctl", "--config", config, "register", "bob", THEIRS, PASSWORD],
        check=True,
        capture_output=True,
    )
    process = subprocess.Popen(
        ["prosody", "--config", str(config), "-F"],
        stdout=(folder / "out").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for(c2s, process, folder)
        yield c2s
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            said = (folder / "out").read_text()
            assert process.poll() is None, f"Prosody ended: {said}"
            assert time.monotonic() < deadline, f"Prosody does not listen: {said}"
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port
