"""A person is erased: nothing of theirs is in the file, whatever happened in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from clarion.admin.desk import Desk
from clarion.admin.verbs import perform
from clarion.cli.direct import furnish
from clarion.config.load import from_mapping
from clarion.core.archive import Item, Keeping, Owner, PageQuery, pair_thread
from clarion.core.ledger import Act, Door
from clarion.core.model import PersonNumber
from clarion.lib.clock import SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.errors import UnavailableError, UsageError
from clarion.lib.ids import FIRST, LAST, Mint
from clarion.store import erasure as layout
from clarion.store.archive import DatabaseArchive
from clarion.store.people import OWNED, DatabasePeople
from clarion.store.roster import DatabaseRosters
from clarion.store.sqlite import SqliteDatabase, open_database
from clarion.store.vcards import DatabaseCards
from clarion.xmpp.roster import RosterItem

ANN, BOB, CAI = (f"{name}@corp.example" for name in ("ann", "bob", "cai"))
NAME, PHONE = "Annabella Xylophone", "+4930999888777"
TRACES = (b"Xylophone", b"999888777", b"Annabella")
SAID, PRIVATE = b"said-by-annabella-to-bob", b"kept-by-nobody-else"
ALL = PageQuery(None, None, FIRST, LAST, 1000)


class Place:
    """A database on the disk with Ann, Bob and Cai, who have written to each other."""

    def __init__(self, database: SqliteDatabase, desk: Desk) -> None:
        self.database = database
        self.desk = desk
        self.archive = DatabaseArchive(database)
        self.rosters = DatabaseRosters(database)
        self.mint = Mint(0, SystemClock().wall)

    def number(self, address: str) -> PersonNumber:
        return self.desk.directory.require_person(address).number

    async def do(self, verb: str, **arguments: Any) -> Any:
        return await perform(self.desk, verb, arguments, lambda *_: None)

    async def send(
        self, sender: str, to: str, body: bytes, bobs: Keeping = Keeping.ARCHIVED
    ) -> Item:
        item = Item(
            self.mint.item(),
            pair_thread(sender, to),
            f"{sender}/Annabella's phone" if sender == ANN else f"{sender}/x",
            to,
            "m",
            "",
            b"<message><body>" + body + b"</body></message>",
            countable=True,
        )
        owners = [
            Owner(
                self.number(who),
                incoming=who == to,
                keeping=bobs if who == BOB else Keeping.ARCHIVED,
            )
            for who in (sender, to)
        ]
        await self.archive.append(item, owners)
        return item

    async def furnish(self) -> None:
        await self.do("person.add", address=ANN, name=NAME, phone=PHONE, password="secret of hers")
        for address in (BOB, CAI):
            await self.do("person.add", address=address)
        await self.do("department.add", department="sales@corp.example")
        await self.do("department.join", department="sales@corp.example", persons=[ANN])
        for owner, contact, name in ((ANN, BOB, "Bob"), (BOB, ANN, NAME), (CAI, ANN, NAME)):
            await self.rosters.put(self.number(owner), RosterItem(contact, name=name), 1)
        await DatabaseCards(self.database).keep(
            self.number(ANN), f"<NICKNAME>{NAME}</NICKNAME>".encode() * 200
        )
        item = await self.send(ANN, BOB, SAID)
        await self.send(BOB, ANN, b"said-by-bob")
        await self.send(ANN, BOB, PRIVATE, Keeping.PASSING)
        await self.archive.set_received_up_to(self.number(BOB), self.mint.item())
        self.desk.ledger.move(item.thread, ANN, item.id, 1.5e9, Door.CHAT, Act.MARKED)
        self.desk.ledger.move(item.thread, BOB, item.id, 1.5e9, Door.CHAT, Act.MARKED)
        await self.desk.ledger.written()

    async def bodies(self, who: str) -> bytes:
        page = await self.archive.page(self.number(who), ALL)
        return b"".join(item.stanza for item in page.items)

    async def count(self, sql: str, *parameters: Any) -> int:
        ((count,),) = await self.database.read(f"SELECT count(*) FROM {sql}", parameters)
        assert isinstance(count, int)
        return count


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Place]:
    config = from_mapping({"domain": "corp.example", "data": "data"}, folder, {})
    clock = SystemClock()
    opening = open_database(config.database, clock=clock, crash_points=CrashPoints())
    async with opening as database:
        desk = await furnish(config, database, clock)
        async with desk.identity.serve():
            yield Place(database, desk)


def on_disk(folder: Path) -> bytes:
    """Everything in the data folder, the database's log among it."""
    return b"".join(path.read_bytes() for path in (folder / "data").iterdir())


