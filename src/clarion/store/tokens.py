"""Tokens on a database."""

from asyncio import Future
from collections.abc import Sequence
from typing import Any, Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Row, Shape, WriteOp, person_entity
from clarion.core.tokens import IN_USE, Token

_COLUMNS: Final = (
    "person, client, slot, mechanism, hashed, label, issued, expires, count, software, device"
)
_TOKENS: Final = f"SELECT {_COLUMNS} FROM token WHERE person = ? ORDER BY client, slot"  # noqa: S608  # columns above
_PUT: Final = (
    f"INSERT INTO token ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # columns above
    " ON CONFLICT (person, client, slot) DO UPDATE SET mechanism = excluded.mechanism,"
    " hashed = excluded.hashed, label = excluded.label, issued = excluded.issued,"
    " expires = excluded.expires, count = excluded.count, software = excluded.software,"
    " device = excluded.device"
)
_BOUND: Final = (
    "DELETE FROM token WHERE person = ? AND client NOT IN (SELECT client FROM token"
    " WHERE person = ? GROUP BY client ORDER BY max(issued) DESC LIMIT ?)"
)
_DROP: Final = "DELETE FROM token WHERE person = ? AND client = ? AND hashed = ?"
_DROP_CLIENT: Final = "DELETE FROM token WHERE person = ? AND client = ?"

_GIVE: Final = Shape((_PUT, _BOUND))
_USE: Final = Shape((_DROP_CLIENT, _PUT))
_FORGET: Final = Shape((_DROP,))


class DatabaseTokens:
    """Implements ``core.tokens.TokenStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tokens(self, person: PersonNumber) -> Sequence[Token]:
        """See ``TokenStore``."""
        return [_token(row) for row in await self._database.read(_TOKENS, (person,))]

    def put(self, token: Token, clients: int) -> Future[Any]:
        """See ``TokenStore``."""
        person = token.person
        return self._put(_GIVE, token, (_row(token), (person, person, clients)))

    def use(self, token: Token) -> Future[Any]:
        """See ``TokenStore``."""
        assert token.slot == IN_USE, "it is in use now"
        return self._put(_USE, token, ((token.person, token.client), _row(token)))

    def drop(self, token: Token) -> Future[Any]:
        """See ``TokenStore``."""
        return self._put(_FORGET, token, ((token.person, token.client, token.hashed),))

    def _put(self, shape: Shape, token: Token, rows: tuple[Any, ...]) -> Future[Any]:
        return self._database.put(person_entity(f"#{token.person}"), WriteOp(shape, rows))


def _row(token: Token) -> tuple[Any, ...]:
    return (
        token.person,
        token.client,
        token.slot,
        token.mechanism,
        token.hashed,
        token.label,
        token.issued,
        token.expires,
        token.count,
        token.software,
        token.device,
    )


def _token(row: Row) -> Token:
    person, client, slot, mechanism, hashed, label, issued, expires, count, software, device = row
    assert isinstance(person, int)
    assert isinstance(slot, int)
    assert isinstance(hashed, bytes)
    assert isinstance(issued, float)
    assert isinstance(expires, float)
    assert isinstance(count, int)
    return Token(
        PersonNumber(person),
        str(client),
        slot,
        str(mechanism),
        hashed,
        str(label),
        issued,
        expires,
        count,
        str(software),
        str(device),
    )
