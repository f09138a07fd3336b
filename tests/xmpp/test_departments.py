"""Departments as rosters show them: teams, their digests and what is remembered of changes."""

import pytest

from clarion.config.model import Config
from clarion.core.events import PoliciesChanged
from clarion.core.model import DepartmentNumber, Person, PersonNumber
from clarion.store.people import DatabasePeople
from clarion.xmpp import departments as module
from clarion.xmpp.departments import CHANGES_KEPT, Departments, Team
from fakes.organisation import DOMAIN, Directory, Organisation


@pytest.fixture
async def house():
    organisation = Organisation()
    for name in ("ann", "bob", "cai", "dee"):
        await organisation.directory.add_person(f"{name}@{DOMAIN}")
    yield organisation
    organisation.close()


async def sales(house: Organisation, *people: str, name: str = "sales") -> None:
    address = f"{name}@{DOMAIN}"
    if house.directory.department(address) is None:
        await house.directory.add_department(address, name.capitalize())
    for person in people:
        await house.directory.join(f"{person}@{DOMAIN}", address)


def members(departments: Departments, name: str) -> list[list[str]]:
    teams = departments.of(f"{name}@{DOMAIN}")
    return [[address.partition("@")[0] for address in team.members] for team in teams]


def team(*people: tuple[str, str], name: str = "Sales", number: int = 1) -> Team:
    return Team(
        DepartmentNumber(number),
        name,
        [Person(PersonNumber(0), address, text) for address, text in people],
    )


async def test_members_are_the_direct_ones_who_are_not_disabled(house: Organisation):
    departments = Departments(house.directory, house.bus, 300)
    await sales(house, "ann", "bob", "cai")
    await house.directory.add_department(f"export@{DOMAIN}", parent=f"sales@{DOMAIN}")
    await house.directory.join(f"dee@{DOMAIN}", f"export@{DOMAIN}")
    await house.directory.disable(f"cai@{DOMAIN}")
    assert members(departments, "ann") == [["ann", "bob"]]
    assert members(departments, "dee") == [["dee"]]
    assert members(departments, "cai") == []
    assert members(departments, "nobody") == []


async def test_all_members_share_one_team_and_names_are_the_directorys(house: Organisation):
    departments = Departments(house.directory, house.bus, 300)
    await sales(house, "ann", "bob")
    (of_ann,), (of_bob,) = (departments.of(f"{name}@{DOMAIN}") for name in ("ann", "bob"))
    assert of_ann is of_bob
    await house.directory.change_person(f"bob@{DOMAIN}", name="Bob Baker")
    (after,) = departments.of(f"ann@{DOMAIN}")
    assert after is not of_ann
    assert (after.name, after.members[f"bob@{DOMAIN}"]) == ("Sales", "Bob Baker")
    assert of_ann.members[f"bob@{DOMAIN}"] == "bob"  # frozen: rosters compare the two


@pytest.mark.parametrize(("size", "expected"), [(3, [["ann", "bob", "cai"]]), (2, []), (0, [])])
async def test_a_department_above_the_size_is_in_no_roster(
    house: Organisation, size: int, expected: list[list[str]]
):
    departments = Departments(house.directory, house.bus, size)
    await sales(house, "ann", "bob", "cai")
    assert members(departments, "ann") == expected


async def test_the_size_can_change_at_run_time(house: Organisation):
    departments = Departments(house.directory, house.bus, 2)
    await sales(house, "ann", "bob", "cai")
    assert members(departments, "ann") == []
    told: list[set[str]] = []
    departments.listen(lambda concerned: told.append(set(concerned)))
    for size in (3, 3):
        config = Config.model_validate({"domain": DOMAIN, "directory": {"roster_size": size}})
        house.bus.publish(PoliciesChanged(config, ("directory.roster_size",)))
    assert members(departments, "ann") == [["ann", "bob", "cai"]]
    assert told == [{f"{name}@{DOMAIN}" for name in ("ann", "bob", "cai")}]


async def test_departments_can_come_into_rosters_at_run_time(house: Organisation):
    await sales(house, "ann", "bob")
    departments = Departments(house.directory, house.bus, 0)  # as after a restart
    assert members(departments, "ann") == []
    told: list[set[str]] = []
    departments.listen(lambda concerned: told.append(set(concerned)))
    config = Config.model_validate({"domain": DOMAIN, "directory": {"roster_size": 2}})
    house.bus.publish(PoliciesChanged(config, ("directory.roster_size",)))
    assert told == [{f"{name}@{DOMAIN}" for name in ("ann", "bob")}]


async def test_everybody_concerned_is_told_of_a_change_and_of_no_other(house: Organisation):
    departments = Departments(house.directory, house.bus, 300)
    told: list[list[str]] = []
    departments.listen(
        lambda concerned: told.append([one.partition("@")[0] for one in sorted(concerned)])
    )
    await sales(house, "ann", "bob")
    assert told.pop() == ["ann", "bob"]
    told.clear()
    await house.directory.join(f"ann@{DOMAIN}", f"sales@{DOMAIN}", title="Head", manager=True)
    await house.directory.change_person(f"ann@{DOMAIN}", language="de")
    await house.directory.change_person(f"cai@{DOMAIN}", name="Cai")
    assert told == []  # no roster shows it
    await house.directory.rename_department(f"sales@{DOMAIN}", "Vertrieb")
    await house.directory.leave(f"bob@{DOMAIN}", f"sales@{DOMAIN}")
    await house.directory.disable(f"ann@{DOMAIN}")
    assert told == [["ann", "bob"], ["ann", "bob"], ["ann"]]


