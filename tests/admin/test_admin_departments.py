"""The verbs about departments: what they change, and that a refusal changes nothing."""

from typing import Any

import pytest

from clarion.admin.departments import PERSONS_LIMIT
from clarion.admin.verbs import perform
from clarion.lib.errors import UsageError
from fakes.organisation import Organisation

ANN, BOB, SALES = "ann@corp.example", "bob@corp.example", "sales@corp.example"


@pytest.fixture
async def office(house: Organisation) -> Organisation:
    for address in (ANN, BOB):
        await house.directory.add_person(address)
    await house.do("department.add", department="Sales")
    return house


async def test_a_department_is_added_by_name_or_address(house: Organisation):
    record = await house.do("department.add", department="Sales & Support")
    assert record == {
        "address": "sales-support@corp.example",
        "name": "Sales & Support",
        "parent": None,
        "departments": [],
        "people": 0,
        "managers": [],
        "members": [],
    }
    export = await house.do(
        "department.add",
        department="Export@corp.example",
        name="Export",
        parent="sales & support",
    )
    assert (export["address"], export["parent"]) == ("export@corp.example", record["address"])
    shown = await house.do("department.show", department="SALES & SUPPORT")
    assert shown["departments"] == ["export@corp.example"]
    plain = await house.do("department.add", department="it@corp.example")
    assert plain["name"] == "it"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"department": "Sales"}, "there is a department with this address already"),
        ({"department": SALES}, "there is a department with this address already"),
        ({"department": "Ann"}, "there is a person with this address already"),
        ({"department": "x@other.example"}, "serves corp.example"),
        ({"department": "//"}, "write its address"),
        ({"department": "IT", "parent": "Nobody"}, "there is no such department"),
        ({"department": "IT", "name": "x" * 300}, "at most"),
        ({"department": "IT", "colour": "blue"}, "no such argument"),
        ({}, "missing"),
    ],
)
async def test_what_cannot_be_added(office: Organisation, wrong: dict[str, Any], reason: str):
    with pytest.raises(UsageError, match=reason):
        await office.do("department.add", **wrong)
    assert [one["address"] for one in await office.do("department.list")] == [SALES]


async def test_people_join_change_their_title_and_leave(office: Organisation):
    record = await office.do(
        "department.join", department="sales", persons=[BOB, "Ann@CORP.example"]
    )
    assert [one["address"] for one in record["members"]] == [ANN, BOB]
    assert (record["people"], record["managers"]) == (2, [])
    await office.do("department.join", department=SALES, persons=[ANN], title="Head", manager=True)
    record = await office.do("department.join", department=SALES, persons=[ANN])
    assert record["members"][0] == {
        "address": ANN,
        "name": "ann",
        "title": "Head",
        "manager": True,
        "disabled": False,
    }
    assert record["managers"] == [ANN]
    record = await office.do("department.leave", department=SALES, persons=[ANN, ANN])
    assert [one["address"] for one in record["members"]] == [BOB]


@pytest.mark.parametrize(
    "wrong",
    [
        {"persons": []},
        {"persons": "ann@corp.example"},
        {"persons": [7]},
        {"persons": [ANN, "nobody@corp.example"]},
        {"persons": [ANN], "title": "x" * 300},
        {"persons": [ANN], "department": "Nothing"},
        {"persons": [ANN], "manager": "yes"},
        {"persons": [ANN] * (PERSONS_LIMIT + 1)},
    ],
)
async def test_who_cannot_join(office: Organisation, wrong: dict[str, Any]):
    with pytest.raises(UsageError):
        await office.do("department.join", **{"department": SALES, **wrong})
    assert (await office.do("department.show", department=SALES))["members"] == []


async def test_all_who_leave_must_be_there(office: Organisation):
    await office.do("department.join", department=SALES, persons=[ANN])
    with pytest.raises(UsageError, match=r"bob@corp\.example: is not in sales@corp\.example"):
        await office.do("department.leave", department=SALES, persons=[ANN, BOB])
    assert (await office.do("department.show", department=SALES))["people"] == 1


async def test_a_department_is_renamed_and_moved(office: Organisation):
    await office.do("department.add", department="World")
    record = await office.do("department.set", department=SALES, name="Vertrieb", parent="World")
    assert (record["name"], record["parent"]) == ("Vertrieb", "world@corp.example")
    record = await office.do("department.set", department="Vertrieb", parent="")
    assert (record["name"], record["parent"]) == ("Vertrieb", None)
    with pytest.raises(UsageError, match="below it"):
        await office.do("department.set", department=SALES, parent=SALES)


async def test_a_department_with_people_is_removed_only_when_that_is_said(office: Organisation):
    await office.do("department.join", department=SALES, persons=[ANN, BOB])
    with pytest.raises(UsageError, match=r"still has people \(2\)"):
        await office.do("department.remove", department=SALES)
    record = await office.do("department.remove", department=SALES, members=True)
    assert record["people"] == 2
    assert await office.do("department.list") == []
    assert office.directory.person(ANN) is not None


async def test_an_empty_department_is_removed_unless_there_are_others_below(office: Organisation):
    await office.do("department.add", department="Export", parent="Sales")
    with pytest.raises(UsageError, match="below it first"):
        await office.do("department.remove", department="Sales")
    await office.do("department.remove", department="Export")
    await office.do("department.remove", department="Sales")
    with pytest.raises(UsageError, match="Sales: there is no such department"):
        await office.do("department.remove", department="Sales")


async def test_the_progress_of_many_is_told(office: Organisation):
    told: list[tuple[int, int]] = []
    await perform(
        office.desk,
        "department.join",
        {"department": SALES, "persons": [ANN, BOB]},
        lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]
