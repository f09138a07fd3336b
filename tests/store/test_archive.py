"""What ``DatabaseArchive`` knows of items that are not committed yet."""

import asyncio
from collections.abc import Callable, Iterable

from clarion.core.archive import Item, Owner, pair_thread
from clarion.core.model import PersonNumber
from clarion.core.ports import EntityId, Row, Value, WriteOp
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import Mint
from clarion.store.archive import DatabaseArchive
from fakes.database import InMemoryDatabase

ANN, BOB = "ann@corp.example", "bob@corp.example"


class SlowDatabase(InMemoryDatabase):
    """Commits when told to; ``full`` refuses at once, as a full queue does."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.held: list[asyncio.Future[list[Row]]] = []
        self.meanwhile: Callable[[], object] | None = None

    async def read(
        self, sql: str, parameters: Iterable[Value] = (), *, owner: int | None = None
    ) -> list[Row]:
        rows = await super().read(sql, parameters, owner=owner)
        if self.meanwhile is not None:
            self.meanwhile()
        return rows

    def put(self, owner: EntityId, op: WriteOp) -> asyncio.Future[list[Row]]:
        future: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        if self.full:
            future.set_exception(UnavailableError("the queue is full"))
            future.exception()
        else:
            self.held.append(future)
        return future


def item(mint: Mint) -> Item:
    return Item(mint.item(), pair_thread(ANN, BOB), ANN, BOB, "", "", b"<message/>", countable=True)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_it_waits_for_the_newest_commit_also_behind_one_that_was_refused_at_once():
    database, mint = SlowDatabase(), Mint(1, lambda: 1.0)
    archive = DatabaseArchive(database)
    await archive.settled()  # nothing was appended
    archive.append(item(mint), [Owner(PersonNumber(1), incoming=True)])
    database.full = True
    archive.append(item(mint), [Owner(PersonNumber(1), incoming=True)])
    waiting = asyncio.gather(archive.settled())
    await turns()
    assert not waiting.done()
    database.held[0].set_result([])
    await waiting


async def test_who_waited_for_a_commit_has_heard_of_it_first():
    database, mint = SlowDatabase(), Mint(1, lambda: 1.0)
    archive = DatabaseArchive(database)
    heard: list[str] = []
    kept = archive.append(item(mint), [Owner(PersonNumber(1), incoming=True)])
    kept.add_done_callback(lambda _: heard.append("the sender's session"))
    database.held[0].set_result([])  # its callbacks run in the next turn of the loop
    await archive.settled()
    assert heard == ["the sender's session"]


async def test_an_owner_waits_for_items_of_their_own_only():
    database, mint = SlowDatabase(), Mint(1, lambda: 1.0)
    archive = DatabaseArchive(database)
    archive.append(item(mint), [Owner(PersonNumber(1), incoming=True)])
    archive.append(item(mint), [Owner(PersonNumber(2), incoming=True)])
    await archive.settled(PersonNumber(3))
    waiting = asyncio.gather(archive.settled(PersonNumber(1)))
    await turns()
    assert not waiting.done()
    database.held[0].set_result([])
    await waiting
    await archive.settled(PersonNumber(1))


async def test_what_is_not_committed_counts_as_newer_than_the_received_mark():
    database, mint = SlowDatabase(), Mint(1, lambda: 1.0)
    archive, bob = DatabaseArchive(database), PersonNumber(1)
    assert not (await archive.received_up_to(bob)).newer
    archive.append(item(mint), [Owner(bob, incoming=True)])
    assert (await archive.received_up_to(bob)).newer
    assert not (await archive.received_up_to(PersonNumber(2))).newer
    database.held[0].set_result([])  # committed, and this database shows nothing of it
    await archive.settled(bob)
    assert not (await archive.received_up_to(bob)).newer


async def test_what_comes_while_the_mark_is_read_counts_as_newer():
    database, mint = SlowDatabase(), Mint(1, lambda: 1.0)
    archive, bob = DatabaseArchive(database), PersonNumber(1)
    database.meanwhile = lambda: archive.append(item(mint), [Owner(bob, incoming=True)])
    assert (await archive.received_up_to(bob)).newer
