"""SCRAM keys and the installation's secrets on a database."""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

from clarion.core.credentials import ScramKey
from clarion.core.model import PersonNumber
from clarion.core.ports import Database, EntityId, Row, Shape, WriteOp, person_entity
from clarion.lib.errors import UsageError
from clarion.store.refusals import UnknownReferenceError

_DELETE: Final = "DELETE FROM scram_key WHERE person = ? AND label = ?"
# What was got with a password dies with it (core/tokens.py).
_DROP_TOKENS: Final = "DELETE FROM token WHERE person = ? AND label = ?"
_INSERT: Final = (
    "INSERT INTO scram_key"
    " (person, label, hash_name, salt, iterations, stored_key, server_key)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_KEYS: Final = (
    "SELECT label, hash_name, salt, iterations, stored_key, server_key"
    " FROM scram_key WHERE person = ? ORDER BY label, hash_name"
)
# Changes nothing when it is there already, but returns what is there.
_SECRET: Final = Shape(
    (
        (
            "INSERT INTO secret (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = secret.value RETURNING value"
        ),
    )
)


class DatabaseCredentials:
    """Implements ``core.credentials.CredentialStore``.

    Args:
        database: Where everything is kept.
        random_bytes: Makes that many unguessable bytes.

    """

    def __init__(
        self, database: Database, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._database = database
        self._random_bytes = random_bytes

    async def keys(self, person: PersonNumber) -> Sequence[ScramKey]:
        """See ``CredentialStore``."""
        return [_key(row) for row in await self._database.read(_KEYS, (person,))]

    async def replace(self, person: PersonNumber, label: str, keys: Sequence[ScramKey]) -> None:
        """See ``CredentialStore``.

        Raises:
            UsageError: There is no such person, or a key has another label.

        """
        if any(key.label != label for key in keys):
            raise UsageError(f"a key for another label than {label!r}")
        rows = tuple(
            (
                person,
                label,
                key.hash_name,
                key.salt,
                key.iterations,
                key.stored_key,
                key.server_key,
            )
            for key in keys
        )
        shape = Shape((_DELETE, _DROP_TOKENS, *[_INSERT] * len(rows)))
        which = (person, label)
        try:
            await self._database.put(
                person_entity(f"#{person}"), WriteOp(shape, (which, which, *rows))
            )
        except UnknownReferenceError as error:
            raise UsageError("there is no such person") from error

    async def secret(self, name: str, size_bytes: int) -> bytes:
        """See ``CredentialStore``.

        Raises:
            UsageError: The secret was made with another size.

        """
        row = (name, self._random_bytes(size_bytes))
        rows = await self._database.put(EntityId("secret:" + name), WriteOp(_SECRET, (row,)))
        value = rows[0][0]
        assert isinstance(value, bytes)
        if len(value) != size_bytes:
            raise UsageError(f"the secret {name} has {len(value)} bytes, not {size_bytes}")
        return value


def _key(row: Row) -> ScramKey:
    label, hash_name, salt, iterations, stored_key, server_key = row
    assert isinstance(salt, bytes)
    assert isinstance(iterations, int)
    assert isinstance(stored_key, bytes)
    assert isinstance(server_key, bytes)
    return ScramKey(str(label), str(hash_name), salt, iterations, stored_key, server_key)
