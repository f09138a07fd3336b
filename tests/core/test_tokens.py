"""Tokens: given, proved, replaced, and dead when they should be (XEP-0484)."""

import asyncio
import hmac
from collections.abc import Sequence
from typing import Any

import pytest

from clarion.core import tokens as module
from clarion.core.model import Person, PersonNumber
from clarion.core.tokens import (
    CLIENTS_LIMIT,
    IN_USE,
    ROTATE_AFTER,
    UNUSED,
    Admitted,
    ExpiredError,
    Token,
    Tokens,
)
from clarion.lib.errors import DeniedError, UnavailableError
from clarion.store.tokens import DatabaseTokens
from fakes.clock import FakeClock
from fakes.organisation import Organisation

LIFETIME = 21 * 86_400.0
ADDRESS = "ann@corp.example"
HT = "HT-SHA-256-NONE"


class Desk:
    """Tokens with what they stand on."""

    def __init__(self, house: Organisation, lifetime: float = LIFETIME) -> None:
        self.house = house
        self.clock = FakeClock()
        self.store = DatabaseTokens(house.database)
        self.tokens = self.again(lifetime)

    def again(self, lifetime: float = LIFETIME) -> Tokens:
        return Tokens(self.store, self.house.directory, self.house.bus, self.clock, lifetime)

    def give(self, person: Person, client: str = "c1", label: str = "") -> str:
        given = self.tokens.issue(blank(person, client, label), self.tokens.changes(ADDRESS))
        assert given is not None
        return given[0]

    async def use(
        self, text: str, client: str = "c1", mechanism: str = HT, count: int | None = None
    ) -> Admitted:
        proof = hmac.digest(text.encode(), b"Initiator", "sha256")
        return await self.tokens.check(ADDRESS, client, mechanism, proof, b"", count)


def blank(person: Person, client: str = "c1", label: str = "") -> Token:
    return Token(person.number, client, UNUSED, HT, b"", label, 0.0, 0.0)


@pytest.fixture
async def ann(house: Organisation) -> Person:
    person = await house.directory.add_person(ADDRESS)
    await house.identity.set_password(person, "secret")
    return person


@pytest.fixture
def desk(house: Organisation) -> Desk:
    return Desk(house)


async def test_a_token_lets_its_client_in_again_and_again(desk: Desk, ann: Person):
    text = desk.give(ann, label="phone")
    admitted = await desk.use(text)
    assert admitted.person == ann
    assert admitted.token.slot == IN_USE
    assert admitted.token.label == "phone"
    assert admitted.answer == hmac.digest(text.encode(), b"Responder", "sha256")
    await desk.use(text)
    assert desk.clock.wall() + LIFETIME == admitted.token.expires


async def test_it_is_only_for_its_client_and_its_mechanism(desk: Desk, ann: Person):
    text = desk.give(ann)
    for wrong in ({"client": "c2"}, {"mechanism": "HT-SHA-256-ENDP"}):
        with pytest.raises(DeniedError):
            await desk.use(text, **wrong)
    with pytest.raises(DeniedError):
        await desk.use(text + "x")
    with pytest.raises(DeniedError):
        await desk.tokens.check("nobody@corp.example", "c1", HT, b"", b"", None)


async def test_the_old_one_is_good_until_the_new_one_is_used(desk: Desk, ann: Person):
    # Section 3.5: the connection may break before the client has the new one.
    old = desk.give(ann)
    await desk.use(old)
    new = desk.give(ann)
    await desk.use(old)
    await desk.use(new)
    with pytest.raises(DeniedError):
        await desk.use(old)
    await desk.use(new)
    # Of two that were not used the older one is dead.
    lost = desk.give(ann)
    desk.give(ann)
    with pytest.raises(DeniedError):
        await desk.use(lost)


async def test_the_store_knows_what_memory_knows(desk: Desk, ann: Person):
    texts = [desk.give(ann)]
    await desk.use(texts[0], count=4)
    texts.append(desk.give(ann))
    desk.tokens = desk.again()
    await desk.use(texts[0], count=5)
    desk.tokens = desk.again()
    with pytest.raises(DeniedError):
        await desk.use(texts[0], count=5)
    await desk.use(texts[1], count=0)
    desk.tokens = desk.again()
    with pytest.raises(DeniedError):
        await desk.use(texts[0], count=9)


async def test_a_count_is_used_once(desk: Desk, ann: Person):
    text = desk.give(ann)
    await desk.use(text, count=2)
    for count in (2, 1, 0):
        with pytest.raises(DeniedError):
            await desk.use(text, count=count)
    await desk.use(text, count=3)


