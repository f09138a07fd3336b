"""``kill -9`` again and again under load; what was acknowledged is there, once, and arrives."""

import os
import random
import signal
import threading
from collections import Counter
from contextlib import suppress
from typing import Final

from parts import tell

from house.premises import EndedError, Premises, address, premises
from house.raw_client import BODY, GoneError, RawClient, StreamFailedError, origin

ROUNDS: Final = 50
LEAST: Final = 3
LIFE: Final = (0.1, 2.5)
"""Seconds of load, from and to, before the server is killed."""
GROUP: Final = 5
"""Messages between two requests for an acknowledgement."""
BOB: Final = address("bob")
GONE: Final = (EndedError, ConnectionError, GoneError, StreamFailedError, TimeoutError)


class Story:
    """What the clients know over all lives of the server.

    Attributes:
        written: How many names there are: m0, m1, ...
        acknowledged: Those that the server has counted.
        taken: How often Bob's client saw each.

    """

    def __init__(self) -> None:
        self.written = 0
        self.acknowledged: set[str] = set()
        self.taken: Counter[str] = Counter()

    def names(self) -> list[str]:
        return [f"m{number}" for number in range(self.written)]

    def due(self) -> list[str]:
        return [name for name in self.names() if name not in self.acknowledged]


class Writer:
    """Ann's client in one life."""

    def __init__(self, client: RawClient, story: Story) -> None:
        self._client, self._story = client, story
        self._sent: list[str] = []
        self._counted = 0
        self._before = client.acknowledged()

    def again(self) -> None:
        """Send again what was not acknowledged."""
        for number, name in enumerate(self._story.due(), 1):
            self._write(name)
            if number % GROUP == 0:
                self.settle()
        self.settle()

    def more(self) -> None:
        """Send some new messages and have them acknowledged."""
        for _ in range(GROUP):
            name = f"m{self._story.written}"
            self._story.written += 1
            self._write(name)
        self.settle()

    def _write(self, name: str) -> None:
        self._sent.append(name)
        self._client.write(BOB, name, name)

    def settle(self) -> None:
        count = self._client.acknowledged() - self._before
        self._story.acknowledged |= set(self._sent[self._counted : count])
        self._counted = count


def run(length: float) -> str:
    """Kill the server so often; returns what came of it."""
    rounds = max(LEAST, round(ROUNDS * length))
    seed = random.SystemRandom().randrange(10**9)
    chance = random.Random(seed)
    tell(f"{rounds} rounds, seed {seed}")
    story = Story()
    with premises() as house:
        house.furnish(level="info")
        house.start()
        house.add_people("ann", "bob")
        assert house.stop() == 0
        for number in range(1, rounds + 1):
            seconds = chance.uniform(*LIFE)
            _life(house, story, seconds)
            tell(
                f"round {number} of {rounds}: killed after {seconds:.2f} s; "
                f"{len(story.acknowledged):,} of {story.written:,} acknowledged, "
                f"{len(story.taken):,} received"
            )
        _last_life(house, story)
        assert house.stop() == 0
        _judge(house, story)
    twice = sum(count - 1 for count in story.taken.values())
    return (
        f"{rounds} kills; {story.written:,} messages, all acknowledged in the end, each in the "
        f"archive once, all received ({twice} seen again after a kill)"
    )


def _life(house: Premises, story: Story, seconds: float) -> None:
    house.start()
    assert house.process is not None
    pid = house.process.pid
    killer = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
    killer.start()
    try:
        with suppress(*GONE), house.client("bob", managed=True) as bob:
            reader = threading.Thread(target=_take, args=(bob, story), daemon=True)
            reader.start()
            with suppress(*GONE), house.client("ann", managed=True, present=False) as ann:
                writer = Writer(ann, story)
                writer.again()
                while True:
                    writer.more()
            reader.join(20)
            assert not reader.is_alive(), "Bob's client waits for ever"
        killer.join()
        assert house.ended() == -signal.SIGKILL, "the server ended by itself"
    finally:
        killer.cancel()


def _take(bob: RawClient, story: Story) -> None:
    with suppress(*GONE):
        while True:
            element = bob.next()
            if element.findtext(BODY) is not None:
                story.taken[origin(element)] += 1


def _last_life(house: Premises, story: Story) -> None:
    """Send again what is due, and take all that is missing."""
    house.start()
    with (
        house.client("bob", managed=True) as bob,
        house.client("ann", managed=True, present=False) as ann,
    ):
        Writer(ann, story).again()
        missing = set(story.names()) - set(story.taken)
        while missing:
            name = origin(bob.message())
            story.taken[name] += 1
            missing.discard(name)


def _judge(house: Premises, story: Story) -> None:
    names = set(story.names())
    assert story.acknowledged == names, "not all was acknowledged in the end"
    assert set(story.taken) == names, "Bob's client saw what nobody wrote, or not all"
    kept = dict(house.rows("SELECT origin_id, count(*) FROM item GROUP BY origin_id"))
    assert set(kept) == names, f"missing in the archive: {sorted(names - set(kept))[:5]}"
    doubled = [name for name, count in kept.items() if count != 1]
    assert not doubled, f"twice in the archive: {doubled[:5]}"
