"""What strangers send: garbage, half a connection, nothing at all. The server stays up."""

import random
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from house.premises import HOST, PASSWORDS, Premises, open_house
from house.raw_client import GoneError, RawClient, RefusedError, StreamFailedError, Way

LOGIN_TIME = 1  # seconds; the least that the settings allow
LIMITS = f"login_time = {LOGIN_TIME}"
WAYS: tuple[Way, ...] = ("plain", "starttls", "tls")


@pytest.fixture(scope="module")
def house() -> Iterator[Premises]:
    with open_house(limits=LIMITS) as running:
        yield running
        assert running.stop() == 0


def answer(house: Premises, way: Way, data: bytes) -> bytes:
    """Send bytes without TLS, say no more, and return what came until the server closed."""
    with socket.create_connection((HOST, house.ports[way]), timeout=10) as connection:
        pieces = []
        try:
            connection.sendall(data)
            with suppress(OSError):  # the server has closed already
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                pieces.append(piece)
        except ConnectionError:
            pass
        return b"".join(pieces)


def serves(house: Premises) -> None:
    with house.client("ann", resource="still-here") as ann:
        ann.ping()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(8))
def test_random_bytes(house: Premises, way: Way, seed: int):
    chance = random.Random(seed)
    answer(house, way, chance.randbytes(chance.choice((1, 7, 100, 4096, 300_000))))
    serves(house)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: house.example\r\n\r\n",
        b"EHLO spam.example\r\n",
        b"OPTIONS sip:ann@house.example SIP/2.0\r\n\r\n",
        b"\x00" * 50,
        b"<" * 20_000,
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>",
        b"<a>" * 100_000,
    ],
    ids=["http", "smtp", "sip", "nul", "brackets", "doctype", "depth"],
)
def test_another_protocol(house: Premises, way: Way, request_bytes: bytes):
    said = answer(house, way, request_bytes)
    if way != "tls":
        assert b"<stream:error" in said
        assert said.endswith(b"</stream:stream>")
    serves(house)


@pytest.mark.parametrize("way", ["starttls", "plain"])
def test_tls_on_a_port_that_begins_in_the_clear(house: Premises, way: Way):
    context = ssl.create_default_context(cafile=str(house.ca))
    with socket.create_connection((HOST, house.ports[way]), timeout=10) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain, server_hostname="house.example")
    serves(house)


def test_a_hundred_connections_that_say_nothing_are_hung_up_on(house: Premises):
    began = time.monotonic()
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection((HOST, house.ports[way]), timeout=10))
            for way in ("plain", "starttls")
            for _ in range(50)
        ]
        serves(house)
        for connection in silent:
            data = b""
            while piece := connection.recv(4096):
                data += piece
            assert b"connection-timeout" in data
    took = time.monotonic() - began
    assert LOGIN_TIME * 0.9 < took < LOGIN_TIME + 5


def test_who_never_begins_the_handshake_of_direct_tls_is_hung_up_on(house: Premises):
    began = time.monotonic()
    with ExitStack() as stack:
        for _ in range(20):
            silent = stack.enter_context(
                socket.create_connection((HOST, house.ports["tls"]), timeout=10)
            )
        serves(house)
        with suppress(ConnectionError):
            assert silent.recv(4096) == b""
    assert LOGIN_TIME * 0.9 < time.monotonic() - began < LOGIN_TIME + 5


@pytest.mark.parametrize("way", WAYS)
def test_a_slow_log_in_is_hung_up_on(house: Premises, way: Way):
    with house.connect(way) as client:
        client.open()
        deadline = time.monotonic() + LOGIN_TIME + 5
        with pytest.raises((StreamFailedError, GoneError)) as failed:
            while time.monotonic() < deadline:
                client.send(" ")  # a byte now and then does not help
                try:
                    client.next(0.2)
                except TimeoutError:
                    continue
        assert isinstance(failed.value, GoneError) or "connection-timeout" in str(failed.value)


def test_what_breaks_off_anywhere_does_no_harm(house: Premises):
    whole = (
        b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0'"
        b" xmlns:stream='http://etherx.jabber.org/streams' to='house.example'>"
        b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>"
        b"biwsbj1hbm4scj1hYmNkZWZnaGlqa2xtbm9w</auth>"
    )
    for end in range(0, len(whole), 11):
        with socket.create_connection((HOST, house.ports["plain"]), timeout=10) as connection:
            connection.sendall(whole[:end])
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # ends with RST
    serves(house)


def test_too_much_before_log_in(house: Premises):
    with house.connect("plain") as client:
        client.open()
        with pytest.raises((StreamFailedError, GoneError)):
            client.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{'A' * 11_000}</auth>")
            client.next()
    serves(house)


def test_too_much_after_log_in(house: Premises):
    with house.client("bob", resource="big") as bob:
        with pytest.raises((StreamFailedError, GoneError)) as failed:
            bob.write("ann@house.example", "x" * 270_000)
            while True:
                bob.next()
        assert isinstance(failed.value, GoneError) or str(failed.value) == "policy-violation"
    serves(house)


def test_too_many_failed_log_ins_on_one_connection(house: Premises):
    with house.connect("plain") as client:
        for _ in range(4):
            with pytest.raises(RefusedError):
                client.log_in("gus", "wrong", "PLAIN")
        with pytest.raises((RefusedError, StreamFailedError, GoneError)):
            client.log_in("gus", "wrong", "PLAIN")
        with pytest.raises((StreamFailedError, GoneError)):
            client.next()


def is_served(client: RawClient) -> bool:
    try:
        client.open()
    except (GoneError, StreamFailedError, ConnectionError):
        return False
    return True


def test_the_limit_of_connections_from_one_address(empty: Premises):
    house = empty
    house.furnish(limits="connections_per_address = 5\nstrangers_per_address = 5")
    house.start()
    house.add_people("ann")
    with ExitStack() as stack:
        for number in range(5):
            stack.enter_context(house.client("ann", resource=f"r{number}"))
        last = stack.enter_context(house.connect("plain"))
        assert not is_served(last)
    house.saw(lambda line: str(line.get("event")).startswith("too many connections"))
    house.saw(lambda line: len(house.events("disconnected")) >= 6)
    with house.client("ann"):  # there is room again
        pass
    assert house.stop() == 0


def test_the_limit_of_strangers_from_one_address(empty: Premises):
    house = empty
    house.furnish(limits="connections_per_address = 50\nstrangers_per_address = 3")
    house.start()
    house.add_people("ann")
    with ExitStack() as stack:
        for number in range(6):  # who has logged in is no stranger
            stack.enter_context(house.client("ann", resource=f"r{number}"))
        strangers = [stack.enter_context(house.connect("plain")) for _ in range(4)]
        assert [is_served(client) for client in strangers] == [True, True, True, False]
        strangers[0].log_in("ann", PASSWORDS["ann"])
        strangers[0].bind()
        assert is_served(stack.enter_context(house.connect("plain")))
    assert house.stop() == 0
