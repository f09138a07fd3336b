"""What every engine promises of ``core.people.PeopleStore``."""

from dataclasses import replace

import pytest

from clarion.core.model import Department, DepartmentNumber, Membership, Person, PersonNumber
from clarion.core.ports import Database
from clarion.lib.errors import UsageError
from clarion.store.people import DatabasePeople

NOBODY = PersonNumber(0)
ANN = Person(
    NOBODY,
    "ann@corp.example",
    "Ann \u00c5berg",
    phone="+4930123456",
    language="de",
    time_zone="Europe/Berlin",
    admin=True,
)
BOB = Person(NOBODY, "bob@corp.example", "Bob", disabled=True)
SALES = Department(DepartmentNumber(0), "sales@corp.example", "Sales")


@pytest.fixture
def people(database: Database) -> DatabasePeople:
    return DatabasePeople(database)


async def test_persons_come_back_as_they_were(people: DatabasePeople):
    ann, bob = await people.add_person(ANN), await people.add_person(BOB)
    assert replace(ann, number=NOBODY) == ANN
    assert ann.number != bob.number
    assert list(await people.persons()) == [ann, bob]


async def test_departments_come_back_as_they_were(people: DatabasePeople):
    sales = await people.add_department(SALES)
    north = await people.add_department(
        Department(DepartmentNumber(0), "north@corp.example", "North", sales.number)
    )
    assert list(await people.departments()) == [sales, north]


async def test_an_address_is_taken_once(people: DatabasePeople):
    await people.add_person(ANN)
    await people.add_department(SALES)
    with pytest.raises(UsageError, match=r"^the address ann@corp\.example is taken$"):
        await people.add_person(ANN)
    with pytest.raises(UsageError, match="taken"):
        await people.add_person(replace(BOB, address=SALES.address))
    with pytest.raises(UsageError, match="taken"):
        await people.add_department(replace(SALES, address=ANN.address))
    assert len(await people.persons()) == 1
    assert len(await people.departments()) == 1


async def test_a_changed_person_keeps_number_and_address(people: DatabasePeople):
    ann = await people.add_person(ANN)
    changed = Person(ann.number, ann.address, "Ann", None, "en", "UTC", admin=False, disabled=True)
    await people.change_person(replace(changed, address="other@corp.example"))
    assert list(await people.persons()) == [changed]
    with pytest.raises(UsageError, match="no person"):
        await people.change_person(replace(ann, number=PersonNumber(99)))


async def test_a_changed_department(people: DatabasePeople):
    sales = await people.add_department(SALES)
    top = await people.add_department(replace(SALES, address="top@corp.example"))
    await people.change_department(replace(sales, name="Sell", parent=top.number))
    assert (await people.departments())[0] == replace(sales, name="Sell", parent=top.number)
    with pytest.raises(UsageError, match="no department"):
        await people.change_department(replace(sales, number=DepartmentNumber(99)))


async def test_a_parent_must_be_there(people: DatabasePeople):
    orphan = replace(SALES, parent=DepartmentNumber(99))
    with pytest.raises(UsageError, match="department above"):
        await people.add_department(orphan)
    sales = await people.add_department(SALES)
    with pytest.raises(UsageError, match="department above"):
        await people.change_department(replace(sales, parent=DepartmentNumber(99)))


async def test_memberships_come_change_and_go(people: DatabasePeople):
    ann = await people.add_person(ANN)
    sales = await people.add_department(SALES)
    await people.join(Membership(ann.number, sales.number))
    head = Membership(ann.number, sales.number, "Head of sales", manager=True)
    await people.join(head)
    assert list(await people.memberships()) == [head]
    await people.leave(ann.number, sales.number)
    await people.leave(ann.number, sales.number)
    assert list(await people.memberships()) == []
    with pytest.raises(UsageError, match="no such person or department"):
        await people.join(Membership(PersonNumber(99), sales.number))
