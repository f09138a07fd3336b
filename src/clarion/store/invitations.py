"""Invitations on a database."""

from collections.abc import Sequence
from typing import Final

from clarion.core.invitations import Invitation
from clarion.core.model import PersonNumber
from clarion.core.ports import Database, EntityId, Row, Shape, Value, WriteOp

_OWNER: Final = EntityId("directory:")
_LOAD: Final = (
    "SELECT digest, inviter, address, name, department, befriend, made, expires, used"
    " FROM invitation ORDER BY made, digest"
)
_PUT: Final = Shape(
    (
        (
            "INSERT INTO invitation"
            " (digest, inviter, address, name, department, befriend, made, expires, used)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (digest) DO UPDATE SET used = excluded.used"
        ),
    )
)
_REMOVE: Final = "DELETE FROM invitation WHERE digest = ?"


class DatabaseInvitations:
    """Implements ``core.invitations.InvitationStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[Invitation]:
        """See ``InvitationStore``."""
        return [_invitation(row) for row in await self._database.read(_LOAD)]

    async def put(self, invitation: Invitation) -> None:
        """See ``InvitationStore``."""
        row = (
            invitation.digest,
            invitation.inviter,
            invitation.address,
            invitation.name,
            invitation.department,
            int(invitation.befriend),
            invitation.made,
            invitation.expires,
            invitation.used,
        )
        await self._database.put(_OWNER, WriteOp(_PUT, (row,)))

    async def remove(self, digests: Sequence[bytes]) -> None:
        """See ``InvitationStore``."""
        if digests:
            rows = tuple((digest,) for digest in digests)
            await self._database.put(_OWNER, WriteOp(Shape((_REMOVE,) * len(rows)), rows))


def _invitation(row: Row) -> Invitation:
    digest, inviter, address, name, department, befriend, made, expires, used = row
    assert isinstance(digest, bytes)
    return Invitation(
        digest,
        PersonNumber(inviter) if isinstance(inviter, int) else None,
        str(address),
        str(name),
        str(department),
        _seconds(made),
        _seconds(expires),
        _seconds(used),
        befriend == 1,
    )


def _seconds(value: Value) -> float:
    assert isinstance(value, float)
    return value
