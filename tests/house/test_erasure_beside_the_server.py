"""A person is erased beside a running server: it is seen at once, and the file holds nothing."""

import json
import signal

import pytest

from clarion.lib.crashpoint import AFTER_COMMIT, VARIABLE
from house.premises import EndedError, Premises, address, clarion
from house.raw_client import GoneError, RefusedError, StreamFailedError

ANN, BOB = address("ann"), address("bob")
NAME, PHONE = "Annabella Xylophone", "+4930999888777"
ROSTER = "jabber:iq:roster"


def on_disk(house: Premises) -> bytes:
    return b"".join(path.read_bytes() for path in house.database.parent.iterdir() if path.is_file())


def furnished(house: Premises) -> None:
    house.furnish()
    house.start()
    house.add_people("ann", "bob")
    house.ask("person.set", address=ANN, name=NAME, phone=PHONE)


def test_who_is_erased_is_gone_for_everybody(empty: Premises):
    house = empty
    furnished(house)
    with house.client("ann", managed=True) as ann, house.client("bob", managed=True) as bob:
        bob.iq("get", f"<query xmlns='{ROSTER}'/>")
        bob.iq("set", f"<query xmlns='{ROSTER}'><item jid='{ANN}' name='{NAME}'/></query>")
        bob.send(f"<presence type='subscribe' to='{ANN}'/>")
        ann.until(lambda e: e.get("type") == "subscribe")
        ann.send(f"<presence type='subscribed' to='{BOB}'/>")
        bob.until(lambda e: e.get("type") == "subscribed")
        ann.write(BOB, "kept by bob", "one")
        bob.message("kept by bob")
        ann.acknowledged()
        bob.acknowledged()
        done = clarion("person", "erase", ANN, "--yes", "--config", str(house.config), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rosters"] == 1
        with pytest.raises(StreamFailedError, match="not-authorized"):
            ann.until(lambda element: False)
        with pytest.raises(GoneError):
            ann.next()
        bob.until(
            lambda e: any(
                item.get("jid") == ANN and item.get("subscription") == "remove"
                for item in e.iter(f"{{{ROSTER}}}item")
            )
        )
        assert any("kept by bob" in (m.findtext(".//{*}body") or "") for m in bob.archive())
        bob.write(ANN, "are you there?", "two")
        error = bob.until(lambda e: e.get("type") == "error")
        assert error.get("id") == "two"
    held = on_disk(house)
    assert b"Xylophone" not in held
    assert b"999888777" not in held
    with house.connect("plain") as client, pytest.raises(RefusedError):
        client.log_in("ann", "ann-has-a-long-passphrase")
    again = clarion("person", "add", ANN, "--config", str(house.config))
    assert again.returncode == 1
    assert "was that of a person who was erased" in again.stderr
    assert house.stop() == 0
    assert b"Xylophone" not in on_disk(house)


@pytest.mark.parametrize("time", [3, 4, 5, 6])
def test_what_a_crash_cut_short_goes_on_at_the_next_start(empty: Premises, time: int):
    house = empty
    furnished(house)
    with house.client("ann", managed=True) as ann:
        ann.write(BOB, "wait for bob", "one")
        ann.acknowledged()
    assert house.stop() == 0
    # The first two commits of a life are the start's own: two keys.
    house.start({VARIABLE: f"{AFTER_COMMIT}:{time}"})
    done = clarion("person", "erase", ANN, "--yes", "--config", str(house.config))
    assert done.returncode == 1
    with pytest.raises(EndedError):
        house.saw(lambda line: False)
    assert house.ended() == -signal.SIGKILL
    house.start()
    house.saw(lambda line: line.get("event") == "a person was erased")
    assert house.rows("SELECT address FROM erasure WHERE ended IS NOT NULL") == [(ANN,)]
    assert house.rows(
        "SELECT verb FROM audit WHERE target = ? AND verb LIKE '%erase%'", (ANN,)
    ) == [
        ("person.erase",),
        ("person.erased",),
    ]
    held = on_disk(house)
    assert b"Xylophone" not in held
    assert b"999888777" not in held
    with house.client("bob") as bob:
        assert bob.message("wait for bob") is not None  # Bob's copy
    assert house.stop() == 0