async def test_a_department_that_is_removed_is_forgotten(house: Organisation):
    departments = Departments(house.directory, house.bus, 300)
    await sales(house, "ann", "bob")
    assert members(departments, "ann")
    told: list[list[str]] = []
    departments.listen(lambda concerned: told.append(sorted(concerned)))
    await house.directory.remove_department(f"sales@{DOMAIN}")
    assert told == [[f"ann@{DOMAIN}", f"bob@{DOMAIN}"]]
    assert members(departments, "ann") == []


async def test_who_is_deleted_is_in_no_team(house: Organisation):
    departments = Departments(house.directory, house.bus, 300)
    await sales(house, "ann", "bob")
    assert members(departments, "ann") == [["ann", "bob"]]
    await house.directory.delete(f"bob@{DOMAIN}")
    assert members(departments, "ann") == [["ann"]]


async def test_a_digest_is_the_same_after_a_restart_and_another_after_every_change(
    house: Organisation,
):
    directory, ann = house.directory, f"ann@{DOMAIN}"
    departments = Departments(directory, house.bus, 300)
    await sales(house, "ann", "bob")
    digests = [departments.of(ann)[0].digest]
    again = Directory(DatabasePeople(house.database), house.bus, DOMAIN)
    await again.load()
    assert Departments(again, house.bus, 300).of(ann)[0].digest == digests[0]
    await directory.join(f"cai@{DOMAIN}", f"sales@{DOMAIN}")
    digests.append(departments.of(ann)[0].digest)
    await directory.change_person(f"cai@{DOMAIN}", name="Cai")
    digests.append(departments.of(ann)[0].digest)
    await directory.rename_department(f"sales@{DOMAIN}", "Vertrieb")
    digests.append(departments.of(ann)[0].digest)
    assert len(set(digests)) == 4


async def test_changes_since_an_earlier_state(house: Organisation):
    departments = Departments(house.directory, house.bus, 300)
    await sales(house, "ann", "bob")
    (start,) = departments.of(f"ann@{DOMAIN}")
    assert departments.changed_since(start, start.digest) == ()
    assert departments.changed_since(start, "0123456789ab") is None
    await sales(house, "cai")
    (middle,) = departments.of(f"ann@{DOMAIN}")
    await house.directory.change_person(f"bob@{DOMAIN}", name="Bob Baker")
    (end,) = departments.of(f"ann@{DOMAIN}")
    assert departments.changed_since(end, start.digest) == {f"bob@{DOMAIN}", f"cai@{DOMAIN}"}
    assert departments.changed_since(end, middle.digest) == {f"bob@{DOMAIN}"}
    # As it was before: the way there and back is remembered, and the nearer place counts.
    await house.directory.change_person(f"bob@{DOMAIN}", name="bob")
    (back,) = departments.of(f"ann@{DOMAIN}")
    assert back.digest == middle.digest
    assert departments.changed_since(back, start.digest) == {f"bob@{DOMAIN}", f"cai@{DOMAIN}"}


async def test_what_was_in_no_roster_for_a_while_is_not_remembered(house: Organisation):
    departments = Departments(house.directory, house.bus, 2)
    await sales(house, "ann", "bob")
    (start,) = departments.of(f"ann@{DOMAIN}")
    await sales(house, "cai")
    await house.directory.leave(f"bob@{DOMAIN}", f"sales@{DOMAIN}")
    (now,) = departments.of(f"ann@{DOMAIN}")
    assert departments.changed_since(now, start.digest) is None


async def test_so_many_changes_are_remembered(house: Organisation, monkeypatch: pytest.MonkeyPatch):
    assert CHANGES_KEPT == 100
    monkeypatch.setattr(module, "CHANGES_KEPT", 2)
    departments = Departments(house.directory, house.bus, 300)
    await sales(house, "ann", "bob")
    digests = []
    for number in range(3):
        digests.append(departments.of(f"ann@{DOMAIN}")[0].digest)
        await house.directory.change_person(f"bob@{DOMAIN}", name=f"Bob {number}")
    (now,) = departments.of(f"ann@{DOMAIN}")
    assert departments.changed_since(now, digests[0]) is None
    assert departments.changed_since(now, digests[1]) == {f"bob@{DOMAIN}"}


def test_two_states_differ_in_who_came_went_or_has_another_name():
    before = team(("a@x", "A"), ("b@x", "B"), ("c@x", "C"))
    after = team(("b@x", "B"), ("c@x", "Cc"), ("d@x", "D"))
    assert set(before.differences(after)) == {"a@x", "c@x", "d@x"}
    assert set(before.differences(before)) == set()
    renamed = team(("a@x", "A"), ("b@x", "B"), ("c@x", "C"), name="Other")
    assert set(before.differences(renamed)) == {"a@x", "b@x", "c@x"}


def test_a_digest_does_not_mix_up_names_and_addresses():
    assert team(("a@x", "b@x\nB")).digest != team(("a@x", "b@x")).digest
    assert team(("a@x", "A"), name="S").digest != team(("a@x", "S"), name="A").digest
