"""SIGTERM: everybody is told, nothing accepted is lost, and it is over within five seconds."""

import signal
import threading
import time
from collections.abc import Callable

import pytest

from house.premises import DOMAIN, HOST, Premises, address
from house.raw_client import GoneError, RawClient, StreamFailedError, origin

DRAIN = 5.0  # seconds, product.md
GRACE = 2.0  # seconds on top, for a machine that is shared


@pytest.fixture
def house(empty: Premises) -> Premises:
    empty.furnish()
    empty.start()
    empty.add_people("ann", "bob", "dan")
    return empty


def test_clients_are_told_and_what_was_accepted_is_kept(
    house: Premises, record_property: Callable[[str, object], None]
):
    assert house.process is not None
    with (
        house.client("ann", managed=True, way="tls") as ann,
        house.client("bob", way="starttls") as bob,
        house.connect("plain") as stranger,
    ):
        stranger.open()
        names = [f"m{number}" for number in range(200)]
        for name in names:
            ann.write(address("bob"), name, name)
        assert ann.acknowledged() == 1 + len(names)
        house.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        for client in (ann, bob, stranger):
            with pytest.raises(StreamFailedError, match="system-shutdown"):
                client.until(lambda element: False)
            with pytest.raises(GoneError):
                client.next()
        assert house.ended() == 0
        took = time.monotonic() - began
    assert took < DRAIN
    record_property("told", f"SIGTERM with three clients: over after {took * 1000:.0f} ms")
    kept = {name for (name,) in house.rows("SELECT origin_id FROM item")}
    assert kept == set(names)
    house.start()
    with house.client("bob") as again:
        assert [origin(message) for message in again.archive()] == names
    assert house.stop() == 0


def test_under_load_every_acknowledged_message_is_kept(house: Premises):
    assert house.process is not None
    written: list[str] = []
    counted = 0
    with house.client("ann", managed=True) as ann, house.client("bob", managed=True) as bob:
        before = ann.acknowledged()
        stop = threading.Timer(0.3, house.process.send_signal, (signal.SIGTERM,))
        stop.start()
        try:
            for number in range(1_000_000):
                name = f"m{number}"
                ann.write(address("bob"), name, name)
                written.append(name)
                if number % 20 == 19:
                    counted = ann.acknowledged() - before
        except (GoneError, StreamFailedError):
            pass
        stop.join()
        assert house.ended() == 0
        bob.drop()
    assert counted > 0
    kept = [name for (name,) in house.rows("SELECT origin_id FROM item ORDER BY id")]
    assert len(kept) == len(set(kept))
    assert set(written[:counted]) <= set(kept)


def test_a_client_that_does_not_read_holds_nothing_up(
    house: Premises, record_property: Callable[[str, object], None]
):
    assert house.process is not None
    names = [f"m{number}" for number in range(100)]
    with (
        house.client("dan", receive_buffer=4096),
        house.client("ann", managed=True) as ann,
    ):
        for name in names:
            ann.write(address("dan"), "x" * 15_000, name)
        assert ann.acknowledged() == 1 + len(names)
        began = time.monotonic()
        assert house.stop(DRAIN + GRACE) == 0
        took = time.monotonic() - began
    assert took < DRAIN + GRACE
    record_property(
        "told", f"SIGTERM with a client that does not read: over after {took * 1000:.0f} ms"
    )
    assert {name for (name,) in house.rows("SELECT origin_id FROM item")} == set(names)


def test_connections_that_never_say_a_word_hold_nothing_up(house: Premises):
    before = len(house.events("connected"))
    silent = [house.connect("plain") for _ in range(20)]
    house.saw(lambda line: len(house.events("connected")) - before == len(silent))
    began = time.monotonic()
    assert house.stop(DRAIN + GRACE) == 0
    assert time.monotonic() - began < DRAIN
    for client in silent:
        assert b"system-shutdown" in client.read_to_end()
        client.drop()


def test_sigint_stops_it_too(house: Premises):
    assert house.process is not None
    house.process.send_signal(signal.SIGINT)
    assert house.ended() == 0


def test_a_stranger_in_the_middle_of_a_handshake_holds_up_nobody(house: Premises):
    assert house.process is not None
    port = house.ports["starttls"]
    with RawClient(HOST, port, DOMAIN, "plain", ca=house.ca, secrets=house.secrets) as stranger:
        stranger.open()
        stranger.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        assert stranger.next().tag.endswith("proceed")
        house.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert house.ended() == 0
        assert time.monotonic() - began < DRAIN - 1
