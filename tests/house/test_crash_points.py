"""After ``kill -9`` at every named place, nothing acknowledged is missing, twice, or undelivered.

The server dies, is started again with the next death in store, dies, and so
on; the clients come back each time and send again what was not acknowledged.
"""

import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from clarion.lib.crashpoint import MID_BATCH, NAMES, VARIABLE
from house.premises import EndedError, Premises, address
from house.raw_client import BODY, GoneError, RawClient, StreamFailedError, origin

TIMES = dict.fromkeys(NAMES, (2, 7, 16)) | {MID_BATCH: (2, 19, 40)}  # the n-th time reached
PER_LIFE = 300  # messages a life may see before the server must have died
GROUP = 5  # messages between two <r/>
BOB = address("bob")


@dataclass
class Story:
    """What the clients know over all lives of the server.

    Attributes:
        written: Every name that was ever sent, in order.
        acknowledged: Names that the server has counted.
        taken: How often Bob's client saw each name.

    """

    written: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    taken: Counter[str] = field(default_factory=Counter)

    def due(self) -> list[str]:
        return [name for name in self.written if name not in self.acknowledged]


class Writer:
    """Ann's client in one life: what it sent on this stream, and what of it counts."""

    def __init__(self, client: RawClient, story: Story) -> None:
        self.client = client
        self._story = story
        self._sent: list[str] = []
        self._counted = 0

    def write(self, name: str) -> None:
        if name not in self._story.written:
            self._story.written.append(name)
        self._sent.append(name)
        self.client.write(BOB, name, name)

    def settle(self) -> None:
        """Ask for a count and believe it."""
        count = self.client.acknowledged() - self._before
        self._story.acknowledged |= set(self._sent[self._counted : count])
        self._counted = count

    def begin(self) -> None:
        """Nothing but messages is sent once counting began."""
        self._before = self.client.acknowledged()


def take_all(bob: RawClient, story: Story, until: Callable[[], bool]) -> None:
    while not until():
        element = bob.next()
        if element.findtext(BODY) is not None:
            story.taken[origin(element)] += 1


def live(house: Premises, story: Story, more: int) -> None:
    """Come back, send again what is due, then ``more`` new ones, until the server dies."""
    with house.client("bob", managed=True) as bob:
        with house.client("ann", managed=True, present=False) as ann:
            writer = Writer(ann, story)
            writer.begin()
            try:
                for name in story.due():
                    writer.write(name)
                writer.settle()
                first = len(story.written)
                for number in range(first, first + more):
                    writer.write(f"m{number}")
                    if number % GROUP == 0:
                        writer.settle()
                writer.settle()
            finally:
                with suppress(GoneError, TimeoutError, StreamFailedError):
                    take_all(bob, story, lambda: set(story.written) <= set(story.taken))


@pytest.mark.parametrize("point", NAMES)
def test_everything_acknowledged_survives(
    empty: Premises, point: str, record_property: Callable[[str, object], None]
):
    house, story, hits = empty, Story(), 0
    house.furnish(level="info")
    house.start()
    house.add_people("ann", "bob")
    assert house.stop() == 0
    for time in TIMES[point]:
        with suppress(EndedError, ConnectionError, GoneError, StreamFailedError):
            house.start({VARIABLE: f"{point}:{time}"})  # may well die while it starts
            live(house, story, PER_LIFE)
        assert house.ended() == -signal.SIGKILL, f"{point}:{time} was never reached"
        assert [line for line in house.lines if line][-1] == f"crash point {point} reached"
        hits += 1
    acknowledged_before = len(story.acknowledged)
    due = len(story.due())
    house.start()
    live(house, story, 0)
    everything = set(story.written)
    for local in ("ann", "bob"):
        with house.client(local, present=False) as reader:
            assert Counter(map(origin, reader.archive())) == Counter(everything)
    assert house.stop() == 0

    assert story.acknowledged == everything
    assert set(story.taken) == everything  # all of it reached its recipient
    for count, name in house.rows("SELECT count(*), origin_id FROM item GROUP BY origin_id"):
        assert (count, name in everything) == (1, True)
    kept = {name for (name,) in house.rows("SELECT origin_id FROM item")}
    assert kept == everything
    lanes = dict(house.rows("SELECT incoming, count(*) FROM line GROUP BY incoming"))
    assert lanes == {0: len(everything), 1: len(everything)}

    record_property(
        "told",
        f"crash point {point:22} hit {hits} times; {acknowledged_before:3} acknowledged before, "
        f"{due:2} sent again; {len(everything):3} in the archive once, all delivered",
    )
    print(f"crash point {point} hit {hits} times")
