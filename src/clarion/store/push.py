"""Where people's clients want to be told of what waits, on a database (XEP-0357)."""

from collections.abc import Sequence
from typing import Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Row, Shape, WriteOp, person_entity
from clarion.core.push import Device, DeviceKey
from clarion.lib.errors import UsageError
from clarion.store.refusals import UnknownReferenceError

_LOAD: Final = (
    "SELECT owner, service, node, options, since, error, failed_at FROM push_device"
    " ORDER BY owner, since, service, node"
)
_PUT: Final = Shape(
    (
        (
            "INSERT INTO push_device (owner, service, node, options, since, error, failed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, service, node) DO UPDATE SET"
            " options = excluded.options, since = excluded.since, error = excluded.error,"
            " failed_at = excluded.failed_at"
        ),
    )
)
_REMOVE: Final = "DELETE FROM push_device WHERE owner = ? AND service = ? AND node = ?"


class DatabasePush:
    """Implements ``core.push.PushStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[Device]:
        """See ``PushStore``."""
        return [_device(row) for row in await self._database.read(_LOAD)]

    async def put(self, device: Device) -> None:
        """See ``PushStore``."""
        row = (*device.key, device.options, device.since, device.error, device.failed_at)
        try:
            await self._database.put(person_entity(f"#{device.owner}"), WriteOp(_PUT, (row,)))
        except UnknownReferenceError as error:
            raise UsageError("there is no such person") from error

    async def remove(self, devices: Sequence[DeviceKey]) -> None:
        """See ``PushStore``."""
        if devices:
            op = WriteOp(Shape((_REMOVE,) * len(devices)), tuple(devices))
            await self._database.put(person_entity(f"#{devices[0][0]}"), op)


def _device(row: Row) -> Device:
    owner, service, node, options, since, error, failed_at = row
    assert isinstance(owner, int)
    assert isinstance(options, bytes)
    assert isinstance(since, float)
    assert isinstance(failed_at, float)
    return Device(
        PersonNumber(owner), str(service), str(node), options, since, str(error), failed_at
    )
