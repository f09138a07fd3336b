"""What every engine promises of ``core.people.PeopleStore``."""

from dataclasses import replace

import pytest

from clarion.core.credentials import ScramKey
from clarion.core.model import Department, DepartmentNumber, Membership, Person, PersonNumber
from clarion.core.ports import Database
from clarion.lib.errors import UsageError
from clarion.store.credentials import DatabaseCredentials
from clarion.store.people import OWNED, DatabasePeople
from clarion.store.roster import DatabaseRosters
from clarion.xmpp.roster import RosterItem

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


async def test_a_department_goes_with_its_memberships_and_frees_its_address(
    people: DatabasePeople,
):
    ann, sales = await people.add_person(ANN), await people.add_department(SALES)
    board = await people.add_department(replace(SALES, address="board@corp.example"))
    for department in (sales, board):
        await people.join(Membership(ann.number, department.number))
    await people.remove_department(sales)
    await people.remove_department(sales)  # harmless
    assert list(await people.departments()) == [board]
    assert [one.department for one in await people.memberships()] == [board.number]
    again = await people.add_department(SALES)
    assert again.number not in {sales.number, board.number}
    with pytest.raises(UsageError, match="no such person or department"):
        await people.join(Membership(ann.number, sales.number))


async def test_a_department_with_others_below_it_stays(people: DatabasePeople):
    ann, sales = await people.add_person(ANN), await people.add_department(SALES)
    await people.join(Membership(ann.number, sales.number))
    north = Department(DepartmentNumber(0), "north@corp.example", "North", sales.number)
    await people.add_department(north)
    with pytest.raises(UsageError, match=r"there are departments below sales@corp\.example"):
        await people.remove_department(sales)
    assert len(await people.departments()) == 2
    assert len(await people.memberships()) == 1


async def test_a_deleted_person_leaves_no_row_and_the_number_is_not_given_again(
    people: DatabasePeople, database: Database
):
    bob = await people.add_person(BOB)
    ann = await people.add_person(ANN)
    sales = await people.add_department(SALES)
    await people.join(Membership(ann.number, sales.number))
    key = ScramKey("", "sha1", b"salt", 4096, b"stored", b"server")
    await DatabaseCredentials(database).replace(ann.number, "", [key])
    await DatabaseRosters(database).put(ann.number, RosterItem("bob@corp.example"), 1)
    await people.delete_person(ann.number)
    await people.delete_person(ann.number)
    assert list(await people.persons()) == [bob]
    assert list(await people.memberships()) == []
    for table, column in OWNED:
        sql = f"SELECT count(*) FROM {table} WHERE {column} = ?"  # names of our own
        assert await database.read(sql, (ann.number,)) == [(0,)]
    again = await people.add_person(ANN)
    assert again.number > sales.number


async def test_whatever_refers_to_a_person_goes_with_the_person(database: Database):
    tables = await database.read(
        'SELECT DISTINCT m.name, f."from" FROM sqlite_master m, pragma_foreign_key_list(m.name) f'
        " WHERE f.\"table\" IN ('person', 'roster') AND m.type = 'table'"
    )
    assert tables
    assert {(str(name), str(column)) for name, column in tables} <= set(OWNED)
