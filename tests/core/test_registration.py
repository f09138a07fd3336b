"""Who may make accounts, and how many (XEP-0077)."""

import pytest

from clarion.core.registration import ATTEMPTS, ATTEMPTS_TIME, NETWORKS_LIMIT, Registrar
from clarion.lib.errors import UnavailableError, UsageError
from fakes.organisation import Organisation


@pytest.fixture
def house():
    house = Organisation()
    yield house
    house.close()


@pytest.fixture
def registrar(house: Organisation) -> Registrar:
    return Registrar(house.directory, house.identity, house.clock, accounts=True)


async def test_an_account_comes_with_its_password(house: Organisation, registrar: Registrar):
    person = await registrar.register("ann@corp.example", "secret")
    assert not person.admin
    assert await house.identity.check_plain("ann@corp.example", "secret") == person


async def test_nobody_is_made_who_cannot_have_the_password(
    house: Organisation, registrar: Registrar
):
    with pytest.raises(UsageError):
        await registrar.register("ann@corp.example", "\x07")
    assert house.directory.person("ann@corp.example") is None


async def test_a_network_gets_only_so_many_attempts(house: Organisation, registrar: Registrar):
    for _ in range(ATTEMPTS):
        registrar.count("192.0.2.1")
    with pytest.raises(UnavailableError):
        registrar.count("192.0.2.1")
    registrar.count("192.0.2.2")
    house.clock.advance(ATTEMPTS_TIME - 1)
    with pytest.raises(UnavailableError):
        registrar.count("192.0.2.1")
    house.clock.advance(1)
    registrar.count("192.0.2.1")


async def test_the_memory_of_networks_is_bounded(registrar: Registrar):
    for number in range(NETWORKS_LIMIT + 10):
        registrar.count(str(number))
    assert len(registrar._attempts) == NETWORKS_LIMIT
