"""What every engine promises of ``xmpp.vcard.CardStore``."""

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.store.people import DatabasePeople
from clarion.store.vcards import DatabaseCards
from clarion.xmpp.vcard import CARD_LIMIT_BYTES


@pytest.fixture
async def ann(database: Database) -> PersonNumber:
    person = Person(PersonNumber(0), "ann@corp.example", "Ann")
    return (await DatabasePeople(database).add_person(person)).number


async def test_a_card_is_kept_replaced_and_forgotten(database: Database, ann: PersonNumber):
    store = DatabaseCards(database)
    assert await store.card(ann) == b""
    await store.keep(ann, b"<URL/>")
    assert await store.card(ann) == b"<URL/>"
    large = b"x" * CARD_LIMIT_BYTES
    await store.keep(ann, large)
    assert await DatabaseCards(database).card(ann) == large
    await store.keep(ann, b"")
    assert await store.card(ann) == b""
    await store.keep(ann, b"")
