"""Many persons at once: every fault is told before anything is done."""

import asyncio
from typing import Any

import pytest

from clarion.admin import importing
from clarion.admin.importing import PERSONS_LIMIT
from clarion.admin.verbs import perform
from clarion.lib.errors import UnavailableError, UsageError
from fakes.organisation import Organisation


async def test_people_departments_and_managers_are_made(house: Organisation):
    done = await house.do(
        "person.import",
        persons=[
            {"address": "Ann@corp.example", "department": "Sales", "manager": "yes"},
            {"address": "bob@corp.example", "department": "Sales", "title": "Seller"},
            {"address": "cai@corp.example", "department": "IT", "manager": "bob@corp.example"},
            {"address": "dan@corp.example", "password": "secret", "name": "Dan", "manager": None},
        ],
    )
    assert done == {
        "added": 4,
        "changed": 0,
        "departments": ["sales@corp.example", "it@corp.example"],
    }
    assert await house.identity.check_plain("dan@corp.example", "secret")

    def managers(address: str) -> list[str]:
        department = house.directory.require_department(address)
        return [person.address for person in house.directory.managers(department)]

    assert managers("sales@corp.example") == ["ann@corp.example"]
    assert managers("it@corp.example") == ["bob@corp.example"]


async def test_every_fault_is_told_with_its_line_and_nothing_is_done(house: Organisation):
    await house.directory.add_person("ann@corp.example")
    before = len(house.database.writes)
    with pytest.raises(UsageError) as refused:
        await house.do(
            "person.import",
            persons=[
                {"line": 2, "address": "ann@corp.example"},
                {"line": 3, "address": "", "name": "x" * 300},
                {"line": 4, "address": "bob@other.example", "phone": "030", "language": "??"},
                {"line": 6, "address": "cai@corp.example", "manager": "maybe", "department": "a"},
                {"line": 7, "address": "CAI@corp.example", "password": "\0"},
                {"line": 8, "address": "dan@corp.example", "title": "Head"},
                {"line": 9, "address": "eve@corp.example", "department": "dan@corp.example"},
                {"line": 10, "address": "fay@corp.example", "colour": "blue", "name": 7},
                {"line": 11, "address": "g@corp.example", "department": "a"}
                | {"manager": "no.one@corp.example"},
                {"line": 12, "address": "h@corp.example", "department": "ann@corp.example"},
            ],
        )
    assert str(refused.value).splitlines() == [
        "line 2: ann@corp.example: there is a person with this address already",
        "line 3: address: missing",
        "line 3: name: at most 256 characters, got 300",
        "line 4: bob@other.example: this server serves corp.example, not other.example",
        "line 4: phone: '030' must start with '+' and the country code, e.g. '+4930123456'",
        "line 4: language: '??' is no BCP 47 tag such as 'de', 'zh-Hans' or 'en-US'",
        "line 6: manager: write yes, no or a person's address, not 'maybe'",
        "line 7: cai@corp.example: in line 6 already",
        "line 7: the password holds a character that is not allowed",
        "line 8: title and manager belong to a department, and none is given",
        "line 9: department: dan@corp.example is a person's address",
        "line 10: no such column: colour",
        "line 10: name: must be a text",
        "line 11: manager: there is no person no.one@corp.example",
        "line 12: department: ann@corp.example: there is a person with this address already",
    ]
    assert len(house.database.writes) == before


async def test_a_dry_run_does_nothing(house: Organisation):
    persons = [{"address": "ann@corp.example", "department": "Sales"}]
    done = await house.do("person.import", persons=persons, dry=True)
    assert done == {"added": 0, "changed": 0, "departments": []}
    assert house.database.writes == []


async def test_update_changes_who_is_there_and_keeps_what_is_not_said(house: Organisation):
    await house.do("person.add", address="ann@corp.example", name="Ann", phone="+4930123456")
    await house.do("person.set", address="ann@corp.example", department="Sales", title="Head")
    done = await house.do(
        "person.import",
        update=True,
        persons=[
            {"address": "ann@corp.example", "name": "", "department": "Sales", "password": "new"},
            {"address": "bob@corp.example"},
        ],
    )
    assert (done["added"], done["changed"]) == (1, 1)
    ann = await house.do("person.show", address="ann@corp.example")
    assert (ann["name"], ann["phone"]) == ("Ann", "+4930123456")
    assert ann["departments"][0]["title"] == "Head"
    assert await house.identity.check_plain("ann@corp.example", "new")


async def test_progress_is_told_up_to_the_end(house: Organisation):
    told: list[tuple[int, int]] = []
    persons = [{"address": f"p{number}@corp.example"} for number in range(40)]
    await perform(
        house.desk, "person.import", {"persons": persons}, lambda *step: told.append(step)
    )
    assert told[-1] == (40, 40)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


async def test_a_store_that_gives_up_says_how_far_it_came(house: Organisation):
    persons = [{"address": f"p{number}@corp.example"} for number in range(100)]
    put = house.database.put
    count = 0

    def limited(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == 30:
            house.database.fail_next(UnavailableError("the store is full"))
        return put(*arguments)

    house.database.put = limited  # type: ignore[method-assign]
    with pytest.raises(UnavailableError, match=r"the store is full; \d+ of 100 persons were"):
        await house.do("person.import", persons=persons)
    assert 29 <= len(house.directory.persons()) < 100
    done = await house.do("person.import", persons=persons, update=True)
    assert done["added"] + done["changed"] == 100


async def test_the_loop_goes_on_while_a_thousand_are_imported(house: Organisation):
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.get_running_loop().create_task(count())
    persons = [{"address": f"p{number}@corp.example", "password": "x"} for number in range(1000)]
    await house.do("person.import", persons=persons)
    others.cancel()
    assert len(house.directory.persons()) == 1000
    assert turns > 1000  # others had at least a turn per person


async def test_an_import_has_a_limit(house: Organisation, monkeypatch: pytest.MonkeyPatch):
    assert PERSONS_LIMIT == 20_000
    monkeypatch.setattr(importing, "PERSONS_LIMIT", 2)
    persons = [{"address": f"p{number}@corp.example"} for number in range(3)]
    with pytest.raises(UsageError, match="at most 2 persons in one import, got 3"):
        await house.do("person.import", persons=persons)
