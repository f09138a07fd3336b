"""What every engine promises of ``core.tokens.TokenStore``."""

from dataclasses import replace

import pytest

from clarion.core.credentials import MAIN
from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.core.tokens import IN_USE, UNUSED, Token
from clarion.lib.errors import ClarionError
from clarion.store.credentials import DatabaseCredentials
from clarion.store.people import DatabasePeople
from clarion.store.tokens import DatabaseTokens


@pytest.fixture
async def ann(database: Database) -> Person:
    person = Person(PersonNumber(0), "ann@corp.example", "Ann")
    return await DatabasePeople(database).add_person(person)


def token(person: Person, client: str = "c1", slot: int = UNUSED, issued: float = 1.0) -> Token:
    return Token(
        person.number,
        client,
        slot,
        "HT",
        f"{client}{slot}".encode(),
        MAIN,
        issued,
        99.0,
        3,
        "S",
        "D",
    )


async def test_a_slot_holds_one_token(database: Database, ann: Person):
    store = DatabaseTokens(database)
    await store.put(token(ann), 20)
    newer = replace(token(ann), hashed=b"newer", issued=2.0)
    await store.put(newer, 20)
    in_use = token(ann, slot=IN_USE)
    await store.put(in_use, 20)
    assert list(await store.tokens(ann.number)) == [in_use, newer]


async def test_what_is_used_takes_the_place_of_both(database: Database, ann: Person):
    store = DatabaseTokens(database)
    other = token(ann, "c2")
    for each in (token(ann), token(ann, slot=IN_USE), other):
        await store.put(each, 20)
    used = replace(token(ann), slot=IN_USE)
    await store.use(used)
    assert list(await store.tokens(ann.number)) == [used, other]


async def test_a_token_is_dropped_only_as_itself(database: Database, ann: Person):
    store = DatabaseTokens(database)
    await store.put(token(ann), 20)
    await store.drop(replace(token(ann), hashed=b"another"))
    assert list(await store.tokens(ann.number)) == [token(ann)]
    await store.drop(token(ann))
    assert list(await store.tokens(ann.number)) == []


async def test_of_too_many_clients_the_longest_quiet_goes(database: Database, ann: Person):
    store = DatabaseTokens(database)
    for number in (3, 1, 2):
        await store.put(token(ann, f"c{number}", issued=float(number)), 2)
    assert [one.client for one in await store.tokens(ann.number)] == ["c2", "c3"]


async def test_tokens_go_with_the_password_they_were_got_with(database: Database, ann: Person):
    store = DatabaseTokens(database)
    mine, phone = token(ann), replace(token(ann, "c2"), label="phone")
    await store.put(mine, 20)
    await store.put(phone, 20)
    await DatabaseCredentials(database).replace(ann.number, MAIN, ())
    assert list(await store.tokens(ann.number)) == [phone]


async def test_tokens_go_with_people_who_are_disabled_or_deleted(database: Database, ann: Person):
    store, people = DatabaseTokens(database), DatabasePeople(database)
    await store.put(token(ann), 20)
    await people.change_person(replace(ann, name="Ann Archer"))
    assert list(await store.tokens(ann.number)) == [token(ann)]
    await people.change_person(replace(ann, disabled=True))
    assert list(await store.tokens(ann.number)) == []
    await store.put(token(ann), 20)
    await people.delete_person(ann.number)
    assert list(await store.tokens(ann.number)) == []
    with pytest.raises(ClarionError):
        await store.put(token(ann), 20)
