"""Passwords: what is kept, who gets in, and that nobody learns who exists."""

import asyncio
import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from clarion.core import identity as identity_module
from clarion.core.credentials import MAIN
from clarion.core.events import PasswordChanged
from clarion.core.identity import APP_PASSWORD_LIMIT, HASHES, LABEL_LIMIT, SALT_BYTES, Identity
from clarion.core.model import Person
from clarion.lib.errors import DeniedError, UnavailableError, UsageError
from clarion.wire.sasl.keys import derive_keys
from fakes.organisation import Organisation

ANN = "ann@corp.example"


@pytest.fixture
async def ann(house: Organisation) -> Person:
    return await house.directory.add_person(ANN)


class Hashes:
    """Counts what is hashed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.threads: set[int] = set()
        self.during: Callable[[], None] | None = None
        monkeypatch.setattr(identity_module, "derive_keys", self.derive)

    def derive(self, *arguments: Any) -> tuple[bytes, bytes]:
        self.count += 1
        self.threads.add(threading.get_ident())
        if self.during is not None:
            self.during()
        return derive_keys(*arguments)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Hashes:
    return Hashes(monkeypatch)


async def test_scram_keys_of_both_hashes_are_kept(house: Organisation, ann: Person):
    await house.identity.set_password(ann, "secret")
    for name in HASHES:
        salt, iterations, candidates = await house.identity.scram(ANN, name)
        assert len(salt) == SALT_BYTES
        assert iterations == 2
        stored, server = derive_keys("secret", salt, 2, name)
        assert [(one.label, one.stored_key, one.server_key) for one in candidates] == [
            (MAIN, stored, server)
        ]


async def test_a_password_that_clients_hash_in_two_forms_has_both(house: Organisation, ann: Person):
    await house.identity.set_password(ann, "x²")  # OpaqueString keeps it, SASLprep makes it x2
    salt, rounds, candidates = await house.identity.scram(ANN, "sha256")
    assert [one.label for one in candidates] == [MAIN, MAIN]
    assert candidates[1].stored_key == derive_keys("x2", salt, rounds, "sha256")[0]
    assert await house.identity.check_plain(ANN, "x²") == ann
    assert await house.identity.app_passwords(ann) == []

    await house.identity.set_password(ann, "plain")
    _, _, candidates = await house.identity.scram(ANN, "sha256")
    assert len(candidates) == 1
    with pytest.raises(DeniedError):
        await house.identity.check_plain(ANN, "x2")


async def test_the_right_password_gets_in_and_another_does_not(house: Organisation, ann: Person):
    await house.identity.set_password(ann, "secret")
    assert await house.identity.check_plain(ANN, "secret") == ann
    for wrong in ("Secret", "", "\0", "x" * 5000):
        with pytest.raises(DeniedError, match="the address or the password is wrong"):
            await house.identity.check_plain(ANN, wrong)


async def test_who_exists_stays_hidden(house: Organisation, ann: Person):
    bob = await house.directory.add_person("bob@corp.example")
    await house.identity.set_password(bob, "secret")
    await house.directory.disable("bob@corp.example")
    texts = set()
    for address in (ANN, "bob@corp.example", "nobody@corp.example"):
        first, second = [await house.identity.scram(address, "sha256") for _ in range(2)]
        assert first == second
        assert (len(first[0]), first[1], first[2]) == (SALT_BYTES, 2, [])
        with pytest.raises(DeniedError) as refused:
            await house.identity.check_plain(address, "secret")
        texts.add(str(refused.value))
    assert len(texts) == 1
    again = Identity(house.credentials, house.directory, house.bus, iterations=2)
    salts = [await one.scram("nobody@corp.example", "sha1") for one in (house.identity, again)]
    assert salts[0] == salts[1]  # another life of the server gives the same answer
    again.close()


async def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    house: Organisation, ann: Person, hashes: Hashes
):
    await house.identity.set_password(ann, "secret")
    counts = []
    for address in (ANN, "nobody@corp.example"):
        before = hashes.count
        with pytest.raises(DeniedError):
            await house.identity.check_plain(address, "wrong")
        counts.append(hashes.count - before)
    assert counts == [1, 1]


async def test_nothing_hashes_on_the_loop(house: Organisation, ann: Person, hashes: Hashes):
    await house.identity.set_password(ann, "secret")
    await house.identity.check_plain(ANN, "secret")
    await house.identity.new_app_password(ann, "phone")
    assert hashes.count == 5
    assert threading.get_ident() not in hashes.threads


async def test_a_verified_password_is_not_hashed_again(
    house: Organisation, ann: Person, hashes: Hashes
):
    await house.identity.set_password(ann, "secret")
    for _ in range(3):
        await house.identity.check_plain(ANN, "secret")
    assert hashes.count == 3  # two when it was set, one for the first log-in


async def test_a_verified_password_is_forgotten_when_it_changes(house: Organisation, ann: Person):
    await house.identity.set_password(ann, "old")
    await house.identity.check_plain(ANN, "old")
    await house.identity.set_password(ann, "new")
    with pytest.raises(DeniedError):
        await house.identity.check_plain(ANN, "old")
    assert await house.identity.check_plain(ANN, "new") == ann


async def test_a_disabled_person_does_not_get_in_with_a_verified_password(
    house: Organisation, ann: Person
):
    await house.identity.set_password(ann, "secret")
    await house.identity.check_plain(ANN, "secret")
    await house.directory.disable(ANN)
    with pytest.raises(DeniedError):
        await house.identity.check_plain(ANN, "secret")
    await house.directory.enable(ANN)
    assert (await house.identity.check_plain(ANN, "secret")).address == ANN


@pytest.mark.parametrize("what", ["password", "disable"])
async def test_a_change_while_it_is_hashed_counts(
    house: Organisation, ann: Person, hashes: Hashes, what: str
):
    await house.identity.set_password(ann, "old")
    started, go = threading.Event(), threading.Event()

    def during() -> None:
        hashes.during = None
        started.set()
        go.wait(10)

    hashes.during = during
    login = asyncio.get_running_loop().create_task(house.identity.check_plain(ANN, "old"))
    await asyncio.to_thread(started.wait, 10)
    if what == "password":
        await house.identity.set_password(ann, "new")
    else:
        await house.directory.disable(ANN)
    go.set()
    with pytest.raises(DeniedError):
        await login


async def test_a_log_in_costs_no_sql_once_the_keys_are_known(
    house: Organisation, ann: Person, monkeypatch: pytest.MonkeyPatch
):
    await house.identity.set_password(ann, "secret")
    await house.identity.scram(ANN, "sha1")

    async def read(*arguments: Any) -> Any:
        raise AssertionError("it reads")

    monkeypatch.setattr(house.database, "read", read)
    _, _, candidates = await house.identity.scram(ANN, "sha256")
    assert len(candidates) == 1


async def test_keys_that_changed_while_they_were_read_are_not_remembered(
    house: Organisation, ann: Person, monkeypatch: pytest.MonkeyPatch
):
    await house.identity.set_password(ann, "old")
    read = house.database.read

    async def slow(*arguments: Any, **more: Any) -> Any:
        rows = await read(*arguments, **more)
        monkeypatch.setattr(house.database, "read", read)
        await house.identity.set_password(ann, "new")
        return rows

    monkeypatch.setattr(house.database, "read", slow)
    await house.identity.scram(ANN, "sha256")
    assert await house.identity.check_plain(ANN, "new") == ann


async def test_the_caches_are_bounded(house: Organisation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity_module, "KEYS_CACHED", 3)
    monkeypatch.setattr(identity_module, "VERIFIED_CACHED", 2)
    for number in range(5):
        person = await house.directory.add_person(f"p{number}@corp.example")
        await house.identity.set_password(person, "secret")
        await house.identity.check_plain(person.address, "secret")
    assert len(house.identity._keys) == 3
    assert len(house.identity._verified) == 2


async def test_app_passwords_share_the_salt_and_get_in(house: Organisation, ann: Person):
    await house.identity.set_password(ann, "secret")
    made = await house.identity.new_app_password(ann, " my  phone ")
    assert len(made.replace("-", "")) * 5 >= 120
    keys = await house.credentials.keys(ann.number)
    assert len({(key.salt, key.iterations) for key in keys}) == 1
    assert await house.identity.app_passwords(ann) == ["my phone"]
    assert await house.identity.check_plain(ANN, made) == ann
    assert await house.identity.check_plain(ANN, "secret") == ann


async def test_a_new_main_password_keeps_the_app_passwords_working(
    house: Organisation, ann: Person
):
    await house.identity.set_password(ann, "one")
    made = await house.identity.new_app_password(ann, "phone")
    await house.identity.set_password(ann, "two")
    assert await house.identity.check_plain(ANN, made) == ann
    assert await house.identity.check_plain(ANN, "two") == ann


async def test_without_app_passwords_a_new_password_has_a_new_salt(
    house: Organisation, ann: Person
):
    salts = set()
    for _ in range(2):
        await house.identity.set_password(ann, "same")
        salts.add((await house.identity.scram(ANN, "sha256"))[0])
    assert len(salts) == 2


async def test_app_passwords_differ_and_can_be_taken_away(house: Organisation, ann: Person):
    one = await house.identity.new_app_password(ann, "phone")
    two = await house.identity.new_app_password(ann, "tablet")
    assert one != two
    await house.identity.remove_password(ann, "phone")
    with pytest.raises(DeniedError):
        await house.identity.check_plain(ANN, one)
    assert await house.identity.check_plain(ANN, two) == ann
    with pytest.raises(UsageError, match="there is no app password 'phone'"):
        await house.identity.remove_password(ann, "phone")


async def test_a_main_password_can_be_taken_away(house: Organisation, ann: Person):
    with pytest.raises(UsageError, match="there is no password"):
        await house.identity.remove_password(ann)
    await house.identity.set_password(ann, "secret")
    assert await house.identity.has_password(ann)
    await house.identity.remove_password(ann)
    assert not await house.identity.has_password(ann)
    with pytest.raises(DeniedError):
        await house.identity.check_plain(ANN, "secret")


async def test_app_passwords_have_a_number_and_labels_a_form(house: Organisation, ann: Person):
    for number in range(APP_PASSWORD_LIMIT):
        await house.identity.new_app_password(ann, f"device {number}")
    with pytest.raises(UsageError, match="at most 20 app passwords"):
        await house.identity.new_app_password(ann, "one more")
    with pytest.raises(UsageError, match="'device 0' already"):
        await house.identity.new_app_password(ann, "device 0")
    for label in ("", "  ", "x" * (LABEL_LIMIT + 1), "a\x01"):
        with pytest.raises(UsageError, match="1 to 64 printable"):
            await house.identity.new_app_password(ann, label)


async def test_changes_are_told(house: Organisation, ann: Person):
    house.listen(PasswordChanged)
    await house.identity.set_password(ann, "secret")
    await house.identity.new_app_password(ann, "phone")
    await house.identity.remove_password(ann, "phone")
    assert house.told == [PasswordChanged(ann)] * 3


@pytest.mark.parametrize("password", ["", "tab\there", "x" * 2000])
async def test_what_cannot_be_a_password_is_refused(
    house: Organisation, ann: Person, password: str
):
    await house.identity.set_password(ann, "old")
    with pytest.raises(UsageError, match="the password"):
        await house.identity.set_password(ann, password)
    assert await house.identity.check_plain(ANN, "old") == ann


async def test_a_store_that_fails_leaves_the_old_password(house: Organisation, ann: Person):
    await house.identity.set_password(ann, "old")
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.identity.set_password(ann, "new")
    assert await house.identity.check_plain(ANN, "old") == ann


async def test_no_password_is_in_the_database(house: Organisation, ann: Person):
    await house.identity.set_password(ann, "very secret words")
    made = await house.identity.new_app_password(ann, "phone")
    kept = repr([op.parameters for _, op in house.database.writes])
    for secret in ("very secret words", made, hashlib.sha256(made.encode()).hexdigest()):
        assert secret not in kept


async def test_serving_ends_with_the_threads(house: Organisation, ann: Person):
    identity = Identity(house.credentials, house.directory, house.bus, iterations=2)
    async with identity.serve():
        await identity.set_password(ann, "secret")
    with pytest.raises(RuntimeError):
        await identity.set_password(ann, "secret")
