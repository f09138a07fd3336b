"""SIGHUP: new connections see the certificate as it is now; a bad one changes nothing."""

import signal
import time

import pytest

from clarion.lib import certificates
from house.premises import DOMAIN, Premises, address, clarion
from house.raw_client import StreamFailedError


def test_a_new_certificate_is_taken_and_a_bad_one_is_not(empty: Premises):
    empty.furnish()
    empty.start()
    empty.add_people("ann")
    assert empty.process is not None
    folder = empty.folder / "certs"
    key = folder / "server.key"
    kept = key.read_bytes()
    key.write_text("not a key")
    empty.process.send_signal(signal.SIGHUP)
    empty.saw(lambda line: line.get("event") == "certificate not reloaded")
    with empty.client("ann", way="tls"):
        pass
    key.write_bytes(kept)
    other = certificates.create(empty.folder / "new", DOMAIN, not_before=time.time() - 60)
    for old, new in (("server.pem", other.server), ("server.key", other.server_key)):
        (folder / old).write_bytes(new.read_bytes())
    (folder / "ca.pem").write_bytes(other.ca.read_bytes())
    empty.process.send_signal(signal.SIGHUP)
    empty.saw(lambda line: line.get("event") == "certificate reloaded")
    with empty.client("ann", way="tls"):  # trusts the new authority only
        pass
    assert empty.stop() == 0


def test_policies_are_taken_and_the_rest_is_named(empty: Premises):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann", "bob")
    assert house.process is not None
    text = house.config.read_text()
    long = "x" * 20_000
    house.config.write_text(
        text.replace("[limits]", "[limits]\nstanza_bytes = 10000\nlogin_attempts = 2").replace(
            "[xmpp]", '[xmpp]\nrooms = "r.house.example"'
        )
    )
    with house.client("bob") as bob:
        house.process.send_signal(signal.SIGHUP)
        house.saw(lambda line: line.get("event") == "reloaded")
        changed = {line["key"] for line in house.events("setting changed")}
        assert changed == {"limits.stanza_bytes", "limits.login_attempts"}
        assert [line["key"] for line in house.events("setting needs a restart")] == ["xmpp.rooms"]
        bob.write(address("ann"), long, "long")  # who was there before keeps what it was told
        bob.ping()
    with house.client("ann") as ann, pytest.raises(StreamFailedError, match="policy-violation"):
        ann.write(address("bob"), long, "long")
        ann.ping()
    house.config.write_text(text + "\nnonsense = 1\n")
    done = clarion("reload", "--config", str(house.config))
    assert (done.returncode, done.stdout) == (2, "")
    house.process.send_signal(signal.SIGHUP)
    assert "nonsense" in house.saw(lambda line: line.get("event") == "settings not reloaded")["why"]
    house.config.write_text(text)
    done = clarion("reload", "--config", str(house.config))
    assert done.returncode == 0, done.stderr
    assert "limits.stanza_bytes: in force now" in done.stdout
    with house.client("ann") as ann:
        ann.write(address("bob"), long, "long again")
        ann.ping()
    assert house.stop() == 0
