"""``person.import``: many persons at once, all checked before anything is kept.

A record has the columns of product.md as texts, all but ``address`` optional:
address, password, name, department, title, manager, phone, and language and
time_zone; and ``line``, which errors name. ``department`` is an address or a
name and is made when there is none. ``manager`` is yes or no (this person
manages the department), or the address of a person who then manages it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from clarion.admin.arguments import Arguments
from clarion.admin.desk import Desk, Progress
from clarion.admin.placing import address_for, found, found_or_made, yes_or_no
from clarion.core.directory import Directory
from clarion.core.profile import PersonFields, checked_fields, checked_name
from clarion.lib.crew import crew
from clarion.lib.errors import ClarionError, UnavailableError, UsageError
from clarion.wire.sasl.keys import prepare_password

COLUMNS: Final = (
    "address",
    "password",
    "name",
    "department",
    "title",
    "manager",
    "phone",
    "language",
    "time_zone",
)
PERSONS_LIMIT: Final = 20_000
"""LIMIT: persons in one import; all of them are in memory at once."""
WORKERS: Final = 16
"""Persons written side by side, so that they share the store's batches."""
BREATH: Final = 50
"""Records checked before others get their turn on the loop: about 2 ms."""

_FIELDS: Final = ("name", "phone", "language", "time_zone")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """One record, checked.

    Attributes:
        address: Normalised.
        fields: What is said of the person, as it is to be kept.
        password: As given; empty: none.
        department: As given; empty: none.
        title: In that department.
        manages: Whether this person manages that department; ``None``: unsaid.
        manager: The address of who does; empty: unsaid.

    """

    address: str
    fields: PersonFields
    password: str
    department: str
    title: str
    manages: bool | None
    manager: str


class Review:
    """Turns records into plans and gathers what is wrong with them."""

    def __init__(self, directory: Directory, *, update: bool) -> None:
        self._directory = directory
        self._update = update
        self._line = 0
        self._line_of: dict[str, int] = {}
        self._made: dict[str, int] = {}
        self._managers: list[tuple[int, str]] = []
        self.plans: list[Plan] = []
        self.faults: list[tuple[int, str]] = []

    def take(self, record: Mapping[str, Any], place: int) -> None:
        """Check one record; ``place`` stands for its line when it names none."""
        line = record.get("line", place)
        self._line = line if isinstance(line, int) else place
        unknown = sorted(set(record) - {*COLUMNS, "line"})
        if unknown:
            self._fault(f"no such column: {', '.join(unknown)}")
        texts = {name: self._text(record, name) for name in COLUMNS}
        address = self._address(texts["address"])
        department = self._department(texts["department"])
        manages, manager = self._manager(texts["manager"])
        title = self._checked(lambda: checked_name(texts["title"], "title")) or ""
        if not department and (title or manages or manager):
            self._fault("title and manager belong to a department, and none is given")
        if texts["password"]:
            self._checked(lambda: prepare_password(texts["password"]))
        self.plans.append(
            Plan(
                address,
                self._fields(texts, address),
                texts["password"],
                department,
                title,
                manages,
                manager,
            )
        )

    def finish(self) -> None:
        """Check what only the whole can tell."""
        for line, manager in self._managers:
            if manager not in self._line_of and self._directory.person(manager) is None:
                self.faults.append((line, f"manager: there is no person {manager}"))
        for address, line in self._made.items():
            if address in self._line_of:
                self.faults.append((line, f"department: {address} is a person's address"))
        self.faults.sort(key=lambda fault: fault[0])

    def _fields(self, texts: Mapping[str, str], address: str) -> PersonFields:
        fields = PersonFields()
        for name in _FIELDS:
            if texts[name]:
                # One by one, so that each fault is told.
                try:
                    fields.update(
                        checked_fields(cast("PersonFields", {name: texts[name]}), address)
                    )
                except UsageError as error:
                    self._fault(str(error))
        return fields

    def _text(self, record: Mapping[str, Any], name: str) -> str:
        value = record.get(name)
        if value is not None and not isinstance(value, str):
            self._fault(f"{name}: must be a text")
        if not isinstance(value, str):
            return ""
        return value if name == "password" else value.strip()

    def _address(self, text: str) -> str:
        if not text:
            self._fault("address: missing")
            return ""
        address = self._checked(lambda: self._directory.own_address(text)) or ""
        if not address:
            return ""
        first = self._line_of.setdefault(address, self._line)
        if first != self._line:
            self._fault(f"{address}: in line {first} already")
        if not (self._update and self._directory.person(address) is not None):
            self._checked(lambda: self._directory.check_free(address))
        return address

    def _department(self, text: str) -> str:
        if text:
            try:
                if found(self._directory, text) is None:
                    self._made.setdefault(address_for(self._directory, text), self._line)
            except UsageError as error:
                self._fault(f"department: {error}")
        return text

    def _manager(self, text: str) -> tuple[bool | None, str]:
        if not text:
            return None, ""
        if "@" in text:
            address = self._checked(lambda: self._directory.own_address(text)) or ""
            if address:
                self._managers.append((self._line, address))
            return None, address
        manages = yes_or_no(text)
        if manages is None:
            self._fault(f"manager: write yes, no or a person's address, not {text!r}")
        return manages, ""

    def _checked(self, check: Callable[[], T]) -> T | None:
        try:
            return check()
        except UsageError as error:
            self._fault(str(error))
            return None

    def _fault(self, text: str) -> None:
        self.faults.append((self._line, text))