async def test_nothing_of_the_person_is_left_in_the_file(tmp_path: Path):
    async with opened(tmp_path) as place:
        await place.furnish()
        await place.do("person.set", address=ANN, name=f"{NAME} the Second")
        ann = place.number(ANN)
        before = on_disk(tmp_path)
        assert all(trace in before for trace in (*TRACES, SAID, PRIVATE))
        done = await place.do("person.erase", address=ANN)
        assert (done["archive"], done["rosters"], done["texts"]) == (3, 2, 0)
        after = on_disk(tmp_path)  # while it is open
        assert PRIVATE not in after
        assert not [trace for trace in (b"Xylophone", b"999888777") if trace in after]
        assert SAID in after  # Bob's copy
        assert await place.bodies(BOB) == (
            b"<message><body>%s</body></message><message><body>said-by-bob</body></message>" % SAID
        )
        for table, column in OWNED:
            assert table == "party" or not await place.count(f"{table} WHERE {column} = ?", ann)
        assert not await place.count("line WHERE owner = ?", ann)
        assert not await place.count("move WHERE reader = ?", ANN)
        assert await place.count("move WHERE reader = ?", BOB) == 1
        assert not await place.count("roster_item WHERE contact = ?", ANN)
        assert await place.rosters.changed_since(place.number(BOB), 1) == [ANN]
        rows = await place.database.read(
            "SELECT verb, target, details FROM audit WHERE verb LIKE 'person.erase%'"
        )
        assert [(verb, target) for verb, target, _ in rows] == [
            ("person.erase", ANN),
            ("person.erased", ANN),
        ]


async def test_the_text_of_what_they_sent_goes_when_that_is_asked_for(tmp_path: Path):
    async with opened(tmp_path) as place:
        await place.furnish()
        done = await place.do("person.erase", address=ANN, messages=True)
        assert done["texts"] == 1
        after = on_disk(tmp_path)
        assert not [trace for trace in (*TRACES, SAID, PRIVATE) if trace in after]
        assert await place.bodies(BOB) == (
            b"<message from='ann@corp.example' to='bob@corp.example' id='m'/>"
            b"<message><body>said-by-bob</body></message>"
        )


async def test_many_rows_that_moved_about_leave_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(layout, "ITEMS", 7)
    async with opened(tmp_path) as place:
        await place.furnish()
        for number in range(100):
            await place.do(
                "person.add", address=f"p{number}@corp.example", name="x" * (number % 60)
            )
            await place.send(*((ANN, BOB) if number % 2 else (BOB, ANN)), SAID * (number % 50))
            if number % 10 == 0:
                await place.do(
                    "person.set", address=ANN, name=f"{NAME} {number}" * (number % 7 + 1)
                )
                await place.rosters.put(
                    place.number(CAI), RosterItem(ANN, name=NAME * (number % 9 + 1)), number + 2
                )
        await place.do("person.erase", address=ANN, messages=True)
        after = on_disk(tmp_path)
        assert not [trace for trace in TRACES if trace in after]


async def test_the_address_is_never_given_again_and_a_deleted_ones_is(tmp_path: Path):
    async with opened(tmp_path) as place:
        await place.furnish()
        await place.do("person.erase", address=ANN)
        with pytest.raises(UsageError, match="was that of a person who was erased"):
            await place.do("person.add", address=ANN)
        with pytest.raises(UsageError, match="no such person"):
            await place.do("person.erase", address=ANN)
        await place.desk.directory.delete(BOB)
        await place.do("person.add", address=BOB)
    async with opened(tmp_path) as place:
        with pytest.raises(UsageError, match="was that of a person who was erased"):
            await place.do("department.add", department=ANN)


@pytest.mark.parametrize("write", range(1, 9))
async def test_what_was_cut_short_goes_on_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: int
):
    async with opened(tmp_path) as place:
        await place.furnish()
        real, left = SqliteDatabase.put, write

        def put(self: SqliteDatabase, *arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise UnavailableError("cut short")
            return real(self, *arguments)

        monkeypatch.setattr(SqliteDatabase, "put", put)
        with pytest.raises(UnavailableError, match="cut short"):
            await place.do("person.erase", address=ANN)
        monkeypatch.undo()
    async with opened(tmp_path) as place:
        assert place.desk.erasure is not None
        if write == 1:  # it had not begun
            assert place.desk.directory.person(ANN) is not None
            assert not await place.count("erasure")
            return
        await place.desk.erasure.resume()
        assert place.desk.directory.person(ANN) is None
        assert await place.count("erasure WHERE ended IS NOT NULL") == 1
        assert await place.count("audit WHERE verb = 'person.erased'") == 1
        after = on_disk(tmp_path)
        assert not [trace for trace in (b"Xylophone", b"999888777", PRIVATE) if trace in after]
        await place.desk.erasure.resume()  # nothing is left to do


async def test_somebody_who_reads_lets_the_log_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("clarion.core.erasure.SCRUB_TRIES", 2)
    monkeypatch.setattr("clarion.core.erasure.SCRUB_PAUSE", 0.01)
    async with opened(tmp_path) as place:
        await place.furnish()
        real = place.database.scrub
        busy = asyncio.Event()

        async def scrub() -> bool:
            return busy.is_set() and await real()

        assert place.desk.erasure is not None
        monkeypatch.setattr(place.desk.erasure._store, "_scrub", scrub)
        with pytest.raises(UnavailableError, match="somebody reads the database"):
            await place.do("person.erase", address=ANN)
        busy.set()
        assert (await place.do("person.erase", address=ANN))["archive"] == 0
        assert b"Xylophone" not in on_disk(tmp_path)


async def test_a_deletion_that_leaves_the_address_leaves_what_waits_to_the_erasure(tmp_path: Path):
    async with opened(tmp_path) as place:
        await place.furnish()
        cai = place.number(CAI)
        people = DatabasePeople(place.database)
        await people.delete_person(cai, keep_address=True)
        assert await place.count("party WHERE address = ?", CAI) == 1
        assert await place.count("person WHERE number = ?", cai) == 0
