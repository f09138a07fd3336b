"""A client that stops reading: bounded, cut off, and in nobody's way; its messages wait."""

import time
from collections.abc import Callable, Iterator

import pytest

from house.premises import Premises, address, open_house
from house.raw_client import BODY, RawClient, Way, origin

QUEUE = 256 * 1024  # bytes; small, so that it is full soon
LIMITS = f"""
stanza_bytes = 65536
send_queue_bytes = {QUEUE}
unacknowledged_bytes = {QUEUE}
unacknowledged_stanzas = 100000
"""
SIZE = 16 * 1024  # characters of a message
MANY = 600  # messages: far more than the queue and the kernel's buffers hold
MEMORY = 64 * 1024 * 1024  # bytes that the server may grow by meanwhile; generous
LATENCY = 1.0  # seconds of a round trip of somebody else; generous, the machine is shared


@pytest.fixture(scope="module")
def house() -> Iterator[Premises]:
    with open_house(limits=LIMITS) as running:
        yield running
        assert running.stop() == 0


def trip(ann: RawClient, bob: RawClient, name: str) -> float:
    """A message from Ann to Bob and back."""
    began = time.monotonic()
    ann.write(bob.full, name)
    bob.message(name)
    bob.write(ann.full, name)
    ann.message(name)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("lazy", "way", "managed"),
    [("dan", "plain", False), ("eve", "plain", True), ("fay", "tls", False)],
    ids=["plain", "managed", "tls"],
)
def test_its_messages_wait_and_nobody_else_does(
    house: Premises,
    lazy: str,
    way: Way,
    managed: bool,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
):
    label = request.node.callspec.id
    before = house.memory_bytes()
    written = [f"{label}-{number}" for number in range(MANY)]
    trips: list[float] = []
    with (
        house.client(lazy, way=way, managed=managed, resume=managed, receive_buffer=4096),
        house.client("cai", managed=True, present=False) as flood,
        house.client("ann") as ann,
        house.client("bob") as bob,
    ):
        for place, name in enumerate(written):
            flood.write(address(lazy), "x" * SIZE, name)
            if place % 30 == 0:
                trips.append(trip(ann, bob, name))
        assert flood.acknowledged() == MANY  # whatever the lazy one does, they are safe
        most = house.memory_bytes() - before
        house.saw(
            lambda line: (
                line.get("event") == "disconnected" and line.get("jid") == f"{address(lazy)}/raw"
            )
        )
        trips.append(trip(ann, bob, "at the end"))
    assert max(trips) < LATENCY
    assert most < MEMORY
    told = [
        line
        for line in house.events()
        if line.get("event") in {"client does not read; connection cut", "stream ended"}
        and str(line.get("jid", "")).startswith(f"{lazy}@")
    ]
    assert told, "the log does not say why it was cut off"

    taken: list[str] = []
    with house.client(lazy, way=way, managed=True, resource="again") as again:
        while len(set(taken)) < MANY:
            element = again.next()
            if element.findtext(BODY) is not None:
                taken.append(origin(element))
        again.acknowledge()
        again.leave()
    assert taken == written  # in order, and each once
    record_property(
        "told",
        f"a client that does not read ({label}): others' round trips at most "
        f"{max(trips) * 1000:.0f} ms, the server grew by {most / 2**20:.1f} MiB",
    )


def test_a_page_of_the_archive_that_is_larger_than_the_queue(house: Premises):
    with (
        house.client("bob", resource="sink") as bob,
        house.client("ann", managed=True, present=False, resource="source") as ann,
    ):
        written = [f"page-{number}" for number in range(100)]
        for name in written:
            ann.write(address("bob"), "y" * SIZE, name)
            bob.message()
        assert ann.acknowledged() == len(written)
        names = [origin(message) for message in ann.archive(page=100)]
        assert [name for name in names if name.startswith("page-")] == written


def test_what_a_session_held_when_it_ended_goes_to_one_that_is_catching_up(house: Premises):
    written = [f"held-{number}" for number in range(40)]
    with house.client("cai", managed=True, present=False, resource="writer") as cai:
        for name in written:
            cai.write(address("gus"), "z" * SIZE, name)
        assert cai.acknowledged() == len(written)
    first = house.client("gus", managed=True, resource="first", present=False)
    second = house.client("gus", managed=True, resource="second", present=False)
    with second:
        first.answers = second.answers = False
        first.send("<presence/>")
        assert origin(first.message()) == written[0]  # it holds the oldest ones, and says nothing
        second.send("<presence/>")
        taken = [origin(second.message())]  # it has begun behind those
        assert taken != written[:1]
        first.drop()
        house.saw(
            lambda line: (
                line.get("event") == "disconnected" and line.get("jid") == f"{address('gus')}/first"
            )
        )
        second.answers = True
        second.acknowledge()
        while set(taken) != set(written):
            taken.append(origin(second.message()))
