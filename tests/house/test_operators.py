"""The operator's commands beside a running server, and without one."""

import json

import pytest

from house.premises import PASSWORDS, Premises, address, clarion
from house.raw_client import GoneError, RefusedError, StreamFailedError, Way


def run(house: Premises, *arguments: str, stdin: str = "") -> str:
    done = clarion(*arguments, "--config", str(house.config), stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("way", "local"), [("plain", "cai"), ("tls", "dan")])
def test_who_is_disabled_is_thrown_out_at_once(house: Premises, way: Way, local: str):
    with (
        house.client(local, way=way, managed=True, resume=True) as one,
        house.client(local, way=way, resource="two") as two,
        house.client("ann", resource="unharmed") as ann,
    ):
        lost = one.resumption
        run(house, "person", "disable", address(local))
        for client in (one, two):
            with pytest.raises(StreamFailedError, match="not-authorized"):
                client.until(lambda element: False)
            with pytest.raises(GoneError):
                client.next()
        ann.ping()
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"):
        with house.connect(way) as client, pytest.raises(RefusedError):
            client.log_in(local, PASSWORDS[local], mechanism)
    run(house, "person", "enable", address(local))
    with house.connect(way) as client:
        client.log_in(local, PASSWORDS[local])
        assert client.resume(lost, 0).tag.endswith("failed")  # the old session is gone for good
        client.bind()
        client.ping()


def test_a_person_added_beside_the_server_logs_in(house: Premises):
    password = "hal-was-added-by-hand"
    house.secrets.add(password)
    run(house, "person", "add", address("hal"), "--password-stdin", stdin=f"{password}\n")
    with house.connect("tls") as client:
        client.log_in("hal", password)
        client.bind()


def test_a_changed_password_counts_at_once(house: Premises):
    password = "eve-has-a-new-one"
    house.secrets.add(password)
    run(house, "person", "set", address("eve"), "--password-stdin", stdin=f"{password}\n")
    with house.connect("tls") as client:
        with pytest.raises(RefusedError):
            client.log_in("eve", PASSWORDS["eve"])
        client.log_in("eve", password)


def test_the_ledger_with_and_without_the_server(empty: Premises):
    house = empty
    house.furnish()
    house.start()
    house.add_people("ann", "bob")
    with house.client("ann") as ann, house.client("bob", managed=True) as bob:
        ann.write(address("bob"), "one", "one")
        got = bob.message("one")
        item = got.find("{urn:xmpp:sid:0}stanza-id")
        assert item is not None
        bob.send(
            f"<message to='{ann.full}' type='chat' id='mark'>"
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='one'/></message>"
        )
        ann.until(lambda e: e.find("{urn:xmpp:chat-markers:0}displayed") is not None)
        ann.write(address("bob"), "two", "two")
        bob.message("two")
        bob.acknowledged()
        bob.leave()
    thread = ("ledger", "show", "--thread", address("ann"), address("bob"))
    beside = json.loads(run(house, *thread, "--json"))
    table = run(house, *thread)
    assert house.stop() == 0
    alone = json.loads(run(house, *thread, "--json"))
    assert alone == beside
    assert [row["reader"] for row in alone] == [address("bob")] * 2
    first, second = alone
    assert (first["item"], first["state"]) == (item.get("id"), "read")
    assert (first["door"], first["act"]) == ("chat", "marked")
    assert second["state"] in {"sent", "delivered"}
    assert "read" in table
    one = json.loads(run(house, "ledger", "show", first["item"], "--json"))
    assert one == [first]


def test_a_command_without_a_configuration(empty: Premises):
    done = clarion("person", "list", "--config", str(empty.folder / "no.toml"))
    assert done.returncode == 2
    assert done.stderr.startswith("clarion: ")
    assert done.stderr.count("\n") == 1


def test_offered_contacts_reach_who_is_here(house: Premises):
    with house.client("ann", resource="offered") as ann:
        said = run(house, "person", "offer", address("ann"), address("eve"), address("cai"))
        assert said == f"Offered 2 to {address('ann')}.\n"
        rosterx = "{http://jabber.org/protocol/rosterx}"
        message = ann.until(lambda element: element.find(f"{rosterx}x") is not None)
        items = message.findall(f"{rosterx}x/{rosterx}item")
        assert [item.get("jid") for item in items] == [address("eve"), address("cai")]
        assert address("eve") in message.findtext("{jabber:client}body", "")
