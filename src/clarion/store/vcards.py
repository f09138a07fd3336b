"""What people add to their vCards, on a database (XEP-0054)."""

from typing import Final

from clarion.core.model import PersonNumber
from clarion.core.ports import Database, Shape, WriteOp, person_entity

_KEEP: Final = Shape(
    (
        (
            "INSERT INTO vcard (person, card) VALUES (?, ?)"
            " ON CONFLICT (person) DO UPDATE SET card = excluded.card"
        ),
    )
)
_FORGET: Final = Shape(("DELETE FROM vcard WHERE person = ?",))
_CARD: Final = "SELECT card FROM vcard WHERE person = ?"


class DatabaseCards:
    """Implements ``xmpp.vcard.CardStore``.

    Args:
        database: Where everything is kept.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def card(self, person: PersonNumber) -> bytes:
        """See ``CardStore``."""
        rows = await self._database.read(_CARD, (person,))
        card = rows[0][0] if rows else b""
        assert isinstance(card, bytes)
        return card

    async def keep(self, person: PersonNumber, card: bytes) -> None:
        """See ``CardStore``."""
        owner = person_entity(f"#{person}")
        if card:
            await self._database.put(owner, WriteOp(_KEEP, ((person, card),)))
        else:
            await self._database.put(owner, WriteOp(_FORGET, ((person,),)))
