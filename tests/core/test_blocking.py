"""Block lists: which addresses an entry names, what fits in, and what survives a refusal."""

import asyncio
from collections.abc import Sequence

import pytest

from clarion.core.blocking import (
    BLOCKED_LIMIT,
    BLOCKED_LIMIT_BYTES,
    Blocking,
    Blocklist,
    normalised,
)
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import PersonDeleted
from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store.people import DatabasePeople
from clarion.wire.xmpp.jid import JidError, parse_jid
from fakes.database import InMemoryDatabase

ANN = Person(PersonNumber(1), "ann@corp.example", "Ann")
BOB = Person(PersonNumber(2), "bob@corp.example", "Bob")


class Shelf:
    """Implements ``BlockingStore`` without a database; ``fail`` is raised instead."""

    def __init__(self, entries: Sequence[tuple[PersonNumber, str]] = ()) -> None:
        self.entries = set(entries)
        self.fail: Exception | None = None

    async def load(self) -> Sequence[tuple[PersonNumber, str]]:
        return sorted(self.entries)

    async def add(self, owner: PersonNumber, jids: Sequence[str]) -> None:
        await self._work()
        self.entries |= {(owner, jid) for jid in jids}

    async def remove(self, owner: PersonNumber, jids: Sequence[str]) -> None:
        await self._work()
        self.entries -= {(owner, jid) for jid in jids}

    async def clear(self, owner: PersonNumber) -> None:
        await self._work()
        self.entries = {entry for entry in self.entries if entry[0] != owner}

    async def _work(self) -> None:
        await asyncio.sleep(0)
        if self.fail is not None:
            raise self.fail


def nothing() -> None:
    """Nobody is told."""


@pytest.mark.parametrize(
    ("entry", "blocked", "passes"),
    [
        (
            "romeo@montague.example/orchard",
            ["romeo@montague.example/orchard"],
            ["romeo@montague.example", "romeo@montague.example/home", "montague.example/orchard"],
        ),
        (
            "romeo@montague.example",
            ["romeo@montague.example", "romeo@montague.example/orchard"],
            ["benvolio@montague.example", "montague.example", "romeo@capulet.example"],
        ),
        (
            "montague.example/orchard",
            ["montague.example/orchard"],
            ["montague.example", "montague.example/home", "romeo@montague.example/orchard"],
        ),
        (
            "montague.example",
            [
                "montague.example",
                "montague.example/orchard",
                "romeo@montague.example",
                "romeo@montague.example/orchard",
            ],
            ["muc.montague.example", "romeo@capulet.example/montague.example"],
        ),
    ],
)
def test_an_entry_names_these_addresses(entry: str, blocked: list[str], passes: list[str]):
    here = Blocklist(
        ANN.address, frozenset({normalised(entry.upper().replace("ORCHARD", "orchard"))})
    )
    assert [jid for jid in (*blocked, *passes) if here.blocks(parse_jid(jid))] == blocked


def test_nobody_blocks_their_own_clients():
    here = Blocklist(ANN.address, frozenset({ANN.address, f"{ANN.address}/desk", "corp.example"}))
    assert not here.blocks(parse_jid(ANN.address))
    assert not here.blocks(parse_jid(f"{ANN.address}/desk"))
    assert here.blocks(parse_jid(BOB.address))
    assert here.blocks(parse_jid("corp.example"))


def test_what_is_no_address_is_no_entry():
    with pytest.raises(JidError):
        normalised("@")


async def test_lists_are_loaded_for_those_who_are_there():
    database = InMemoryDatabase()
    directory = Directory(DatabasePeople(database), Bus(), "corp.example")
    ann = await directory.add_person(ANN.address)
    shelf = Shelf([(ann.number, "a.example"), (ann.number, "b.example"), (PersonNumber(9), "c.d")])
    here = Blocking(shelf, Bus())
    assert here.of(ANN.address) is None
    await here.load(directory)
    blocked = here.of(ANN.address)
    assert blocked is not None
    assert blocked.jids == {"a.example", "b.example"}
    assert list(here.lists) == [ANN.address]


