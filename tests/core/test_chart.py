"""The chart alone: what it shows after each change, and how far up and down it looks."""

import pytest

from clarion.core.chart import TREE_DEPTH_LIMIT, Chart
from clarion.core.model import Department, DepartmentNumber, Membership, Person, PersonNumber
from clarion.lib.errors import UsageError


def person(number: int, name: str, *, disabled: bool = False) -> Person:
    return Person(PersonNumber(number), f"{name}@corp.example", name, disabled=disabled)


def department(number: int, above: int | None = None) -> Department:
    parent = None if above is None else DepartmentNumber(above)
    return Department(DepartmentNumber(number), f"d{number}@corp.example", f"D{number}", parent)


def member(who: Person, where: Department, *, manager: bool = False) -> Membership:
    return Membership(who.number, where.number, manager=manager)


ANN, BOB = person(1, "ann"), person(2, "bob", disabled=True)
TOP, LOW = department(1), department(2, above=1)


@pytest.fixture
def chart() -> Chart:
    chart = Chart()
    for one in (BOB, ANN):
        chart.put_person(one)
    for each in (TOP, LOW):
        chart.put_department(each)
    chart.put_membership(member(ANN, LOW))
    chart.put_membership(member(BOB, LOW))
    return chart


def test_members_are_shown_from_both_sides(chart: Chart):
    assert chart.members(LOW) == [ANN, BOB]
    assert chart.departments_of(ANN) == [LOW]
    assert chart.memberships_of(ANN.number) == (member(ANN, LOW),)
    assert chart.active_members(LOW, 1) == [ANN]
    assert chart.active_members(LOW, 0) is None


def test_a_person_goes_with_all_memberships(chart: Chart):
    assert chart.drop_person(ANN) == [LOW]
    assert chart.members(LOW) == [BOB]
    assert ANN.address not in chart.persons
    assert ANN.number not in chart.person_of


def test_a_department_goes_with_all_memberships(chart: Chart):
    chart.drop_department(LOW)
    assert chart.departments_of(ANN) == []
    assert chart.membership(BOB, LOW) is None
    assert chart.children(TOP) == []
    assert chart.drop_person(ANN) == []


def test_a_membership_that_is_not_there_may_be_dropped(chart: Chart):
    chart.drop_membership(ANN, TOP)
    chart.drop_membership(ANN, LOW)
    assert chart.members(LOW) == [BOB]


def test_nobody_is_their_own_manager(chart: Chart):
    chart.put_membership(member(ANN, LOW, manager=True))
    assert chart.managers_of(ANN) == []
    chart.put_membership(member(BOB, TOP, manager=True))
    assert chart.managers_of(ANN) == [BOB]
    assert chart.managers_of(BOB) == [ANN]


def test_the_tree_has_no_circle_and_a_depth():
    chart = Chart()
    chain = [department(at, above=at - 1 or None) for at in range(1, TREE_DEPTH_LIMIT + 1)]
    for one in chain:
        chart.put_department(one)
    assert chart.upwards(chain[-1]) == chain[::-1]
    chart.check_leaf("new@corp.example", chain[-2])
    with pytest.raises(UsageError, match="32 levels"):
        chart.check_leaf("new@corp.example", chain[-1])
    with pytest.raises(UsageError, match="this department or one below it"):
        chart.check_branch(chain[0], chain[-1])
    other = department(99)
    chart.put_department(other)
    with pytest.raises(UsageError, match="32 levels"):
        chart.check_branch(chain[0], other)
    chart.check_branch(chain[1], other)
