"""XEP-0357 for rooms: members who are not there are told, or only when they are named."""

from collections.abc import Sequence

import pytest

from clarion.core.push import Device
from clarion.core.rooms import Affiliated, Affiliation, Room, RoomConfig
from clarion.xmpp.push_decision import PAUSE
from clarion.xmpp.rooms.waking import AT_ONCE
from fakes.world import DOMAIN, ROOMS, FakeClient, World, world

ROOM = f"tea@{ROOMS}"
ENTRY = "<x xmlns='http://jabber.org/protocol/muc'/>"
BLOCKING = "urn:xmpp:blocking"
PUBSUB = "{http://jabber.org/protocol/pubsub}pubsub"
CSI = "urn:xmpp:csi:0"
SM = "urn:xmpp:sm:3"


async def made(here: World, members: Sequence[str] = ("bob",), **config: object) -> Room:
    given = [Affiliated(f"ann@{DOMAIN}", Affiliation.OWNER)]
    given += [Affiliated(f"{name}@{DOMAIN}", Affiliation.MEMBER) for name in members]
    return await here.book.create(ROOM, RoomConfig(persistent=True, **config), given)  # type: ignore[arg-type]  # settings by name


async def telephone(here: World, name: str) -> None:
    """Somebody has a push service, under a node of their own name."""
    person = here.directory.person(f"{name}@{DOMAIN}")
    assert person is not None
    await here.devices.enable(Device(person.number, f"app@{DOMAIN}/push", name))


async def enter(here: World, name: str, nick: str = "", resource: str = "desk") -> FakeClient:
    client = await here.log_in(name, resource)
    await client.send(f"<presence/><presence to='{ROOM}/{nick or name}'>{ENTRY}</presence>")
    return client


async def say(client: FakeClient, body: str = "hello", more: str = "") -> None:
    await client.send(f"<message to='{ROOM}' type='groupchat'><body>{body}</body>{more}</message>")


async def told(app: FakeClient) -> list[str]:
    """Return whose telephones were told; the push service takes it."""
    found = []
    for iq in app.read():
        publish = iq.find(f"{PUBSUB}/{{http://jabber.org/protocol/pubsub}}publish")
        if publish is not None:
            found.append(publish.get("node") or "")
            await app.send(f"<iq type='result' id='{iq.get('id')}' to='{DOMAIN}'/>")
    return sorted(found)


async def test_members_who_are_not_there_are_told_and_nobody_else():
    async with world("ann", "bob", "cai", "eve", "app") as here:
        await made(here, ("bob", "cai"))
        for name in ("ann", "bob", "eve"):
            await telephone(here, name)
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        await say(ann)
        assert await told(app) == ["bob"]


async def test_a_client_elsewhere_has_not_what_is_said_in_the_room():
    async with world("ann", "bob", "app") as here:
        await made(here)
        await telephone(here, "bob")
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        bob = await here.log_in("bob", "desk")
        await bob.send("<presence/>")
        await say(ann)
        assert await told(app) == ["bob"]


async def test_who_is_in_the_room_and_looks_is_not_told():
    async with world("ann", "bob", "app") as here:
        await made(here)
        await telephone(here, "bob")
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        bob = await enter(here, "bob")
        await say(ann)
        assert await told(app) == []
        await bob.send(f"<inactive xmlns='{CSI}'/>")
        await say(ann)
        assert await told(app) == ["bob"]
        await bob.send(f"<active xmlns='{CSI}'/>")
        await here.advance(2 * PAUSE)
        await say(ann)
        assert await told(app) == []


@pytest.mark.parametrize("member", [True, False])
async def test_who_is_in_the_room_without_a_connection_is_told_once(member: bool):
    async with world("ann", "bob", "app") as here:
        await made(here, ("bob",) if member else ())
        await telephone(here, "bob")
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        bob = await enter(here, "bob")
        await bob.send(f"<enable xmlns='{SM}' resume='true'/>")
        await bob.hang_up()
        await say(ann)
        assert await told(app) == ["bob"]
        await here.advance(2 * PAUSE)
        assert await told(app) == []  # it was counted once


