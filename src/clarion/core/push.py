"""Where people's clients want to be told of what waits: values, the port, all of it in memory.

Beside each stands what became of the latest occasions to tell it something, so
that an operator can see why a telephone stayed silent. That record is lost when
the server stops; that a place was given up, and why, is kept (XEP-0357).
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from clarion.core.model import Person, PersonNumber
from clarion.lib.errors import UsageError

DEVICES_LIMIT: Final = 20
"""LIMIT: places of one person; a new one takes the place of one that was given up, or of the
oldest: clients that are set up anew leave theirs behind."""
OPTIONS_LIMIT_BYTES: Final = 4_096
"""LIMIT: of the form that goes with each notification; it stays in memory."""
RECORD_LIMIT: Final = 20
"""LIMIT: occasions of one place that are remembered."""


@dataclass(frozen=True, slots=True)
class Device:
    """A place that is told, for one of a person's clients.

    Attributes:
        owner: Whose.
        service: JID of the push service, normalised.
        node: Of the service's; ``""``: none was named.
        options: The form that goes with each notification as it goes on the
            wire; empty: none. May hold a secret.
        since: UNIX seconds when the client last asked for it.
        error: Why it is told nothing any more; ``""``: it is.
        failed_at: UNIX seconds since when, or 0.

    """

    owner: PersonNumber
    service: str
    node: str
    options: bytes = field(default=b"", repr=False)
    since: float = 0.0
    error: str = ""
    failed_at: float = 0.0

    @property
    def key(self) -> "DeviceKey":
        """What names it."""
        return self.owner, self.service, self.node


DeviceKey = tuple[PersonNumber, str, str]


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of an occasion, or of several in a row that went alike.

    Attributes:
        at: UNIX seconds, of the last one.
        what: In one word or two: ``sent``, ``answered``, ``held back`` and so on.
        why: For people.
        times: How many.

    """

    at: float
    what: str
    why: str
    times: int = 1


class PushStore(Protocol):
    """Keeps the places; raises ``UnavailableError`` like every port."""

    async def load(self) -> Sequence[Device]:
        """Return all of them, each person's oldest first."""
        ...

    async def put(self, device: Device) -> None:
        """Add one, or replace what was known of it.

        Raises:
            UsageError: There is no such person.

        """
        ...

    async def remove(self, devices: Sequence[DeviceKey]) -> None:
        """Remove these; harmless where they are not there."""
        ...


class PushDevices:
    """Everybody's places, in memory and in the store, and the record of each.

    Args:
        store: Keeps them.

    Attributes:
        generation: Another one whenever ``owners`` are others.

    """

    def __init__(self, store: PushStore) -> None:
        self._store = store
        self._of: dict[PersonNumber, dict[DeviceKey, Device]] = {}
        self._records: dict[DeviceKey, deque[Noted]] = {}
        self.generation = 0

    async def load(self) -> None:
        """Read everything from the store, once, before anybody logs in.

        Raises:
            UnavailableError: The store cannot answer.

        """
        for device in await self._store.load():
            self._of.setdefault(device.owner, {})[device.key] = device
        self.generation += 1

    @property
    def any(self) -> bool:
        """Whether anybody has one: most messages are looked at no further."""
        return bool(self._of)

    @property
    def owners(self) -> Collection[PersonNumber]:
        """Who has one, as of now; quick to look somebody up in."""
        return self._of.keys()

    def of(self, owner: PersonNumber) -> Sequence[Device]:
        """Return a person's, those that were given up too, oldest first."""
        return tuple(self._of.get(owner, {}).values())

    def get(self, key: DeviceKey) -> Device | None:
        """Return one."""
        return self._of.get(key[0], {}).get(key)

    async def enable(self, device: Device) -> None:
        """Add a place, or enable it again with what goes with it now.

        Raises:
            UsageError: What goes with it is too long.
            UnavailableError: The store cannot keep it; nothing has changed.

        """
        if len(device.options) > OPTIONS_LIMIT_BYTES:
            raise UsageError(f"publish-options may have {OPTIONS_LIMIT_BYTES} bytes")
        mine = self._of.get(device.owner, {})
        if device.key not in mine and len(mine) >= DEVICES_LIMIT:
            least = min(mine.values(), key=lambda one: (not one.error, one.since))
            await self.disable([least.key])
        await self._store.put(device)
        if device.owner not in self._of:
            self.generation += 1
        mine = self._of.setdefault(device.owner, {})
        mine.pop(device.key, None)
        mine[device.key] = device

    async def disable(self, keys: Sequence[DeviceKey]) -> None:
        """Forget places.

        Raises:
            UnavailableError: The store cannot do it; nothing has changed.

        """
        await self._store.remove(keys)
        for key in keys:
            self._drop(key)

    async def give_up(self, key: DeviceKey, why: str, at: float) -> None:
        """Tell a place nothing any more, from now on, until its client enables it again.

        Args:
            key: Which.
            why: For people.
            at: UNIX seconds.

        Raises:
            UnavailableError: The store cannot keep that; it holds until the server stops.

        """
        device = self.get(key)
        if device is not None:
            device = self._of[key[0]][key] = replace(device, error=why, failed_at=at)
            await self._store.put(device)

    def forget(self, person: Person) -> None:
        """Forget the places of somebody who was deleted."""
        for device in self.of(person.number):
            self._drop(device.key)

    def note(self, key: DeviceKey, noted: Noted) -> None:
        """Remember what became of an occasion."""
        if self.get(key) is None:
            return
        record = self._records.setdefault(key, deque(maxlen=RECORD_LIMIT))
        if record and (record[-1].what, record[-1].why) == (noted.what, noted.why):
            noted = replace(noted, times=record.pop().times + 1)
        record.append(noted)

    def record(self, key: DeviceKey) -> Sequence[Noted]:
        """Return what became of the latest occasions, oldest first."""
        return tuple(self._records.get(key, ()))

    def _drop(self, key: DeviceKey) -> None:
        self._records.pop(key, None)
        mine = self._of.get(key[0])
        if mine is not None:
            mine.pop(key, None)
            if not mine:
                del self._of[key[0]]
                self.generation += 1
