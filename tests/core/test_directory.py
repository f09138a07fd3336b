"""Persons and departments: what is refused, what is told, and that memory and store agree."""

import asyncio

import pytest

from clarion.core.chart import TREE_DEPTH_LIMIT
from clarion.core.directory import SEARCH_LIMIT, Directory
from clarion.core.events import (
    DepartmentChanged,
    DepartmentRemoved,
    PersonChanged,
    PersonDeleted,
    PersonDisabled,
)
from clarion.lib.errors import DeniedError, UnavailableError, UsageError
from clarion.store.people import DatabasePeople
from fakes.organisation import DOMAIN, Organisation


async def test_a_person_is_added_shown_and_told(house: Organisation):
    house.listen(PersonChanged)
    person = await house.directory.add_person(
        " Ann@CORP.example",
        name="Ann Smith",
        phone="+49 30 123456",
        language="de",
        time_zone="Europe/Berlin",
        admin=True,
    )
    assert (person.address, person.phone, person.admin) == ("ann@corp.example", "+4930123456", True)
    assert house.directory.person("ann@corp.example") == person
    assert house.directory.by_number(person.number) == person
    assert house.told == [PersonChanged(person)]


async def test_the_store_holds_what_memory_shows(house: Organisation):
    directory = house.directory
    await directory.add_person("ann@corp.example", name="Ann")
    await directory.add_person("bob@corp.example")
    await directory.disable("bob@corp.example")
    await directory.add_department("sales@corp.example", "Sales")
    await directory.add_department("export@corp.example", parent="sales@corp.example")
    await directory.join("ann@corp.example", "export@corp.example", title="Head", manager=True)

    again = Directory(DatabasePeople(house.database), house.bus, DOMAIN)
    await again.load()

    assert again.persons() == directory.persons()
    assert again.departments() == directory.departments()
    ann = again.require_person("ann@corp.example")
    export = again.require_department("export@corp.example")
    assert again.departments_of(ann) == [export]
    assert again.members(export) == [ann]
    membership = again.membership(ann, export)
    assert membership is not None
    assert (membership.title, membership.manager) == ("Head", True)


async def test_new_persons_get_the_organisations_language_and_time_zone(house: Organisation):
    directory = Directory(
        DatabasePeople(house.database), house.bus, DOMAIN, language="ja", time_zone="Asia/Tokyo"
    )
    person = await directory.add_person("ann@corp.example")
    assert (person.name, person.language, person.time_zone) == ("ann", "ja", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ann@other.example", "serves corp.example, not other.example"),
        ("ann", "has no @"),
        ("a b@corp.example", "not allowed"),
        ("@corp.example", "empty"),
    ],
)
async def test_an_address_must_be_one_of_ours(house: Organisation, address: str, reason: str):
    with pytest.raises(UsageError) as refused:
        await house.directory.add_person(address)
    assert reason in str(refused.value)
    assert house.directory.persons() == []


async def test_persons_and_departments_share_one_name_space(house: Organisation):
    await house.directory.add_person("ann@corp.example")
    await house.directory.add_department("sales@corp.example")
    with pytest.raises(UsageError, match="there is a person with this address already"):
        await house.directory.add_department("ANN@corp.example")
    with pytest.raises(UsageError, match="there is a department with this address already"):
        await house.directory.add_person("sales@corp.example")
    with pytest.raises(UsageError, match="there is a person"):
        await house.directory.add_person("ann@corp.example")


async def test_two_at_once_cannot_take_one_address(house: Organisation):
    outcomes = await asyncio.gather(
        house.directory.add_person("ann@corp.example"),
        house.directory.add_person("Ann@corp.example"),
        house.directory.add_department("ann@corp.example"),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, UsageError) for outcome in outcomes) == 2
    assert len(house.directory.persons()) + len(house.directory.departments()) == 1


async def test_a_change_changes_only_what_is_given(house: Organisation):
    before = await house.directory.add_person("ann@corp.example", phone="+4930123456", admin=True)
    house.listen(PersonChanged)
    after = await house.directory.change_person("ann@corp.example", name="Ann")
    assert (after.name, after.phone, after.admin) == ("Ann", "+4930123456", True)
    assert after.number == before.number
    await house.directory.change_person("ann@corp.example", name="Ann")
    assert house.told == [PersonChanged(after)]  # the second change changed nothing


async def test_two_changes_at_once_lose_nothing(house: Organisation):
    await house.directory.add_person("ann@corp.example")
    await asyncio.gather(
        house.directory.change_person("ann@corp.example", name="Ann"),
        house.directory.change_person("ann@corp.example", language="de"),
    )
    person = house.directory.require_person("ann@corp.example")
    assert (person.name, person.language) == ("Ann", "de")


async def test_disabling_is_told_once_and_enabling_lets_in_again(house: Organisation):
    await house.directory.add_person("ann@corp.example")
    house.listen(PersonChanged, PersonDisabled)
    disabled = await house.directory.disable("ann@corp.example")
    await house.directory.disable("ann@corp.example")
    assert house.told == [PersonChanged(disabled), PersonDisabled(disabled)]
    enabled = await house.directory.enable("ann@corp.example")
    assert not enabled.disabled
    assert house.told[2:] == [PersonChanged(enabled)]


