"""One hour at 200 messages a second: all arrives, all is acknowledged, and memory does not grow."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from parts import tell

from clarion.store.opening import CACHE_KIB
from house.premises import Premises, address, open_house
from house.raw_client import BODY, SM, GoneError, RawClient, StreamFailedError

SECONDS: Final = 3600.0
LEAST: Final = 20.0
RATE: Final = 200.0
"""Messages a second of all together."""
PAIRS: Final = 10
ASK: Final = 10
"""Messages of a writer between two requests for an acknowledgement."""
LOOKS: Final = 60
"""How often the memory is looked at."""
GROWTH: Final = 8 * 2**20
"""LIMIT: bytes by which the last third's median may be above the second third's: an arena or two
of the allocator, and 12 bytes for each of the 720,000 messages of an hour. As long as the store's
page cache is not full, it may grow by what the cache lacks: some ten minutes."""
DRAIN: Final = 60.0
PASSWORD: Final = "a-passphrase-for-an-hour"


@dataclass
class Person:
    """One client and its reader."""

    client: RawClient
    peer: str
    written: int = 0
    taken: int = 0
    acknowledged: int = 0
    fault: str = ""
    leaving: bool = False

    def read(self) -> None:
        """Take everything until the stream ends."""
        try:
            while True:
                try:
                    element = self.client.next(5)
                except TimeoutError:
                    continue
                if element.findtext(BODY) is not None:
                    self.taken += 1
                elif element.tag == f"{{{SM}}}a":
                    self.acknowledged = int(element.get("h", "0"))
        except (GoneError, StreamFailedError, OSError, ValueError) as error:
            if not self.leaving:
                self.fault = f"{self.client.full}: {error!r}"

    def write(self) -> None:
        """Write one message, and now and then ask for an acknowledgement."""
        self.written += 1
        text = f"<message to='{self.peer}' type='chat'><body>{self.written}</body></message>"
        if self.written % ASK == 0:
            text += f"<r xmlns='{SM}'/>"
        self.client.send(text)

    def ask(self) -> None:
        self.client.send(f"<r xmlns='{SM}'/>")


@contextmanager
def _people(house: Premises) -> Iterator[list[Person]]:
    names = [f"p{number}" for number in range(2 * PAIRS)]
    people = []
    with ExitStack() as stack:
        for number, name in enumerate(names):
            house.ask("person.add", address=address(name), password=PASSWORD)
            client = stack.enter_context(house.connect("plain"))
            client.log_in(name, PASSWORD)
            client.bind("soak")
            client.send("<presence/>")
            people.append(Person(client, address(names[number ^ 1])))
        for person in people:
            person.client.ping()
            person.client.manage()
        threads = [threading.Thread(target=person.read, daemon=True) for person in people]
        for thread in threads:
            thread.start()
        yield people
        for person in people:
            person.leaving = True
            person.client.send("</stream:stream>")
        for thread in threads:
            thread.join(20)


def run(length: float) -> str:
    """Talk so long; returns what came of it."""
    seconds = max(LEAST, SECONDS * length)
    memory: list[int] = []
    with open_house(people=(), level="info") as house, _people(house) as people:
        began = time.monotonic()
        total = round(seconds * RATE)
        every = max(1, total // LOOKS)
        for number in range(total):
            ahead = began + number / RATE - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            people[number % len(people)].write()
            if number % every == every - 1:
                memory.append(house.memory_bytes())
                faults = [person.fault for person in people if person.fault]
                assert not faults, faults[0]
                taken = sum(person.taken for person in people)
                tell(f"{number + 1:,} written, {taken:,} arrived, {memory[-1] / 2**20:.1f} MiB")
        _drain(people)
        kept = house.rows("SELECT count(*) FROM item")[0][0]
    assert kept == total, f"{kept:,} in the archive, {total:,} written"
    third = len(memory) // 3
    middle, last = statistics.median(memory[third : 2 * third]), statistics.median(memory[-third:])
    grown = last - middle
    cache_left = max(0.0, CACHE_KIB * 1024 - (middle - memory[0]))
    assert grown <= GROWTH + cache_left, (
        f"memory grew by {grown / 2**20:.1f} MiB between two thirds of the time"
    )
    return (
        f"{total:,} messages in {seconds:.0f} s, all arrived and acknowledged; "
        f"{middle / 2**20:.1f} MiB in the second third, {last / 2**20:.1f} MiB in the last"
    )


def _drain(people: list[Person]) -> None:
    end = time.monotonic() + DRAIN
    while True:
        for person in people:
            person.ask()
        due = [
            f"{one.client.full}: {one.taken} of {other.written} arrived, "
            f"{one.acknowledged} of {one.written} acknowledged"
            for one, other in zip(people, _swapped(people), strict=True)
            if one.taken != other.written or one.acknowledged != one.written
        ]
        if not due:
            return
        assert time.monotonic() < end, "; ".join(due[:3])
        time.sleep(0.2)


def _swapped(people: list[Person]) -> list[Person]:
    return [people[number ^ 1] for number in range(len(people))]
