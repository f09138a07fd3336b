"""The verb that offers contacts."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from clarion.core.model import Person
from clarion.lib.errors import UsageError
from fakes.organisation import Organisation

ANN, BOB = "ann@corp.example", "bob@corp.example"


async def people(house: Organisation) -> list[tuple[str, list[str], str]]:
    """Add two people and return what will be offered."""
    made: list[tuple[str, list[str], str]] = []

    async def offer(to: Person, contacts: Sequence[Person], kind: str) -> None:
        made.append((to.address, [one.address for one in contacts], kind))

    await house.directory.add_person(ANN)
    await house.directory.add_person(BOB)
    house.desk = replace(house.desk, offer=offer)
    return made


async def test_contacts_are_offered(house: Organisation):
    made = await people(house)
    assert await house.do("person.offer", to="Ann@corp.example", contacts=[BOB]) == {
        "to": ANN,
        "action": "add",
        "contacts": [BOB],
    }
    await house.do("person.offer", to=ANN, contacts=[BOB], action="delete")
    assert made == [(ANN, [BOB], "add"), (ANN, [BOB], "delete")]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"to": "eve@corp.example", "contacts": [BOB]}, "no such person"),
        ({"to": ANN, "contacts": ["eve@corp.example"]}, "no such person"),
        ({"to": ANN, "contacts": [BOB], "action": "burn"}, "action: must be add, delete or modify"),
        ({"to": ANN, "contacts": BOB}, "contacts: must be a list"),
        ({"to": ANN, "contacts": [BOB], "more": 1}, "more"),
    ],
)
async def test_what_is_refused(house: Organisation, arguments: dict[str, object], wrong: str):
    made = await people(house)
    with pytest.raises(UsageError, match=wrong):
        await house.do("person.offer", **arguments)
    assert made == []


async def test_without_a_server_there_is_nobody_to_send_it(house: Organisation):
    await people(house)
    house.desk = replace(house.desk, offer=None)
    with pytest.raises(UsageError, match="only a running server"):
        await house.do("person.offer", to=ANN, contacts=[BOB])