async def test_what_is_not_kept_or_not_read_is_not_told():
    async with world("ann", "bob", "app") as here:
        room = await made(here)
        await telephone(here, "bob")
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        await say(ann, more="<no-store xmlns='urn:xmpp:hints'/>")
        state = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
        await ann.send(f"<message to='{ROOM}' type='groupchat'>{state}</message>")
        assert await told(app) == []
        await here.book.configure(room, RoomConfig(persistent=True, archived=False))
        await say(ann)
        assert await told(app) == []


async def test_only_those_who_are_named_where_the_room_says_so():
    reference = "<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:{}'/>"
    async with world("ann", "bob", "app") as here:
        room = await made(here, mention_push=True)
        bobby = Affiliated(f"bob@{DOMAIN}", Affiliation.MEMBER, "Bobby")
        await here.book.affiliate(room, [bobby], "")
        await telephone(here, "bob")
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        await say(ann, "hello everybody")
        assert await told(app) == []
        person = here.directory.person(f"bob@{DOMAIN}")
        assert person is not None
        (device,) = here.devices.of(person.number)
        assert [one.what for one in here.devices.record(device.key)] == ["held back"]
        named = [
            ("Bobby, are you there?", ""),
            ("what does bob say?", ""),
            (f"write to bob@{DOMAIN}", ""),
            ("x", reference.format(f"bob@{DOMAIN}")),
        ]
        for body, more in named:
            await here.advance(2 * PAUSE)
            await say(ann, body, more)
            assert await told(app) == ["bob"], body
        bob = await enter(here, "bob", "bee")
        await bob.send(f"<inactive xmlns='{CSI}'/>")
        for body, more in (("bee!", ""), ("x", reference.format(f"{ROOM}/bee"))):
            await here.advance(2 * PAUSE)
            await say(ann, body, more)
            assert await told(app) == ["bob"], body


async def test_members_and_telephones_that_come_and_go():
    async with world("ann", "bob", "cai", "app") as here:
        room = await made(here)
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        await say(ann)
        await telephone(here, "cai")
        await say(ann)
        assert await told(app) == []
        await telephone(here, "bob")
        await say(ann)
        assert await told(app) == ["bob"]
        cai = Affiliated(f"cai@{DOMAIN}", Affiliation.MEMBER)
        await here.book.affiliate(room, [cai], "")
        await here.book.affiliate(room, [Affiliated(f"bob@{DOMAIN}", Affiliation.NONE)], "")
        await here.advance(2 * PAUSE)
        await say(ann)
        assert await told(app) == ["cai"]
        person = here.directory.person(f"cai@{DOMAIN}")
        assert person is not None
        await here.devices.disable([one.key for one in here.devices.of(person.number)])
        await here.advance(2 * PAUSE)
        await say(ann)
        assert await told(app) == []


async def test_whoever_has_blocked_the_room_is_not_told():
    async with world("ann", "bob", "app") as here:
        await made(here)
        await telephone(here, "bob")
        bob = await here.log_in("bob", "desk")
        item = f"<item jid='{ROOM}'/>"
        await bob.send(f"<iq type='set' id='b'><block xmlns='{BLOCKING}'>{item}</block></iq>")
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        await say(ann)
        assert await told(app) == []


async def test_many_are_told_in_turns():
    names = [f"p{number}" for number in range(AT_ONCE + 5)]
    async with world("ann", "app") as here:
        for name in names:
            await here.directory.add_person(f"{name}@{DOMAIN}")
        await made(here, names)
        for name in names:
            await telephone(here, name)
        app, ann = await here.log_in("app", "push"), await enter(here, "ann")
        await say(ann)
        assert len(await told(app)) == len(names)