async def test_time_ends_a_token(desk: Desk, ann: Person):
    text = desk.give(ann)
    desk.clock.advance(LIFETIME - 1)
    admitted = await desk.use(text)
    assert list(await desk.tokens.of(ann)) == [admitted.token]
    desk.clock.advance(1)
    with pytest.raises(ExpiredError):
        await desk.use(text)
    with pytest.raises(DeniedError) as refused:
        await desk.use(text, client="c2")
    assert not isinstance(refused.value, ExpiredError)
    assert list(await desk.tokens.of(ann)) == []


async def test_a_token_of_a_day_is_due(desk: Desk, ann: Person):
    admitted = await desk.use(desk.give(ann))
    desk.clock.advance(ROTATE_AFTER - 1)
    assert not desk.tokens.due(admitted.token)
    desk.clock.advance(1)
    assert desk.tokens.due(admitted.token)


async def test_a_token_that_was_let_go_is_none(desk: Desk, ann: Person):
    text = desk.give(ann)
    desk.tokens.invalidate((await desk.use(text)).token)
    for _ in range(2):
        with pytest.raises(DeniedError):
            await desk.use(text)
        desk.tokens = desk.again()


async def test_a_password_takes_its_tokens_along(desk: Desk, ann: Person):
    password = await desk.house.identity.new_app_password(ann, "phone")
    assert password
    main, phone = desk.give(ann), desk.give(ann, "c2", "phone")
    await desk.use(main)
    await desk.house.identity.set_password(ann, "another")
    with pytest.raises(DeniedError):
        await desk.use(main)
    await desk.use(phone, "c2")
    await desk.house.identity.remove_password(ann, "phone")
    with pytest.raises(DeniedError):
        await desk.use(phone, "c2")


async def test_a_password_that_changed_during_the_log_in_gives_no_token(desk: Desk, ann: Person):
    before = desk.tokens.changes(ADDRESS)
    await desk.house.identity.set_password(ann, "another")
    assert desk.tokens.issue(blank(ann), before) is None


async def test_disabled_and_deleted_people_have_none(desk: Desk, ann: Person):
    text = desk.give(ann)
    await desk.use(text)
    await desk.house.directory.disable(ADDRESS)
    with pytest.raises(DeniedError):
        await desk.use(text)
    await desk.house.directory.enable(ADDRESS)
    with pytest.raises(DeniedError):
        await desk.use(text)
    text = desk.give(ann)
    await desk.house.directory.delete(ADDRESS)
    with pytest.raises(DeniedError):
        await desk.use(text)


async def test_no_lifetime_no_tokens(house: Organisation, ann: Person):
    desk = Desk(house, lifetime=0)
    assert not desk.tokens.given
    assert desk.tokens.issue(blank(ann), 0) is None


async def test_clients_are_bounded(desk: Desk, ann: Person):
    assert CLIENTS_LIMIT == 20
    texts = []
    for number in range(CLIENTS_LIMIT + 1):
        desk.clock.advance(1)
        texts.append(desk.give(ann, f"c{number}"))
        await desk.use(texts[-1], f"c{number}")
    for tokens in (desk.tokens, desk.again()):
        desk.tokens = tokens
        with pytest.raises(DeniedError):
            await desk.use(texts[0], "c0")
        assert len(await desk.tokens.of(ann)) == CLIENTS_LIMIT


async def test_a_log_in_costs_no_sql_once_the_tokens_are_known(
    desk: Desk, ann: Person, monkeypatch: pytest.MonkeyPatch
):
    text = desk.give(ann)
    await desk.use(text)
    writes = len(desk.house.database.writes)

    async def read(person: PersonNumber) -> Sequence[Token]:
        raise AssertionError("it is known")

    monkeypatch.setattr(desk.store, "tokens", read)
    await desk.use(text)
    assert len(desk.house.database.writes) == writes


async def test_memory_is_bounded(desk: Desk, ann: Person, monkeypatch: pytest.MonkeyPatch):
    assert module.CACHED == 10_000
    monkeypatch.setattr(module, "CACHED", 1)
    bob = await desk.house.directory.add_person("bob@corp.example")
    await desk.tokens.of(ann)
    await desk.tokens.of(bob)
    assert list(desk.tokens._known) == [bob.number]


async def test_tokens_that_died_while_they_were_read_are_not_remembered(
    desk: Desk, ann: Person, monkeypatch: pytest.MonkeyPatch
):
    read = desk.store.tokens

    async def slowly(person: PersonNumber) -> Any:
        found = await read(person)
        await desk.house.identity.set_password(ann, "another")
        return found

    desk.give(ann)
    monkeypatch.setattr(desk.store, "tokens", slowly)
    await desk.tokens.of(ann)
    assert ann.number not in desk.tokens._known


async def test_a_token_that_could_not_be_kept_is_not_taken_for_good(desk: Desk, ann: Person):
    await desk.tokens.of(ann)
    desk.house.database.fail_next(UnavailableError("the disk is full"))
    text = desk.give(ann)
    await asyncio.sleep(0)
    with pytest.raises(DeniedError):
        await desk.use(text)
