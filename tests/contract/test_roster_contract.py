"""What every engine promises of ``xmpp.roster.RosterStore``."""

import pytest

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.lib.errors import UsageError
from clarion.store import roster as layout
from clarion.store.people import DatabasePeople
from clarion.store.roster import CHANGES_KEPT, DatabaseRosters
from clarion.xmpp.roster import Roster, RosterItem

BOB = RosterItem(
    "bob@corp.example",
    "B\u00f6b",
    "both",
    ask=True,
    approved=True,
    pending_in=b"<presence/>",
    listed=False,
    groups=("Friends", 'W\u00f6rk, "1"'),
)
CAI = RosterItem("cai@corp.example")


@pytest.fixture
async def ann(database: Database) -> PersonNumber:
    person = Person(PersonNumber(0), "ann@corp.example", "Ann")
    return (await DatabasePeople(database).add_person(person)).number


@pytest.fixture
def rosters(database: Database) -> DatabaseRosters:
    return DatabaseRosters(database)


async def test_items_come_back_as_they_were(rosters: DatabaseRosters, ann: PersonNumber):
    assert await rosters.load(ann) == Roster(0, [])
    await rosters.put(ann, BOB, 1)
    await rosters.put(ann, CAI, 2)
    roster = await rosters.load(ann)
    assert roster.version == 2
    assert sorted(roster.items, key=lambda item: item.contact) == [BOB, CAI]


async def test_an_item_is_replaced_and_removed(rosters: DatabaseRosters, ann: PersonNumber):
    await rosters.put(ann, BOB, 1)
    await rosters.put(ann, RosterItem(BOB.contact), 2)
    assert await rosters.load(ann) == Roster(2, [RosterItem(BOB.contact)])
    await rosters.remove(ann, BOB.contact, 3)
    await rosters.remove(ann, "nobody@corp.example", 4)
    assert await rosters.load(ann) == Roster(4, [])


async def test_changes_come_in_order_each_contact_once(rosters: DatabaseRosters, ann: PersonNumber):
    assert await rosters.changed_since(ann, 0) == []
    await rosters.put(ann, BOB, 1)
    await rosters.put(ann, CAI, 2)
    await rosters.put(ann, BOB, 3)
    await rosters.remove(ann, "dan@corp.example", 4)
    assert await rosters.changed_since(ann, 0) == [CAI.contact, BOB.contact, "dan@corp.example"]
    assert await rosters.changed_since(ann, 2) == [BOB.contact, "dan@corp.example"]
    assert await rosters.changed_since(ann, 4) == []


async def test_the_log_goes_back_so_far_and_no_farther(
    database: Database,
    rosters: DatabaseRosters,
    ann: PersonNumber,
    monkeypatch: pytest.MonkeyPatch,
):
    assert CHANGES_KEPT == 1_000
    monkeypatch.setattr(layout, "CHANGES_KEPT", 3)
    for version in range(1, 6):
        await rosters.put(ann, RosterItem(f"c{version}@corp.example"), version)
    assert await rosters.changed_since(ann, 1) is None
    assert await rosters.changed_since(ann, 2) == [f"c{n}@corp.example" for n in (3, 4, 5)]
    assert await database.read("SELECT count(*) FROM roster_change") == [(3,)]


async def test_a_version_from_the_future_is_not_known(rosters: DatabaseRosters, ann: PersonNumber):
    await rosters.put(ann, BOB, 1)
    assert await rosters.changed_since(ann, 2) is None


async def test_a_roster_belongs_to_a_person(rosters: DatabaseRosters):
    with pytest.raises(UsageError, match="no such person"):
        await rosters.put(PersonNumber(99), BOB, 1)
