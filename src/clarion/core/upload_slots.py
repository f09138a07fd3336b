"""Places for uploads (XEP-0363): who may bring which file, until when, and how much in all.

They live in memory for some minutes: who loses one by a restart asks for another.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from clarion.config.files import FilesConfig
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import PersonDeleted, PersonDisabled
from clarion.core.file_names import safe_name
from clarion.core.model import Person, PersonNumber
from clarion.core.uploads import (
    BusyError,
    KindError,
    NoSlotError,
    Purpose,
    QuotaError,
    SizeError,
    Slot,
    TooLargeError,
    Wish,
)
from clarion.lib.clock import Clock
from clarion.wire.http.content import OCTETS, type_fits

SLOT_SECONDS: Final = 300.0
"""LIMIT: from the slot to the beginning of the upload (XEP-0363 section 8 recommends it)."""
SLOTS_PER_PERSON: Final = 100
"""LIMIT: places of one person whose upload is not complete."""
UPLOADS_PER_PERSON: Final = 8
"""LIMIT: uploads of one person under way."""
UPLOADS_LIMIT: Final = 256
"""LIMIT: uploads under way; each has a file open and some 500 KiB in memory."""
PROFILE_FILE_BYTES: Final = 2 * 1024 * 1024
"""LIMIT: a picture of a profile; it stays for ever, so it is small (section 5.2)."""
PROFILE_BYTES: Final = 20 * 1024 * 1024
"""LIMIT: all of a person's pictures of profiles."""
PATH: Final = "/upload"
"""What all addresses of files begin with."""
TOKEN_BYTES: Final = 24
"""Random bytes in what names a file: 192 bits."""


