"""The person entity: who gets what, and catching up with what waited."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from clarion.config.server import LimitsConfig
from clarion.core.archive import Item, ThreadId, room_thread
from clarion.core.ledger import State
from clarion.core.model import PersonNumber
from clarion.core.ports import ItemRef, Parcel
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import FIRST, ItemId
from clarion.wire.xml import parse
from clarion.wire.xmpp.acks import Outbound
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.stream_management import stream_management, took
from clarion.xmpp.person import CATCH_UP_BYTES, CATCH_UP_PAGE, CATCH_UP_RETRY
from clarion.xmpp.session import BACKLOG_LIMIT, Token
from fakes.household import DOMAIN, Client, Household, household, settle
from fakes.world import HEADER, FakeClient, world

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
EXTENSIONS = (delay, stream_management)


class Gate:
    """Holds reads of what waits until it is opened; ``fail`` is raised instead of an answer."""

    def __init__(self, house: Household) -> None:
        self.reads = 0
        self.fail: Exception | None = None
        self._open = asyncio.Event()
        self._open.set()
        archive: Any = house.services.archive
        self._read = archive.incoming_after
        archive.incoming_after = self._incoming_after

    def shut(self) -> None:
        self._open.clear()

    async def open(self) -> None:
        self._open.set()
        await settle()

    async def _incoming_after(
        self, owner: PersonNumber, after: ItemId, limit: int
    ) -> Sequence[Item]:
        self.reads += 1
        await self._open.wait()
        if self.fail is not None:
            raise self.fail
        read: Sequence[Item] = await self._read(owner, after, limit)
        return read


def bodies(client: Client) -> list[str]:
    """Return, once, the bodies that a client was sent."""
    stanzas = [parse(raw, CLIENT) for raw in client.line.take() if raw.startswith(b"<message")]
    return [stanza.findtext(f"{{{CLIENT}}}body") or "" for stanza in stanzas]


def chat(body: str, to: str = BOB) -> str:
    return f"<message to='{to}' type='chat'><body>{body}</body></message>"


def begin(house: Household, client: Client) -> None:
    """Let a client catch up, without waiting for it."""
    house.services.crew.errand(client.context.entity.catch_up(client.session), name="catching up")


def counts(client: Client, stanzas: int = 2000, size_bytes: int = 1_000_000) -> None:
    """Turn on XEP-0198."""
    client.session.outbound = Outbound[Token](limit_bytes=size_bytes, limit_count=stanzas)


def acknowledge(client: Client) -> None:
    """Acknowledge everything the client was sent."""
    outbound = client.session.outbound
    assert outbound is not None
    took(client.context, outbound.acknowledge(outbound.send_count))


def end(client: Client) -> None:
    """End a session as the lifecycle does."""
    entity = client.context.entity
    entity.sessions = {k: s for k, s in entity.sessions.items() if s is not client.session}
    client.session.ended = True
    entity.reach.ended(client.session.id)
    client.session.moved()


# -- catching up -----------------------------------------------------------------------


@pytest.mark.parametrize("waiting", [0, 1, CATCH_UP_PAGE, CATCH_UP_PAGE + 1, 3 * CATCH_UP_PAGE])
async def test_all_that_waits_comes_once_and_in_order(waiting: int):
    async with household(*EXTENSIONS) as house:
        for number in range(waiting):
            await house.store(f"{ANN}/x", BOB, str(number))
        bob = await house.log_in("bob")
        await bob.context.entity.catch_up(bob.session)
        assert bodies(bob) == [str(number) for number in range(waiting)]
        await bob.context.entity.catch_up(bob.session)
        assert bodies(bob) == []


async def test_what_is_large_waits_for_a_client_that_reads_slowly():
    async with household(*EXTENSIONS) as house:
        for number in range(5):
            await house.store(f"{ANN}/x", BOB, str(number) * (CATCH_UP_BYTES // 2))
        bob = await house.log_in("bob")
        reads = asyncio.Event()
        bob.line.drained = reads.wait  # type: ignore[method-assign,assignment]  # a slow client
        begin(house, bob)
        await settle()
        assert len(bodies(bob)) == 2
        reads.set()
        await settle()
        assert len(bodies(bob)) == 3


async def test_what_comes_meanwhile_comes_after_and_once():
    async with household(*EXTENSIONS) as house:
        for number in range(CATCH_UP_PAGE + 20):
            await house.store(f"{ANN}/x", BOB, str(number))
        gate = Gate(house)
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        gate.shut()
        begin(house, bob)
        await ann.say(chat("before the first page"))
        await gate.open()
        await ann.say(chat("after all"))
        numbers = [str(number) for number in range(CATCH_UP_PAGE + 20)]
        assert bodies(bob) == [*numbers, "before the first page", "after all"]


async def test_what_comes_in_the_very_turn_waits_its_turn():
    async with household(*EXTENSIONS) as house:
        await house.store(f"{ANN}/x", BOB, "old")
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        begin(house, bob)  # its task has not begun yet
        await ann.say(chat("new"))
        assert bodies(bob) == ["old", "new"]


async def test_more_than_fits_behind_a_catch_up_is_read_from_the_archive():
    async with household(*EXTENSIONS) as house:
        await house.store(f"{ANN}/x", BOB, "old")
        gate = Gate(house)
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        gate.shut()
        begin(house, bob)
        await settle()
        new = [str(number) for number in range(BACKLOG_LIMIT + 30)]
        for body in new:
            house.clock.advance(0.001)
            await ann.say(chat(body))
        assert bob.session.catching_up is not None
        assert len(bob.session.catching_up.stanzas) == BACKLOG_LIMIT
        await gate.open()
        assert bodies(bob) == ["old", *new]
        assert bob.session.catching_up is None


async def test_a_message_missed_by_one_is_read_by_another_that_is_catching_up_too():
    async with household(*EXTENSIONS) as house:
        await house.store(f"{ANN}/x", BOB, "old")
        gate = Gate(house)
        ann = await house.log_in("ann")
        phone, desk = await house.log_in("bob", "phone"), await house.log_in("bob", "desk")
        gate.shut()
        begin(house, phone)
        begin(house, desk)
        await settle()
        for number in range(BACKLOG_LIMIT + 1):
            house.clock.advance(0.001)
            await ann.say(chat(str(number), f"{BOB}/desk"))
        await gate.open()
        assert f"{BACKLOG_LIMIT}" in bodies(phone) + bodies(desk)


@pytest.mark.parametrize("how", ["unavailable", "ended"])
async def test_a_session_that_leaves_midway_leaves_the_rest_to_the_next(how: str):
    async with household(*EXTENSIONS) as house:
        total = 130
        for number in range(total):
            await house.store(f"{ANN}/x", BOB, str(number))
        ann, phone = await house.log_in("ann"), await house.log_in("bob", "phone")
        counts(phone, 100)
        begin(house, phone)
        await settle()
        assert len(bodies(phone)) == 50  # waits for acknowledgements
        await ann.say(chat("meanwhile"))
        if how == "ended":
            end(phone)
        else:
            phone.session.priority = None
            acknowledge(phone)
        await settle()
        assert bodies(phone) == []
        assert phone.session.catching_up is None
        desk = await house.log_in("bob", "desk")
        await desk.context.entity.catch_up(desk.session)
        first = 0 if how == "ended" else 50
        assert bodies(desk) == [*(str(number) for number in range(first, total)), "meanwhile"]


async def test_two_sessions_that_catch_up_share_what_waits_and_both_get_what_is_new():
    async with household(*EXTENSIONS) as house:
        for number in range(CATCH_UP_PAGE + 30):
            await house.store(f"{ANN}/x", BOB, str(number))
        gate = Gate(house)
        ann = await house.log_in("ann")
        phone, desk = await house.log_in("bob", "phone"), await house.log_in("bob", "desk")
        gate.shut()
        begin(house, phone)
        begin(house, desk)
        await ann.say(chat("new"))
        await gate.open()
        one, two = bodies(phone), bodies(desk)
        assert one[-1] == two[-1] == "new"
        assert sorted(one[:-1] + two[:-1], key=int) == [
            str(number) for number in range(CATCH_UP_PAGE + 30)
        ]
        for client in (phone, desk):
            client.context.entity.received(client.session, client.session.unproven)
        assert phone.context.entity.reach.level() > FIRST
        assert phone.context.entity.reach.waiting_above is None


async def test_what_one_session_holds_alone_comes_to_another_and_nothing_else_again():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        phone, desk = await house.log_in("bob", "phone"), await house.log_in("bob", "desk")
        for client in (phone, desk):
            counts(client)
            await client.context.entity.catch_up(client.session)
        await ann.say(chat("for the phone", f"{BOB}/phone"))
        for number in range(5):
            house.clock.advance(0.01)
            await ann.say(chat(str(number)))
        acknowledge(desk)
        assert bodies(desk) == [str(number) for number in range(5)]
        end(phone)
        await desk.context.entity.catch_up(desk.session)
        assert bodies(desk) == ["for the phone"]


async def test_a_session_that_waits_to_be_resumed_gets_nothing_twice():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        phone, desk = await house.log_in("bob", "phone"), await house.log_in("bob", "desk", -1)
        counts(phone)
        await phone.context.entity.catch_up(phone.session)
        phone.session.line = None
        await ann.say(chat("for the desk", f"{BOB}/desk"))
        await ann.say(chat("one"))
        end(desk)  # never acknowledged
        await phone.context.entity.catch_up(phone.session)
        assert phone.session.outbound is not None
        sent = [parse(raw, CLIENT) for raw in phone.session.outbound.unacknowledged()]
        assert sorted(s.findtext(f"{{{CLIENT}}}body") or "" for s in sent) == [
            "for the desk",
            "one",
        ]


@pytest.mark.parametrize(
    ("stanzas", "size_bytes", "body"), [(10, 1_000_000, "x"), (2000, 65_536, "x" * 20_000)]
)
async def test_a_catch_up_waits_for_room_in_the_queue(stanzas: int, size_bytes: int, body: str):
    async with household(*EXTENSIONS) as house:
        for number in range(40):
            await house.store(f"{ANN}/x", BOB, f"{number} {body}")
        bob = await house.log_in("bob")
        counts(bob, stanzas, size_bytes)
        begin(house, bob)
        seen: list[str] = []
        for _ in range(60):
            await settle()
            outbound = bob.session.outbound
            assert outbound is not None
            assert not outbound.full
            assert not bob.session.overflowed
            seen += bodies(bob)
            acknowledge(bob)
        assert [body.split()[0] for body in seen] == [str(number) for number in range(40)]


async def test_a_catch_up_waits_for_a_client_that_does_not_read():
    async with household(*EXTENSIONS) as house:
        for number in range(40):
            await house.store(f"{ANN}/x", BOB, f"{number} " + "x" * 20_000)
        bob = await house.log_in("bob")
        took_it = asyncio.Event()

        async def drained() -> None:
            await took_it.wait()

        bob.line.drained = drained  # type: ignore[method-assign]  # a client that does not read
        begin(house, bob)
        await settle()
        assert 0 < len(bodies(bob)) < 10
        took_it.set()
        await settle()
        assert len(bodies(bob)) > 30


async def test_a_store_that_fails_midway_loses_nothing():
    async with household(*EXTENSIONS) as house:
        total = 130
        for number in range(total):
            await house.store(f"{ANN}/x", BOB, str(number))
        gate = Gate(house)
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        counts(bob, 100)
        begin(house, bob)
        await settle()
        assert len(bodies(bob)) == 50
        gate.fail = UnavailableError("the disk is broken")
        await ann.say(chat("new"))
        for _ in range(2):  # the rest of the page; then the next one cannot be read
            acknowledge(bob)
            await settle()
        assert bob.session.catching_up is None
        assert bodies(bob) == [
            *(str(number) for number in range(50, 100)),
            "new",
        ]  # what comes is not held up by what waits
        await ann.say(chat("newer"))
        assert bodies(bob) == ["newer"]
        acknowledge(bob)
        reach = bob.context.entity.reach
        assert reach.waiting_above is not None
        assert reach.level() <= reach.waiting_above
        gate.fail = None
        begin(house, bob)
        await settle()
        assert bodies(bob) == [str(number) for number in range(100, total)]
        acknowledge(bob)
        assert reach.waiting_above is None


async def test_what_was_queued_for_a_session_that_ends_waits_again():
    async with household(*EXTENSIONS) as house:
        await house.store(f"{ANN}/x", BOB, "old")
        gate = Gate(house)
        ann = await house.log_in("ann")
        phone, desk = await house.log_in("bob", "phone"), await house.log_in("bob", "desk")
        gate.shut()
        begin(house, phone)
        await settle()
        await ann.say(chat("for the phone", f"{BOB}/phone"))
        end(phone)
        gate.fail = UnavailableError("gone")
        await gate.open()
        gate.fail = None
        await desk.context.entity.catch_up(desk.session)
        assert bodies(phone) == []
        assert bodies(desk) == ["old", "for the phone"]


# -- who gets what ------------------------------------------------------------------------


async def test_a_message_goes_to_all_sessions_that_take_messages():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        clients = [
            await house.log_in("bob", name, priority)
            for name, priority in (("phone", 0), ("desk", 5), ("bot", -1), ("new", None))
        ]
        await clients[0].context.entity.catch_up(clients[0].session)
        await ann.say(chat("hi"))
        assert [bodies(client) for client in clients] == [["hi"], ["hi"], [], []]
        await ann.say(chat("you", f"{BOB}/bot"))
        assert [bodies(client) for client in clients] == [[], [], ["you"], []]


async def test_presence_for_a_resource_that_is_gone_and_errors_for_all_are_dropped():
    async with household(*EXTENSIONS) as house:
        bob = await house.log_in("bob")
        bob.session.presence = b"<presence/>"
        entity = bob.context.entity
        entity.take_presence(Parcel("presence", "", ANN, "gone", b"<presence/>"))
        entity.take_presence(Parcel("presence", "error", ANN, "", b"<presence type='error'/>"))
        assert bob.line.take() == []
        entity.take_presence(Parcel("presence", "", ANN, "phone", b"<presence id='1'/>"))
        entity.take_presence(Parcel("presence", "", ANN, "", b"<presence id='2'/>"))
        assert bob.line.take() == [b"<presence id='1'/>", b"<presence id='2'/>"]
        assert entity.with_resource("gone") is None


async def test_what_is_not_kept_reaches_only_who_is_there():
    async with household(*EXTENSIONS) as house:
        bob = await house.log_in("bob")
        entity = bob.context.entity
        entity.take_message(Parcel("message", "headline", ANN, "gone", b"<message/>"))
        entity.take_message(Parcel("message", "error", ANN, "", b"<message/>"))
        assert bob.line.take() == []
        entity.take_message(Parcel("message", "headline", ANN, "", b"<message/>"))
        assert bob.line.take() == [b"<message/>"]
        assert entity.reach.level() == FIRST


# -- with real connections ---------------------------------------------------------------------


def said(client: FakeClient) -> list[str]:
    """Return, once, the bodies of the messages that came."""
    stanzas = [e for e in client.read() if e.tag == f"{{{CLIENT}}}message"]
    return [stanza.findtext(f"{{{CLIENT}}}body") or "" for stanza in stanzas]


async def test_a_session_that_overflows_takes_nothing_from_the_others_and_the_sender():
    limits = LimitsConfig(unacknowledged_stanzas=10)
    async with world("ann", "bob", limits=limits) as here:
        ann, phone, desk = (
            await here.log_in("ann"),
            await here.log_in("bob", "phone"),
            await here.log_in("bob", "desk"),
        )
        await phone.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        for client in (phone, desk):
            await client.send("<presence/>")
        ann.read()
        expected = [str(number) for number in range(15)]
        for body in expected:
            await ann.send(chat(body))
        assert phone.gone
        assert said(desk) == expected
        assert ann.read() == []
        # What only the phone had is not lost, and the desk got nothing twice.
        assert said(desk) == []


async def test_a_client_without_acknowledgements_proves_by_ping_what_it_has():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        bob.read()
        await ann.send(chat("hi"))
        assert said(bob) == ["hi"]
        await here.advance(1)
        (ping,) = bob.read()
        assert ping[0].tag == "{urn:xmpp:ping}ping"
        await ann.send(chat("behind the ping"))
        await bob.send(f"<iq type='result' id='{ping.get('id')}'/>")
        await bob.hang_up()
        again = await here.log_in("bob")
        await again.send("<presence/>")
        assert said(again) == ["behind the ping"]


async def test_who_turns_acknowledgements_on_late_still_proves_what_came_before():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        await ann.send(chat("hi"))
        await bob.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        bob.read()
        await here.advance(1)
        ping = next(e for e in bob.read() if e.tag == f"{{{CLIENT}}}iq")
        # The ping is counted like every stanza.
        await bob.send(f"<iq type='result' id='{ping.get('id')}'/><a xmlns='urn:xmpp:sm:3' h='1'/>")
        assert not bob.gone
        await bob.hang_up()
        await here.advance(here.limits.resume_time)
        again = await here.log_in("bob")
        await again.send("<presence/>")
        assert said(again) == []


async def test_a_catch_up_goes_on_over_the_resumed_connection():
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        for number in range(CATCH_UP_PAGE + 50):
            await here.advance(0.01)
            await ann.send(chat(str(number)))
        bob = await here.log_in("bob")
        await bob.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>")
        elements = bob.read()
        previous = next(e for e in elements if e.tag.endswith("enabled")).get("id")
        got = [e for e in elements if e.tag == f"{{{CLIENT}}}message"]
        assert 0 < len(got) <= CATCH_UP_PAGE
        counted = sum(e.tag.startswith(f"{{{CLIENT}}}") for e in elements)
        await bob.hang_up()
        await ann.send(chat("meanwhile"))
        again = here.connect()
        await again.send(HEADER)
        await again.authenticate("bob")
        await again.send(HEADER)
        again.read()
        await again.send(f"<resume xmlns='urn:xmpp:sm:3' previd='{previous}' h='{counted}'/>")
        bodies_ = [m.findtext(f"{{{CLIENT}}}body") for m in got]
        for _ in range(5):
            elements = again.read()
            counted += sum(e.tag.startswith(f"{{{CLIENT}}}") for e in elements)
            bodies_ += [
                e.findtext(f"{{{CLIENT}}}body") for e in elements if e.tag == f"{{{CLIENT}}}message"
            ]
            await again.send(f"<a xmlns='urn:xmpp:sm:3' h='{counted}'/>")
        numbers = [str(number) for number in range(CATCH_UP_PAGE + 50)]
        assert bodies_ == [*numbers, "meanwhile"]


async def test_a_store_that_could_not_answer_is_asked_again():
    async with household(*EXTENSIONS) as house:
        await house.store(ANN, BOB, "waited")
        gate = Gate(house)
        gate.fail = UnavailableError("locked")
        bob = await house.log_in("bob")
        house.services.crew.errand(
            bob.context.entity.deliver_waiting(bob.session), name="catching up"
        )
        await settle()
        assert bodies(bob) == []
        gate.fail = None
        house.clock.advance(CATCH_UP_RETRY)
        await settle()
        assert bodies(bob) == ["waited"]


async def test_what_was_said_in_a_room_is_known_to_have_reached_a_session_and_nothing_else():
    async with household() as house:
        bob = await house.log_in("bob")
        entity, thread = bob.context.entity, room_thread(f"tea@rooms.{DOMAIN}")
        item = ItemRef(house.services.mint.item(), thread, room=True)
        parcel = Parcel("message", "groupchat", f"tea@rooms.{DOMAIN}/ann", "x", b"<message/>", item)
        entity.take_message(replace(parcel, resource=bob.session.jid.resource))
        assert entity.reach.holders(item.item) == []
        entity.received(bob.session, [item])
        assert bob.session.reached == {ThreadId(thread): item.item}
        assert not entity.reach.has_received(item.item)
        assert not house.services.ledger.has_come(
            ThreadId(thread), entity.address, State.DELIVERED, item.item
        )
