"""Marks in rooms: whose move, who is told of them, and what else says that somebody has read."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from clarion.core.ledger import State
from clarion.core.rooms import Affiliated, Affiliation, RoomConfig
from clarion.xmpp.rooms.rates import PERSON_BURST
from fakes.world import DOMAIN, ROOMS, FakeClient, World, world

ROOM = f"tea@{ROOMS}"
ANN, BOB, CAI = (f"{name}@{DOMAIN}" for name in ("ann", "bob", "cai"))
SID = "{urn:xmpp:sid:0}stanza-id"
SM = "urn:xmpp:sm:3"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


@asynccontextmanager
async def tea() -> AsyncGenerator[tuple[World, FakeClient, FakeClient]]:
    """A room of ann, bob and cai, with ann and bob in it; their clients know XEP-0198."""
    async with world("ann", "bob", "cai") as here:
        members = [Affiliated(ANN, Affiliation.OWNER)]
        members += [Affiliated(one, Affiliation.MEMBER) for one in (BOB, CAI)]
        await here.book.create(ROOM, RoomConfig(persistent=True), members)
        clients = []
        for name in ("ann", "bob"):
            client = await here.log_in(name)
            await client.send(f"<enable xmlns='{SM}'/>")
            await enter(client, name)
            clients.append(client)
        clients[0].read()
        yield here, clients[0], clients[1]


async def enter(client: FakeClient, nick: str) -> None:
    x = "<x xmlns='http://jabber.org/protocol/muc'/>"
    await client.send(f"<presence to='{ROOM}/{nick}'>{x}</presence>")
    client.read()


async def say(here: World, client: FakeClient, inner: str, name: str = "m") -> None:
    await client.send(f"<message to='{ROOM}' type='groupchat' id='{name}'>{inner}</message>")
    await here.settle()


def heard(client: FakeClient) -> str:
    """Return the stanza-id of the one message that came with a body."""
    (message,) = [one for one in client.read() if one.find("{jabber:client}body") is not None]
    return message.findall(SID)[-1].get("id", "")


async def states(here: World, sealed: str) -> dict[str, State]:
    await here.archive.settled()
    entries = await here.ledger.show_item(here.services.seal.open(sealed))
    return {entry.reader.partition("@")[0]: entry.state for entry in entries}


def marker(sealed: str) -> str:
    return f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{sealed}'/>"


async def test_a_marker_moves_its_senders_mark_and_is_told():
    async with tea() as (here, ann, bob):
        await say(here, ann, "<body>Tea?</body>")
        sealed = heard(bob)
        ann.read()
        await say(here, bob, marker(sealed))
        assert [one.get("from") for one in ann.read()] == [f"{ROOM}/bob"]
        assert await states(here, sealed) == {"bob": State.READ, "cai": State.SENT}


@pytest.mark.parametrize("most", [0, 2])
async def test_in_a_room_with_more_people_it_only_counts(most: int):
    async with tea() as (here, ann, bob):
        here.services.relay_marks = most
        await say(here, ann, "<body>Tea?</body>")
        sealed = heard(bob)
        ann.read()
        await say(here, bob, marker(sealed))
        assert ann.read() == []
        assert (await states(here, sealed))["bob"] is State.READ


async def test_marks_are_rate_limited_where_nobody_is_told_too():
    async with tea() as (here, ann, bob):
        here.services.relay_marks = 0
        await say(here, ann, "<body>Tea?</body>")
        sealed = heard(bob)
        for _ in range(int(PERSON_BURST) + 1):
            await bob.send(f"<message to='{ROOM}' type='groupchat'>{marker(sealed)}</message>")
        errors = [one for one in bob.read() if one.get("type") == "error"]
        assert len(errors) == 1
        assert (
            errors[0].find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}policy-violation") is not None
        )


async def test_who_is_no_member_and_what_was_said_elsewhere_move_nothing():
    async with tea() as (here, ann, bob):
        await say(here, ann, "<body>Tea?</body>")
        sealed = heard(bob)
        await here.book.affiliate(here.book.all()[0], [Affiliated(BOB, Affiliation.NONE)], ANN)
        await say(here, bob, marker(sealed))
        await say(here, bob, marker("no-stanza-id"))
        other = here.services.seal.seal(here.mint.item())
        await here.book.affiliate(here.book.all()[0], [Affiliated(BOB, Affiliation.MEMBER)], ANN)
        await say(here, bob, marker(other))
        assert await states(here, sealed) == {"bob": State.SENT, "cai": State.SENT}


async def test_a_mark_reaches_what_the_room_has_forgotten():
    async with tea() as (here, ann, bob):
        await say(here, ann, "<body>Tea?</body>", "old")
        sealed = heard(bob)
        for number in range(101):
            await say(here, ann, f"<body>{number}</body>", f"m{number}")
        await say(here, bob, marker(sealed))
        await here.settle()
        assert (await states(here, sealed))["bob"] is State.READ


async def test_a_reply_reads_what_had_reached_the_session_that_replies():
    async with tea() as (here, ann, bob):
        await say(here, ann, "<body>Tea?</body>", "m1")
        first = heard(bob)
        await bob.send(
            f"<a xmlns='{SM}' h='{bob.connection.context.session.outbound.send_count}'/>"
        )
        await say(here, ann, "<body>Or coffee?</body>", "m2")
        second = heard(bob)  # it is on its way, and not acknowledged
        await say(here, bob, "<body>Tea.</body>", "m3")
        assert (await states(here, first))["bob"] is State.READ
        assert (await states(here, second))["bob"] is State.SENT


async def test_what_ones_devices_tell_each_other_counts_with_the_servers_help():
    async with tea() as (here, ann, bob):
        await say(here, ann, "<body>Tea?</body>")
        sealed = heard(bob)
        ann.read()
        stamp = f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='{sealed}'/>"
        shown = f"<displayed xmlns='urn:xmpp:mds:displayed:0'>{stamp}</displayed>"
        await say(here, bob, f"<body>Yes</body>{shown}", "m2")
        assert (await states(here, sealed))["bob"] is State.READ
        (message,) = [one for one in ann.read() if one.find("{jabber:client}body") is not None]
        assert message.find("{urn:xmpp:mds:displayed:0}displayed") is None