async def test_it_is_between_two_whichever_of_them_has_blocked():
    here, ann, bob = (
        Blocking(Shelf(), Bus()),
        parse_jid(ANN.address),
        parse_jid(f"{BOB.address}/desk"),
    )
    assert not here.between(ann, bob)
    await here.block(ANN, [BOB.address], last=nothing)
    assert here.between(ann, bob)
    assert here.between(bob, ann)
    assert not here.between(bob, parse_jid("cai@corp.example"))
    assert not here.between(bob, bob)


async def test_those_who_are_blocked_are_told_between_the_commit_and_its_effect():
    shelf, seen = Shelf(), []
    here = Blocking(shelf, Bus())
    await here.block(
        ANN, ["a.example"], last=lambda: seen.append((len(shelf.entries), here.of(ANN.address)))
    )
    assert seen == [(1, None)]


async def test_unblocking_tells_what_was_there():
    here = Blocking(Shelf(), Bus())
    await here.block(ANN, ["a.example", "b.example", "c.example"], last=nothing)
    assert await here.unblock(ANN, ["a.example", "x.example"]) == {"a.example"}
    assert await here.unblock(BOB, ["a.example"]) == frozenset()
    assert await here.unblock(ANN, None) == {"b.example", "c.example"}
    assert not here.lists


async def test_what_the_store_refuses_has_not_happened():
    shelf = Shelf()
    here = Blocking(shelf, Bus())
    await here.block(ANN, ["a.example"], last=nothing)
    shelf.fail = UnavailableError("the disk is full")
    told: list[int] = []
    with pytest.raises(UnavailableError):
        await here.block(ANN, ["b.example"], last=lambda: told.append(1))
    for jids in (["a.example"], None):
        with pytest.raises(UnavailableError):
            await here.unblock(ANN, jids)
    blocked = here.of(ANN.address)
    assert blocked is not None
    assert (blocked.jids, told) == ({"a.example"}, [])


async def test_whoever_gets_the_address_of_somebody_deleted_begins_anew():
    bus = Bus()
    here = Blocking(Shelf(), bus)
    await here.block(ANN, ["a.example"], last=nothing)
    bus.publish(PersonDeleted(BOB))
    assert list(here.lists) == [ANN.address]
    bus.publish(PersonDeleted(ANN))
    assert not here.lists


async def test_changes_at_the_same_time_lose_nothing():
    shelf = Shelf()
    here = Blocking(shelf, Bus())
    await asyncio.gather(
        *(here.block(ANN, [f"{letter}.example"], last=nothing) for letter in "abc"),
        here.unblock(ANN, ["b.example"]),
    )
    blocked = here.of(ANN.address)
    assert blocked is not None
    assert blocked.jids == {"a.example", "c.example"}
    assert {jid for _, jid in shelf.entries} == blocked.jids


async def test_a_list_has_so_many_entries():
    assert BLOCKED_LIMIT == 1_000
    here = Blocking(Shelf(), Bus())
    most = [f"{number}.example" for number in range(BLOCKED_LIMIT)]
    await here.block(ANN, most, last=nothing)
    await here.block(ANN, most[:3], last=nothing)
    with pytest.raises(UsageError, match="1000 entries"):
        await here.block(ANN, ["one.more.example"], last=nothing)


async def test_a_list_has_so_many_bytes():
    assert BLOCKED_LIMIT_BYTES == 65_536
    here = Blocking(Shelf(), Bus())
    long = [f"{'x' * 510}{number}@{'y.' * 100}ex" for number in range(10)]
    size = len(long[0])
    fits = BLOCKED_LIMIT_BYTES // size
    many = [f"{'x' * 508}{number:03}@{'y.' * 100}ex" for number in range(fits)]
    assert len(many[0]) == size
    await here.block(ANN, many, last=nothing)
    with pytest.raises(UsageError, match="65536 bytes"):
        await here.block(ANN, long[:1], last=nothing)
    assert len(here.lists[ANN.address].jids) == fits