async def import_persons(desk: Desk, arguments: Arguments, progress: Progress) -> Mapping[str, Any]:
    """``person.import``: records in ``persons``.

    With ``update``, persons who exist are changed where a record says
    something; else they are faults. With ``dry``, nothing is kept.

    Raises:
        UsageError: Something is wrong; a line ``line N: what`` for each
            fault, and nothing was kept.
        UnavailableError: The store gave up in the middle; says how far it came.

    """
    records = arguments.records("persons")
    update = arguments.flag("update")
    dry = arguments.flag("dry")
    arguments.finish()
    if len(records) > PERSONS_LIMIT:
        raise UsageError(f"at most {PERSONS_LIMIT} persons in one import, got {len(records)}")
    review = Review(desk.directory, update=update)
    for place, record in enumerate(records, start=1):
        review.take(record, place)
        if place % BREATH == 0:
            await asyncio.sleep(0)
    review.finish()
    if review.faults:
        raise UsageError("\n".join(f"line {line}: {text}" for line, text in review.faults))
    if dry:
        return {"added": 0, "changed": 0, "departments": []}
    return await _Import(desk, review.plans, progress).run()


class _Import:
    """Carries plans out, several persons at a time."""

    def __init__(self, desk: Desk, plans: Sequence[Plan], progress: Progress) -> None:
        self._desk = desk
        self._plans = plans
        self._progress = progress
        self._departments: dict[str, str] = {}
        self._added = 0
        self._changed = 0
        self._failure: ClarionError | None = None

    async def run(self) -> Mapping[str, Any]:
        made: list[str] = []
        for plan in self._plans:
            if plan.department and plan.department not in self._departments:
                before = found(self._desk.directory, plan.department)
                where = before or await found_or_made(self._desk.directory, plan.department)
                self._departments[plan.department] = where.address
                if before is None:
                    made.append(where.address)
        queue = iter(self._plans)
        async with crew() as hands:
            workers = [
                hands.spawn(self._work(queue), name=f"import {number}") for number in range(WORKERS)
            ]
            await asyncio.wait(workers)
        if self._failure is not None:
            done = self._added + self._changed
            raise UnavailableError(
                f"{self._failure}; {done} of {len(self._plans)} persons were imported, "
                "import the others again"
            )
        for plan in self._plans:
            if plan.manager:
                await self._place(plan.manager, plan.department, "", manages=True)
        return {"added": self._added, "changed": self._changed, "departments": made}

    async def _work(self, queue: Iterator[Plan]) -> None:
        for plan in queue:
            if self._failure is not None:
                return
            try:
                await self._keep(plan)
            except ClarionError as error:
                self._failure = error
                return
            self._progress(self._added + self._changed, len(self._plans))

    async def _keep(self, plan: Plan) -> None:
        directory = self._desk.directory
        person = directory.person(plan.address)
        is_new = person is None
        if person is None:
            person = await directory.add_person(plan.address, **plan.fields)
        elif plan.fields:
            person = await directory.change_person(plan.address, **plan.fields)
        if plan.password:
            await self._desk.identity.set_password(person, plan.password)
        if plan.department:
            await self._place(plan.address, plan.department, plan.title, manages=plan.manages)
        if is_new:
            self._added += 1
        else:
            self._changed += 1

    async def _place(
        self, address: str, department: str, title: str, *, manages: bool | None
    ) -> None:
        directory = self._desk.directory
        person = directory.require_person(address)
        where = directory.require_department(self._departments[department])
        before = directory.membership(person, where)
        if before is not None:
            title = title or before.title
            manages = before.manager if manages is None else manages
        await directory.join(address, where.address, title=title, manager=bool(manages))
