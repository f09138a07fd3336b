"""The log: one id a connection, every line a value, no secret, and a bounded rate."""

import re

import pytest

from house.premises import PASSWORDS, Premises
from house.raw_client import RefusedError

MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN")


def test_one_id_a_connection(house: Premises):
    names = [f"log{number}" for number in range(6)]
    for name in names:
        with house.client("ann", resource=name, way="tls") as client:
            client.leave()
        house.saw(
            lambda line, jid=f"ann@house.example/{name}": (
                line.get("event") == "disconnected" and line.get("jid") == jid
            )
        )
    lines = house.events()
    ids = {}
    for name in names:
        (logged_in,) = [
            line
            for line in lines
            if line.get("event") == "logged in" and line["jid"].endswith(f"/{name}")
        ]
        ids[name] = logged_in["connection"]
        mine = [line["event"] for line in lines if line.get("connection") == ids[name]]
        assert mine[0] == "connected"
        assert mine[-1] == "disconnected"
    assert len(set(ids.values())) == len(names)
    assert all(re.fullmatch("[0-9a-f]{8}", one) for one in ids.values())


@pytest.mark.parametrize("way", ["plain", "starttls", "tls"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_no_secret_is_told(house: Premises, way: str, mechanism: str):
    with house.connect(way) as client:
        client.log_in("bob", PASSWORDS["bob"], mechanism)
        client.bind()
        client.ping()
    house.secrets.add("a-wrong-password-is-one-too")
    with house.connect(way) as client, pytest.raises(RefusedError):
        client.log_in("bob", "a-wrong-password-is-one-too", mechanism)
    house.check_log()


def test_every_line_is_whole(house: Premises):
    with house.connect("plain") as client:
        client.send("<?xml version='1.0'?><no\x1b[31m stream='\n{\"event\": \"forged\"}'>")
        client.read_to_end()
    for line in house.events():
        assert {"time", "level", "part", "event"} <= set(line), line
        assert line["event"] != "forged"


def test_failed_log_ins_are_logged_at_a_bounded_rate(empty: Premises):
    house = empty
    house.furnish(
        limits="login_failures_person = 1000\nlogin_failures_address = 1000\nlogin_attempts = 100"
    )
    house.start()
    house.add_people("ann")
    house.secrets.add("wrong-again")
    with house.connect("plain") as client:
        for _ in range(60):
            with pytest.raises(RefusedError):
                client.log_in("ann", "wrong-again", "SCRAM-SHA-1")
    failed = house.events("log-in failed")
    seconds = {line["time"].partition(".")[0] for line in failed}
    assert 1 <= len(failed) <= 5 * (len(seconds) + 1)
    assert house.stop() == 0
