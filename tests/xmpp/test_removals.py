"""What is left of somebody who was deleted: nothing that the next one could see."""

import pytest

from clarion.core.events import SessionsUnwanted
from clarion.lib.errors import UnavailableError
from clarion.xmpp.roster import RosterItem
from fakes.world import DOMAIN, world

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"


async def test_who_is_deleted_is_thrown_out_and_cannot_come_back():
    async with world("ann") as here:
        client = await here.log_in("ann")
        await client.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        await here.directory.delete(ANN)
        await here.settle()
        names = [element.tag.rpartition("}")[2] for element in client.read()]
        assert names == ["enabled", "error"]
        assert client.over
        again = here.connect()
        await again.send(
            "<?xml version='1.0'?><stream:stream to='corp.example' xmlns='jabber:client'"
            " xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        )
        assert (await again.authenticate("ann")).tag.endswith("failure")


async def test_a_session_that_waits_to_be_resumed_ends_too():
    async with world("ann") as here:
        client = await here.log_in("ann")
        await client.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        await client.hang_up()
        assert len(here.door.lifecycle) == 1
        await here.directory.delete(ANN)
        await here.settle()
        assert len(here.door.lifecycle) == 0


async def test_the_next_one_with_the_address_begins_with_nothing():
    async with world("ann", "bob") as here:
        old = here.directory.require_person(ANN)
        client, services = await here.log_in("ann"), here.services
        await client.send("<presence/>")
        async with services.rosters.change(old) as book:
            await book.put(RosterItem(BOB, subscription="both"), visible=True)
        await client.send(f"<message to='{BOB}' type='chat' id='m'><body>Hello</body></message>")
        await services.blocking.block(old, ["eve@corp.example"], last=lambda: None)
        await here.directory.delete(ANN)
        await here.settle()
        assert here.people.get(ANN) is None
        assert services.rosters.cached(ANN) is None
        assert services.blocking.of(ANN) is None
        await here.add("ann", "other")
        new = here.directory.require_person(ANN)
        assert new.number > old.number
        assert len(await services.rosters.book(new)) == 0
        assert list(await here.archive.recent_sent(new.number, 10)) == []
        # Bob keeps what he got.
        bob = here.directory.require_person(BOB)
        assert [item.message_id for item in await here.archive.incoming_after(
            bob.number, bytes(16), 10
        )] == ["m"]  # fmt: skip


async def test_contacts_are_told_and_keep_the_name():
    async with world("ann", "bob") as here:
        services = here.services
        ann, bob = here.directory.require_person(ANN), here.directory.require_person(BOB)
        for person, contact in ((ann, BOB), (bob, ANN)):
            async with services.rosters.change(person) as book:
                await book.put(RosterItem(contact, name="X", subscription="both"), visible=True)
        await here.directory.delete(ANN)
        await here.settle()
        item = (await services.rosters.book(bob)).get(ANN)
        assert item is not None
        assert (item.subscription, item.name, item.listed) == ("none", "X", True)


async def test_who_cannot_be_deleted_stays_as_before():
    async with world("ann") as here:
        client = await here.log_in("ann")
        here.database.fail_next(UnavailableError("the store is full"), 1_000)
        with pytest.raises(UnavailableError):
            await here.directory.delete(ANN)
        here.database._failures.clear()
        await here.settle()
        assert here.directory.person(ANN) is not None
        await client.send("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
        assert client.read()[-1].get("type") == "result"


async def test_sessions_of_somebody_who_is_not_here_can_be_unwanted():
    async with world("ann") as here:
        here.bus.publish(SessionsUnwanted(here.directory.require_person(ANN)))
        await here.settle()
        assert len(here.door.lifecycle) == 0


async def test_colleagues_lose_who_is_deleted_from_their_rosters():
    async with world("ann", "bob") as here:
        await here.directory.add_department(f"sales@{DOMAIN}", "Sales")
        for address in (ANN, BOB):
            await here.directory.join(address, f"sales@{DOMAIN}")
        client = await here.log_in("ann")
        await client.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        client.read()
        await here.directory.delete(BOB)
        await here.settle()
        items = [item for push in client.read() for item in push.iter("{jabber:iq:roster}item")]
        assert [(item.get("jid"), item.get("subscription")) for item in items] == [(BOB, "remove")]
