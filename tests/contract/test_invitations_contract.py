"""Every engine keeps invitations the same way."""

from dataclasses import replace

from clarion.core.invitations import Invitation
from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.store.invitations import DatabaseInvitations
from clarion.store.people import DatabasePeople


async def test_invitations_come_back_oldest_first(database: Database):
    people = DatabasePeople(database)
    ann = await people.add_person(Person(PersonNumber(0), "ann@corp.example", "Ann"))
    store = DatabaseInvitations(database)
    assert list(await store.load()) == []
    newer = Invitation(b"2" * 32, ann.number, "", "", "", 20.0, 30.0)
    older = Invitation(b"3" * 32, None, "bob@corp.example", "Bob", "s@corp.example", 10.0, 30.0)
    older = replace(older, befriend=True)
    for invitation in (newer, older):
        await store.put(invitation)
    assert list(await store.load()) == [older, newer]
    used = replace(older, used=15.0)
    await store.put(used)
    assert list(await store.load()) == [used, newer]
    await store.remove([])
    await store.remove([used.digest, b"4" * 32])
    assert list(await store.load()) == [newer]
    await people.delete_person(ann.number)
    assert list(await store.load()) == []
