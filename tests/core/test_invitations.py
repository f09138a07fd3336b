"""Invitations: limits, times, and what is kept of them."""

from dataclasses import replace

import pytest

from clarion.core import invitations as module
from clarion.core.invitations import (
    DAY,
    DAYS_LIMIT,
    KEPT_DAYS,
    TOKEN_BYTES,
    InvitationError,
    Invitations,
    named_department,
)
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store.invitations import DatabaseInvitations
from fakes.organisation import DOMAIN, Organisation

BOB = f"bob@{DOMAIN}"


async def loaded(house: Organisation) -> Invitations:
    fresh = Invitations(DatabaseInvitations(house.database), house.directory, house.clock, bytes)
    await fresh.load()
    return fresh


async def test_a_token_is_told_once_and_its_digest_is_kept(house: Organisation):
    token, made = await house.invitations.invite(None, address=BOB, name="Bob")
    assert len(token) == TOKEN_BYTES * 8 // 5
    assert token.isalnum()
    assert token not in repr(made)
    assert token not in str(await house.database.read("SELECT * FROM invitation"))
    fresh = await loaded(house)
    assert fresh.check(f" {token.upper()}\n") == made
    assert fresh.waiting() == [made]


async def test_why_a_token_opens_nothing(house: Organisation):
    token, made = await house.invitations.invite(None)
    other, _ = await house.invitations.invite(None, days=1)
    with pytest.raises(InvitationError, match="no such invitation"):
        house.invitations.check("something else")
    await house.invitations.claim(made)
    for place in (house.invitations, await loaded(house)):
        with pytest.raises(InvitationError, match="used already"):
            place.check(token)
    house.clock.advance(DAY)
    with pytest.raises(InvitationError, match="expired"):
        house.invitations.check(other)


@pytest.mark.parametrize("days", [0, DAYS_LIMIT + 1])
async def test_days_have_limits(house: Organisation, days: int):
    with pytest.raises(UsageError, match=str(DAYS_LIMIT)):
        await house.invitations.invite(None, days=days)


async def test_only_so_many_wait(house: Organisation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "INVITATIONS_LIMIT", 2)
    for _ in range(2):
        await house.invitations.invite(None, days=1)
    with pytest.raises(UsageError, match="there are 2 invitations"):
        await house.invitations.invite(None)
    house.clock.advance(DAY)
    await house.invitations.invite(None)


async def test_an_address_is_kept_until_it_expires(house: Organisation):
    await house.invitations.invite(None, address=BOB, days=1)
    with pytest.raises(UsageError, match="kept for somebody"):
        await house.directory.add_person(BOB)
    with pytest.raises(UsageError, match="kept for somebody"):
        await house.invitations.invite(None, address=BOB)
    house.clock.advance(DAY)
    await house.directory.add_person(BOB)
    with pytest.raises(UsageError, match="a person with this address"):
        await house.invitations.invite(None, address=BOB)


async def test_what_was_given_back_can_be_used(house: Organisation):
    token, made = await house.invitations.invite(None, address=BOB)
    await house.invitations.claim(made)
    with pytest.raises(InvitationError, match="used already"):
        await house.invitations.claim(made)
    assert not house.invitations.holds(BOB)
    await house.invitations.give_back(made)
    assert house.invitations.holds(BOB)
    assert house.invitations.check(token) == made
    assert (await loaded(house)).check(token) == made


async def test_what_the_store_cannot_keep_did_not_happen(house: Organisation):
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.invitations.invite(None, address=BOB)
    assert house.invitations.waiting() == []
    assert not house.invitations.holds(BOB)
    token, made = await house.invitations.invite(None, address=BOB)
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.invitations.claim(made)
    assert house.invitations.check(token) == made
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.invitations.withdraw(made.id)
    assert house.invitations.check(token) == made


async def test_what_is_withdrawn_opens_nothing(house: Organisation):
    token, made = await house.invitations.invite(None, address=BOB)
    for wrong in ("", "00000000", made.digest.hex()):
        with pytest.raises(UsageError, match="no such invitation"):
            await house.invitations.withdraw(wrong)
    await house.invitations.withdraw(made.id)
    with pytest.raises(InvitationError, match="no such"):
        house.invitations.check(token)
    with pytest.raises(InvitationError):
        await house.invitations.claim(made)
    await house.directory.add_person(BOB)
    assert (await loaded(house)).waiting() == []


async def test_old_ones_are_forgotten(house: Organisation):
    token, _ = await house.invitations.invite(None, days=1)
    house.clock.advance(KEPT_DAYS * DAY)
    await house.invitations.invite(None)
    with pytest.raises(InvitationError, match="expired"):
        house.invitations.check(token)
    house.clock.advance(DAY)
    await house.invitations.invite(None)
    with pytest.raises(InvitationError, match="no such"):
        house.invitations.check(token)
    assert await house.database.read("SELECT count(*) FROM invitation") == [(2,)]


async def test_departments_by_name(house: Organisation):
    sales = await house.directory.add_department(f"sales@{DOMAIN}", "Sales North")
    assert named_department(house.directory, " ") is None
    assert named_department(house.directory, " sales  NORTH ") == sales
    assert named_department(house.directory, f"sales@{DOMAIN}") == sales
    with pytest.raises(UsageError, match="there is none"):
        named_department(house.directory, "Support")
    await house.directory.add_department(f"two@{DOMAIN}", "Sales North")
    with pytest.raises(UsageError, match="there are 2"):
        named_department(house.directory, "Sales North")


async def test_the_verbs(house: Organisation):
    made = await house.do("person.invite", address=BOB, name="Bob", days=2)
    assert made["uri"].startswith(f"xmpp:{BOB}?register;preauth=")
    assert (made["link"], made["inviter"], made["department"]) == (None, None, None)
    (listed,) = await house.do("person.invitation.list")
    assert listed == {key: value for key, value in made.items() if key not in {"uri", "link"}}
    house.desk = replace(house.desk, public="https://chat.corp.example")
    other = await house.do("person.invite")
    token = other["uri"].partition("preauth=")[2]
    assert other["link"] == f"https://chat.corp.example/invite/#{token}"
    gone = await house.do("person.invitation.withdraw", id=made["id"])
    assert gone["id"] == made["id"]
    assert [one["id"] for one in await house.do("person.invitation.list")] == [other["id"]]
    entries = str(await house.database.read("SELECT * FROM audit"))
    assert "person.invite" in entries
    assert token not in entries
    house.desk = replace(house.desk, invitations=None)
    with pytest.raises(UsageError, match="off"):
        await house.do("person.invite")
