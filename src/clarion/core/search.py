"""Finding people in the directory by parts of what it says of them.

The whole directory is looked through, a slice at a time, and the loop gets
its turn after each slice: 20,000 people take some 30 ms of CPU in turns of
about 1 ms, and nobody else notices. No index: people are few, and what is
sought may stand in the middle of a word.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final

from clarion.core.directory import Directory
from clarion.core.model import Department, DepartmentNumber, Person

PAGE_LIMIT: Final = 100
"""LIMIT: people in one page of what was found."""
SLICE: Final = 500
"""People looked at before the loop gets its turn: about 1 ms."""
TEXT_LIMIT: Final = 256
"""LIMIT: characters of what is sought; longer than any name is found in nobody."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sought:
    """What to look for; every part that is given must be found. Case does not matter.

    Attributes:
        text: In the name, address, telephone, a department or a title.
        name: In the name.
        address: In the address.
        nick: In the local part of the address.
        department: In the name or address of one of the departments.
        title: In one of the titles.
        phone: In the telephone number; digits are compared.

    """

    text: str = ""
    name: tuple[str, ...] = ()
    address: str = ""
    nick: str = ""
    department: str = ""
    title: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Which page of what was found, in the order of names.

    Attributes:
        limit: People at most, up to ``PAGE_LIMIT``.
        after: Only those behind the person with this address.
        before: Only those in front of the person with this address.
        backwards: Take the last ones of these rather than the first.
        index: Leave out so many first.

    """

    limit: int = PAGE_LIMIT
    after: str | None = None
    before: str | None = None
    backwards: bool = False
    index: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """One page.

    Attributes:
        people: By name.
        count: How many were found in all.
        index: How many of them are in front of the page.

    """

    people: Sequence[Person]
    count: int
    index: int


class UnknownPlaceError(Exception):
    """A page was asked for behind or in front of somebody who is not there."""


class PeopleSearch:
    """Searches the directory.

    Args:
        directory: Where people are.

    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def find(self, sought: Sought, window: Window) -> Found:
        """Return a page of the people who are not disabled and fit.

        Raises:
            UnknownPlaceError: ``after`` or ``before`` names nobody.

        """
        test = _Test(self._directory, sought)
        after, before = self._place(window.after), self._place(window.before)
        runs: list[list[tuple[Key, Person]]] = []
        for people in _slices(self._directory.everybody()):
            runs.append(
                sorted((_key(one), one) for one in people if not one.disabled and test.fits(one))
            )
            await asyncio.sleep(0)
        found: list[tuple[Key, Person]] = []
        ordered = merge(*runs)
        while part := list(islice(ordered, SLICE)):
            found += part
            await asyncio.sleep(0)
        low = 0 if after is None else bisect_right(found, after, key=_first)
        high = len(found) if before is None else bisect_left(found, before, key=_first)
        low = min(low + window.index, max(low, high))
        limit = min(window.limit, PAGE_LIMIT)
        if window.backwards:
            low = max(low, high - limit)
        page = found[low : min(high, low + limit)] if high > low else []
        return Found([person for _, person in page], len(found), low)

    def _place(self, address: str | None) -> Key | None:
        if address is None:
            return None
        person = self._directory.person(address)
        if person is None:
            raise UnknownPlaceError(address)
        return _key(person)


class _Test:
    """One search's question to each person."""

    def __init__(self, directory: Directory, sought: Sought) -> None:
        self._directory = directory
        self._text = _folded(sought.text)
        self._names = tuple(_folded(name) for name in sought.name if _folded(name))
        self._address = _folded(sought.address)
        self._nick = _folded(sought.nick)
        self._title = _folded(sought.title)
        self._digits = _digits(sought.phone)
        self._phone = bool(_folded(sought.phone))
        self._text_digits = _digits(sought.text) if _only_number(sought.text) else ""
        departments = directory.departments()
        self._departments = (
            _numbers(departments, _folded(sought.department))
            if _folded(sought.department)
            else None
        )
        self._text_departments = _numbers(departments, self._text) if self._text else set()

    def fits(self, person: Person) -> bool:
        if self._names:
            name = person.name.casefold()
            if not all(part in name for part in self._names):
                return False
        if self._address and self._address not in person.address:
            return False
        if self._nick and self._nick not in person.address.partition("@")[0]:
            return False
        if self._phone and not (self._digits and self._digits in (person.phone or "")):
            return False
        return self._fits_places(person) and (not self._text or self._fits_text(person))

    def _fits_places(self, person: Person) -> bool:
        if self._departments is None and not self._title:
            return True
        memberships = self._directory.memberships_of(person.number)
        if self._departments is not None and not any(
            one.department in self._departments for one in memberships
        ):
            return False
        return not self._title or any(self._title in one.title.casefold() for one in memberships)

    def _fits_text(self, person: Person) -> bool:
        text = self._text
        if text in person.address or text in person.name.casefold():
            return True
        if self._text_digits and self._text_digits in (person.phone or ""):
            return True
        return any(
            one.department in self._text_departments or text in one.title.casefold()
            for one in self._directory.memberships_of(person.number)
        )


def _key(person: Person) -> Key:
    return person.name.casefold(), person.address


def _first(hit: tuple[Key, Person]) -> Key:
    return hit[0]


def _slices(people: Sequence[Person]) -> Iterator[Sequence[Person]]:
    for start in range(0, len(people), SLICE):
        yield people[start : start + SLICE]


def _folded(text: str) -> str:
    """Return what is compared: without case, and without the stars that some write around it."""
    return " ".join(text.strip().strip("*").casefold().split())[:TEXT_LIMIT]


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isdigit())


def _only_number(text: str) -> bool:
    """Say whether somebody may have meant a telephone number."""
    return bool(_digits(text)) and not any(letter.isalpha() for letter in text)


def _numbers(departments: Iterable[Department], sought: str) -> set[DepartmentNumber]:
    return {
        one.number for one in departments if sought in one.name.casefold() or sought in one.address
    }
