"""Books in memory: one of a person, read once, changed one after the other, and bounded."""

import asyncio
import gc
from weakref import ref

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import UnavailableError
from clarion.xmpp.books import BOOKS_CACHED, Books

ANN = Person(PersonNumber(1), "ann@corp.example", "Ann")
BOB = Person(PersonNumber(2), "bob@corp.example", "Bob")
CAI = Person(PersonNumber(3), "cai@corp.example", "Cai")


class Store:
    """Where notebooks are read from; can be slow or fail.

    Attributes:
        reads: Whose were read, in order.

    """

    def __init__(self) -> None:
        self.reads: list[PersonNumber] = []
        self.error: UnavailableError | None = None
        self.go = asyncio.Event()
        self.go.set()

    def books(self, limit: int = BOOKS_CACHED) -> "Books[Notebook]":
        """Return an empty memory in front of this store."""
        return Books(lambda person: Notebook(person, self), limit)


class Notebook:
    """A book with nothing in it."""

    def __init__(self, person: Person, store: Store) -> None:
        self.owner = person.number
        self.lock = asyncio.Lock()
        self.loaded = False
        self._store = store

    async def load(self) -> None:
        assert self.lock.locked()
        if self.loaded:
            return
        self._store.reads.append(self.owner)
        await self._store.go.wait()
        if self._store.error is not None:
            raise self._store.error
        self.loaded = True


def in_memory(books: Books[Notebook], *persons: Person) -> list[bool]:
    """Return of each person whether the book is still there."""
    gc.collect()
    return [books.cached(person.address) is not None for person in persons]


async def test_a_book_is_made_and_read_once():
    store = Store()
    books = store.books()
    assert books.cached(ANN.address) is None
    first, second = await asyncio.gather(books.book(ANN), books.book(ANN))
    assert first is second is books.cached(ANN.address)
    async with books.change(ANN) as changed:
        assert changed is first
    assert store.reads == [ANN.number]


async def test_a_book_is_there_only_once_it_is_read():
    store = Store()
    store.go.clear()
    books = store.books()
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(books.book(ANN))
        await asyncio.sleep(0)
        assert store.reads == [ANN.number]
        assert books.cached(ANN.address) is None
        store.go.set()
    assert books.cached(ANN.address) is looking.result()


async def test_a_book_that_could_not_be_read_is_read_again():
    store = Store()
    store.error = UnavailableError("busy")
    books = store.books()
    with pytest.raises(UnavailableError):
        await books.book(ANN)
    with pytest.raises(UnavailableError):
        async with books.change(ANN):
            raise AssertionError("a book that was not read is not changed")
    assert books.cached(ANN.address) is None
    store.error = None
    assert (await books.book(ANN)).loaded
    assert store.reads == [ANN.number] * 3


async def test_changes_follow_each_other_first_come_first_served():
    books = Store().books()
    seen: list[str] = []

    async def change(name: str) -> None:
        async with books.change(ANN):
            seen.append(f"{name} begins")
            await asyncio.sleep(0)
            seen.append(f"{name} ends")

    await asyncio.gather(change("first"), change("second"))
    assert seen == ["first begins", "first ends", "second begins", "second ends"]


async def test_a_failed_change_lets_the_next_one_go_on():
    books = Store().books()
    with pytest.raises(ZeroDivisionError):
        async with books.change(ANN):
            raise ZeroDivisionError
    async with books.change(ANN) as book:
        assert book.lock.locked()
    assert not book.lock.locked()


async def test_so_many_books_stay_that_nobody_works_with():
    assert BOOKS_CACHED == 1_000
    books = Store().books()
    people = [
        Person(PersonNumber(n), f"p{n}@corp.example", "P") for n in range(1, BOOKS_CACHED + 2)
    ]
    for person in people[:-1]:
        await books.book(person)
    assert in_memory(books, *people[:2], people[-1]) == [True, True, False]
    await books.book(people[-1])
    assert in_memory(books, *people[:2], people[-1]) == [False, True, True]


async def test_the_latest_used_books_stay():
    books = Store().books(limit=2)
    await books.book(ANN)
    await books.book(BOB)
    async with books.change(ANN):
        pass
    await books.book(CAI)
    assert in_memory(books, ANN, BOB, CAI) == [True, False, True]


async def test_looking_whether_a_book_is_there_does_not_keep_it():
    books = Store().books(limit=2)
    await books.book(ANN)
    await books.book(BOB)
    assert books.cached(ANN.address) is not None
    await books.book(CAI)
    assert in_memory(books, ANN, BOB, CAI) == [False, True, True]


async def test_there_is_never_a_second_book_while_somebody_works_with_one():
    books = Store().books(limit=1)
    async with books.change(ANN) as held:
        await books.book(BOB)
        await books.book(CAI)
        assert await books.book(ANN) is held
    kept = await books.book(BOB)
    await books.book(CAI)
    assert await books.book(BOB) is kept


async def test_a_deleted_persons_book_is_forgotten():
    store = Store()
    books = store.books()
    gone = ref(await books.book(ANN))
    books.forget(ANN)
    books.forget(ANN)
    books.forget(BOB)  # never had one
    gc.collect()
    assert gone() is None
    await books.book(ANN)
    assert store.reads == [ANN.number, ANN.number]


async def test_a_new_person_with_an_old_address_has_another_book():
    books = Store().books()
    old = await books.book(ANN)
    successor = Person(BOB.number, ANN.address, "Another Ann")
    new = await books.book(successor)
    assert new is not old
    assert new.owner == successor.number
    books.forget(ANN)  # late, and nobody's any more
    assert books.cached(ANN.address) is new