async def test_listeners_find_the_new_state(house: Organisation):
    seen: list[str] = []

    def look(event: PersonChanged) -> None:
        person = house.directory.person(event.person.address)
        assert person is not None
        seen.append(person.name)

    house.bus.subscribe(PersonChanged, look)
    await house.directory.add_person("ann@corp.example", name="Ann")
    await house.directory.change_person("ann@corp.example", name="Ann Smith")
    assert seen == ["Ann", "Ann Smith"]


async def test_what_the_store_refuses_changes_nothing(house: Organisation):
    await house.directory.add_person("ann@corp.example", name="Ann")
    house.listen(PersonChanged)
    house.database.fail_next(UnavailableError("full"), times=2)
    with pytest.raises(UnavailableError):
        await house.directory.add_person("bob@corp.example")
    with pytest.raises(UnavailableError):
        await house.directory.change_person("ann@corp.example", name="Other")
    assert [person.name for person in house.directory.persons()] == ["Ann"]
    assert house.told == []


async def test_unknown_names_are_refused_by_name(house: Organisation):
    await house.directory.add_person("ann@corp.example")
    with pytest.raises(UsageError, match=r"bob@corp\.example: there is no such person"):
        await house.directory.disable("bob@corp.example")
    with pytest.raises(UsageError, match=r"sales@corp\.example: there is no such department"):
        await house.directory.join("ann@corp.example", "sales@corp.example")


async def test_the_tree_has_no_circles(house: Organisation):
    directory = house.directory
    for name, parent in (("a", None), ("b", "a"), ("c", "b")):
        above = f"{parent}@corp.example" if parent else None
        await directory.add_department(f"{name}@corp.example", parent=above)
    for below in ("a", "b", "c"):
        with pytest.raises(UsageError, match="is this department or one below it"):
            await directory.move_department("a@corp.example", f"{below}@corp.example")
    await directory.move_department("c@corp.example", "a@corp.example")
    top = directory.require_department("a@corp.example")
    assert [one.address for one in directory.children(top)] == ["b@corp.example", "c@corp.example"]
    await directory.move_department("b@corp.example", None)
    assert [one.address for one in directory.children(None)] == ["a@corp.example", "b@corp.example"]


async def test_the_tree_has_a_depth(house: Organisation):
    directory = house.directory
    parent = None
    for level in range(TREE_DEPTH_LIMIT):
        parent = (await directory.add_department(f"d{level}@corp.example", parent=parent)).address
    with pytest.raises(UsageError, match="more than 32 levels"):
        await directory.add_department("deep@corp.example", parent=parent)
    await directory.add_department("other@corp.example")
    with pytest.raises(UsageError, match="more than 32 levels"):
        await directory.move_department("d0@corp.example", "other@corp.example")


async def test_a_department_is_renamed(house: Organisation):
    await house.directory.add_department("sales@corp.example", "Sales")
    house.listen(DepartmentChanged)
    renamed = await house.directory.rename_department("sales@corp.example", "Sales & Support")
    assert renamed.name == "Sales & Support"
    assert house.directory.department("sales@corp.example") == renamed
    assert house.directory.department_by_number(renamed.number) == renamed
    assert house.told == [DepartmentChanged(renamed)]


async def test_people_join_and_leave(house: Organisation):
    directory = house.directory
    ann = await directory.add_person("ann@corp.example")
    sales = await directory.add_department("sales@corp.example")
    house.listen(DepartmentChanged)
    await directory.join("ann@corp.example", "sales@corp.example", title=" Head  of sales")
    membership = directory.membership(ann, sales)
    assert membership is not None
    assert membership.title == "Head of sales"
    assert directory.members(sales) == [ann]
    await directory.leave("ann@corp.example", "sales@corp.example")
    await directory.leave("ann@corp.example", "sales@corp.example")
    assert directory.members(sales) == []
    assert directory.departments_of(ann) == []
    assert house.told == [DepartmentChanged(sales)] * 3


async def test_managers_are_those_of_the_nearest_department_above(house: Organisation):
    directory = house.directory
    for name in ("ann", "bob", "cai"):
        await directory.add_person(f"{name}@corp.example")
    await directory.add_department("all@corp.example")
    await directory.add_department("sales@corp.example", parent="all@corp.example")
    await directory.join("ann@corp.example", "all@corp.example", manager=True)
    await directory.join("bob@corp.example", "sales@corp.example", manager=True)
    await directory.join("cai@corp.example", "sales@corp.example")

    def managers(name: str) -> list[str]:
        person = directory.require_person(f"{name}@corp.example")
        return [one.address.partition("@")[0] for one in directory.managers_of(person)]

    assert managers("cai") == ["bob"]
    assert managers("bob") == ["ann"]  # nobody manages themselves
    assert managers("ann") == []