def fresh_token() -> str:
    """Return a fresh unguessable name for a file, fit for addresses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Slots:
    """Gives places for files and knows who has how much.

    Args:
        directory: Knows who is still here.
        bus: Hears who goes.
        clock: Time.
        policy: ``[files]``.
        token: Makes what names a file.

    """

    def __init__(
        self,
        directory: Directory,
        bus: Bus,
        clock: Clock,
        policy: FilesConfig,
        token: Callable[[], str] = fresh_token,
    ) -> None:
        self._policy = policy
        self._directory = directory
        self._clock = clock
        self._token = token
        self._slots: dict[str, Slot] = {}  # in the order of their ends
        self._under_way: dict[str, Slot] = {}
        self._open: Counter[PersonNumber] = Counter()  # slots of both kinds
        self._busy: Counter[PersonNumber] = Counter()
        self._used: Counter[tuple[PersonNumber, bool]] = Counter()
        self._promised: Counter[tuple[PersonNumber, bool]] = Counter()
        bus.subscribe(PersonDeleted, lambda event: self._gone(event.person, for_good=True))
        bus.subscribe(PersonDisabled, lambda event: self._gone(event.person, for_good=False))

    def __len__(self) -> int:
        """Return how many uploads are under way."""
        return len(self._under_way)

    @property
    def file_bytes(self) -> int:
        """The largest file that anybody may bring."""
        return self._policy.file_bytes

    def used(self, owner: PersonNumber, purpose: Purpose, size_bytes: int) -> None:
        """Count what somebody has stored; negative when it went."""
        self._used[owner, purpose is Purpose.PROFILE] += size_bytes

    def used_by(self, owner: PersonNumber) -> int:
        """Return how many bytes somebody has stored."""
        return self._used[owner, False] + self._used[owner, True]

    def grant(self, person: Person, wish: Wish) -> Slot:
        """Give a place for a file.

        Raises:
            TooLargeError: No file may be as large.
            KindError: Files of that type are not taken.
            QuotaError: The person has no room, or too many places already.

        """
        self._forget_late_slots()
        profile = wish.purpose is Purpose.PROFILE
        largest, room = self._policy.file_bytes, self._policy.person_bytes
        if profile:
            largest, room = min(PROFILE_FILE_BYTES, largest), min(PROFILE_BYTES, room)
        if wish.size_bytes > largest:
            raise TooLargeError(largest)
        if wish.kind:
            self._require_kind(wish.kind)
        key = person.number, profile
        if self._open[person.number] >= SLOTS_PER_PERSON:
            raise QuotaError("too many uploads are announced", self._retry(person))
        taken = self._used[key] + self._promised[key]
        if taken + wish.size_bytes > room:
            left = max(0, room - taken)
            retry = self._retry(person) if self._promised[key] else None
            raise QuotaError(f"there is room for {left} bytes of {room}", retry)
        until = self._clock.monotonic() + SLOT_SECONDS
        wish = replace(wish, name=safe_name(wish.name))
        slot = Slot(self._token(), person, wish, until)
        self._slots[slot.token] = slot
        self._open[person.number] += 1
        self._promised[key] += wish.size_bytes
        return slot

    def slot(self, token: str, name: str) -> Slot:
        """Return a place for which an upload may begin.

        Raises:
            NoSlotError: There is none, or it is too late.
            BusyError: Its upload is under way.

        """
        self._forget_late_slots()
        if token in self._under_way:
            raise BusyError("this very file is being uploaded")
        slot = self._slots.get(token)
        if slot is None or slot.wish.name != name or not self.is_here(slot.person):
            raise NoSlotError("there is no place for this upload; ask for a new one")
        return slot

    def fits(self, slot: Slot, size_bytes: int, kind: str) -> str:
        """Look at what an upload says of itself; returns its media type.

        Args:
            slot: Where it is to go.
            size_bytes: As it says.
            kind: The same, without parameters; ``""``: it does not say.

        Raises:
            SizeError: It has another size than was announced.
            KindError: It has another type, or one that is not taken.

        """
        wish = slot.wish
        if size_bytes != wish.size_bytes:
            raise SizeError(f"{wish.size_bytes} bytes were announced, not {size_bytes}")
        if wish.kind and kind and kind != wish.kind:
            raise KindError(f"{wish.kind} was announced, not {kind}")
        kind = wish.kind or kind or OCTETS
        self._require_kind(kind)
        return kind

    @contextmanager
    def claimed(self, slot: Slot) -> Iterator[None]:
        """Upload to a place. One that is not ``complete`` in the end may be tried again.

        Raises:
            BusyError: Too many are under way.

        """
        number = slot.person.number
        if self._slots.get(slot.token) is not slot:
            raise BusyError("this very file is being uploaded, or it is too late")
        if self._busy[number] >= UPLOADS_PER_PERSON:
            raise BusyError(f"at most {UPLOADS_PER_PERSON} uploads at a time")
        if len(self._under_way) >= UPLOADS_LIMIT:
            raise BusyError("too many upload at the moment")
        del self._slots[slot.token]
        self._under_way[slot.token] = slot
        self._busy[number] += 1
        try:
            yield
        finally:
            _less(self._busy, number)
            if self._under_way.pop(slot.token, None) is not None:
                # In its order again, so that those which are late stand in front.
                slots = sorted([*self._slots.values(), slot], key=lambda one: one.until)
                self._slots = {one.token: one for one in slots}

    def complete(self, slot: Slot) -> None:
        """Say that the file of a place is kept; perhaps after the client has hung up."""
        if self._under_way.pop(slot.token, None) or self._slots.pop(slot.token, None):
            self._close(slot)
        if self.is_here(slot.person):
            self._used[_key(slot)] += slot.wish.size_bytes

    def _require_kind(self, kind: str) -> None:
        if not type_fits(kind, self._policy.types):
            raise KindError(f"files of the type {kind} are not taken here")

    def is_here(self, person: Person) -> bool:
        """Say whether somebody may still upload."""
        now = self._directory.person(person.address)
        return now is not None and now.number == person.number and not now.disabled

    def _retry(self, person: Person) -> float | None:
        ends = [slot.until for slot in self._slots.values() if slot.person.number == person.number]
        if not ends:
            return None
        return self._clock.wall() + max(0.0, min(ends) - self._clock.monotonic())

    def _forget_late_slots(self) -> None:
        now = self._clock.monotonic()
        for token, slot in list(self._slots.items()):
            if slot.until > now:
                break
            del self._slots[token]
            self._close(slot)

    def _close(self, slot: Slot) -> None:
        _less(self._open, slot.person.number)
        self._promised[_key(slot)] -= slot.wish.size_bytes

    def _gone(self, person: Person, *, for_good: bool) -> None:
        for token, slot in list(self._slots.items()):
            if slot.person.number == person.number:
                del self._slots[token]
                self._close(slot)
        if for_good:
            for profile in (False, True):
                self._used.pop((person.number, profile), None)


@dataclass(frozen=True, slots=True)
class UploadService:
    """What the door of files offers those who speak with clients.

    Attributes:
        jid: Whom clients ask for places.
        base: Where it is reached by HTTP, without a slash in the end.
        slots: Gives the places.

    """

    jid: str
    base: str
    slots: Slots

    def address(self, slot: Slot) -> str:
        """Return where a file is to be brought, and later to be had."""
        return f"{self.base}{PATH}/{slot.token}/{quote(slot.wish.name, safe='')}"


def _key(slot: Slot) -> tuple[PersonNumber, bool]:
    return slot.person.number, slot.wish.purpose is Purpose.PROFILE


def _less(counter: Counter[PersonNumber], number: PersonNumber) -> None:
    counter[number] -= 1
    if not counter[number]:
        del counter[number]