async def test_search_finds_parts_of_names_and_addresses(house: Organisation):
    directory = house.directory
    await directory.add_person("ann@corp.example", name="Ann Müller")
    await directory.add_person("mueller@corp.example", name="Bob")
    await directory.add_person("cai@corp.example", name="Joanna")
    await directory.add_person("gone@corp.example", name="Annika")
    await directory.disable("gone@corp.example")

    def found(text: str) -> list[str]:
        return [person.name for person in directory.search(text)]

    assert found("ANN") == ["Ann Müller", "Joanna"]  # those who begin with it come first
    assert found("müll") == ["Ann Müller"]
    assert found("muell") == ["Bob"]
    assert found("nobody") == []
    assert len(directory.search("", limit=2)) == 2
    assert len(directory.search("", limit=SEARCH_LIMIT * 2)) == 3


async def test_search_has_a_limit(house: Organisation):
    for number in range(SEARCH_LIMIT + 1):
        await house.directory.add_person(f"p{number}@corp.example")
    assert len(house.directory.search("p", limit=1000)) == SEARCH_LIMIT


async def test_a_department_is_removed_with_its_memberships(house: Organisation):
    directory = house.directory
    ann = await directory.add_person("ann@corp.example")
    sales = await directory.add_department("sales@corp.example", "Sales")
    await directory.add_department("export@corp.example", parent="sales@corp.example")
    await directory.join("ann@corp.example", "sales@corp.example")
    house.listen(DepartmentChanged, DepartmentRemoved)
    with pytest.raises(UsageError, match=r"below it first: export@corp\.example"):
        await directory.remove_department("sales@corp.example")
    await directory.remove_department("export@corp.example")
    house.told.clear()
    assert await directory.remove_department(" Sales@CORP.example") == sales
    assert house.told == [DepartmentRemoved(sales)]
    assert directory.departments() == []
    assert directory.departments_of(ann) == []
    assert directory.department_by_number(sales.number) is None
    await directory.add_person("sales@corp.example")  # its address is free again
    again = Directory(DatabasePeople(house.database), house.bus, DOMAIN)
    await again.load()
    assert again.departments() == []
    with pytest.raises(UsageError, match="no such department"):
        await directory.remove_department("sales@corp.example")


async def test_what_the_store_cannot_remove_stays(house: Organisation):
    await house.directory.add_department("sales@corp.example")
    house.listen(DepartmentRemoved)
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.directory.remove_department("sales@corp.example")
    assert house.directory.department("sales@corp.example") is not None
    assert house.told == []


async def test_active_members_up_to_so_many(house: Organisation):
    directory = house.directory
    sales = await directory.add_department("sales@corp.example")
    for name in ("cai", "bob", "ann"):
        await directory.add_person(f"{name}@corp.example")
        await directory.join(f"{name}@corp.example", "sales@corp.example")
    await directory.disable("bob@corp.example")

    def active(most: int) -> list[str] | None:
        found = directory.active_members(sales, most)
        return None if found is None else [one.name for one in found]

    assert (active(1), active(2), active(3)) == (None, ["ann", "cai"], ["ann", "cai"])


async def test_a_deleted_person_leaves_the_directory_and_frees_the_address(house: Organisation):
    directory = house.directory
    sales = await directory.add_department("sales@corp.example")
    await directory.add_person("bob@corp.example")
    ann = await directory.add_person("ann@corp.example")
    await directory.join("ann@corp.example", "sales@corp.example")
    await directory.join("bob@corp.example", "sales@corp.example")
    house.listen(PersonDeleted, DepartmentChanged)
    assert await directory.delete(" Ann@CORP.example") == ann
    assert house.told == [PersonDeleted(ann), DepartmentChanged(sales)]
    assert directory.person("ann@corp.example") is None
    assert directory.by_number(ann.number) is None
    assert [person.name for person in directory.members(sales)] == ["bob"]
    assert directory.departments_of(ann) == []
    again = await directory.add_person("ann@corp.example")
    assert again.number > ann.number
    with pytest.raises(UsageError, match="no such person"):
        await directory.delete("cai@corp.example")


async def test_what_must_be_read_before_a_person_goes_is_read_first(house: Organisation):
    directory = house.directory
    ann = await directory.add_person("ann@corp.example")
    seen: list[tuple[object, bool]] = []

    async def look(person: object) -> None:
        seen.append((person, directory.person("ann@corp.example") is not None))

    directory.before_delete(look)
    await directory.delete("ann@corp.example")
    assert seen == [(ann, True)]


async def test_a_person_who_cannot_be_deleted_stays(house: Organisation):
    ann = await house.directory.add_person("ann@corp.example")
    house.listen(PersonDeleted)
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.directory.delete("ann@corp.example")
    assert house.directory.person("ann@corp.example") == ann
    assert house.told == []


async def test_a_password_goes_with_the_person(house: Organisation):
    ann = await house.directory.add_person("ann@corp.example")
    await house.identity.set_password(ann, "old")
    assert await house.identity.check_plain("ann@corp.example", "old") == ann
    await house.directory.delete("ann@corp.example")
    await house.directory.add_person("ann@corp.example")
    with pytest.raises(DeniedError):
        await house.identity.check_plain("ann@corp.example", "old")
