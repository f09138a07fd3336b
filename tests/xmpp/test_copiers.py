"""Who gets copies, and what a copy says about what has reached the person."""

from xml.etree.ElementTree import Element

from clarion.wire.xml import parse
from clarion.wire.xmpp.acks import Outbound
from clarion.wire.xmpp.names import CLIENT
from clarion.xmpp.copiers import ANSWERABLE_LIMIT
from clarion.xmpp.ext.carbons import carbons
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.hints import hints
from clarion.xmpp.ext.offline import offline
from clarion.xmpp.ext.stanza_ids import stanza_ids
from clarion.xmpp.ext.stream_management import stream_management, took
from clarion.xmpp.sent import NAME_LIMIT
from clarion.xmpp.session import BACKLOG_LIMIT, Backlog, Token
from fakes.household import DOMAIN, Client, Household, household

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
EXTENSIONS = (carbons, hints, stanza_ids, offline, delay, stream_management)
ENABLE = "<enable xmlns='urn:xmpp:carbons:2'/>"
STATE = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"


def chat(name: str, to: str, inner: str = "<body>hi</body>", kind: str = "chat") -> str:
    return f"<message to='{to}' type='{kind}' id='{name}'>{inner}</message>"


def got(client: Client) -> list[tuple[str, str]]:
    """Return, once, how each message came to a client, and its id."""
    return [how(parse(raw, CLIENT)) for raw in client.line.take() if raw.startswith(b"<message")]


def how(message: Element) -> tuple[str, str]:
    for direction in ("sent", "received"):
        inner = message.find(
            f"{{urn:xmpp:carbons:2}}{direction}/{{urn:xmpp:forward:0}}forwarded/{{{CLIENT}}}message"
        )
        if inner is not None:
            return direction, inner.get("id", "")
    return "itself", message.get("id", "")


async def copying(
    house: Household, name: str, resource: str, priority: int | None = 0, *, counts: bool = False
) -> Client:
    client = await house.log_in(name, resource, priority)
    if priority is not None:
        client.session.presence = b"<presence/>"
    await client.context.entity.catch_up(client.session)
    if counts:
        client.session.outbound = Outbound[Token](limit_bytes=100_000, limit_count=100)
    assert b"result" in await client.ask("set", ENABLE)
    return client


def acknowledge(client: Client) -> None:
    outbound = client.session.outbound
    assert outbound is not None
    took(client.context, outbound.acknowledge(outbound.send_count))


async def test_nobody_who_wants_copies_costs_one_look():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        assert ann.context.entity.copiers is None
        await ann.ask("set", ENABLE)
        await ann.ask("set", ENABLE)
        assert ann.context.entity.copiers is not None
        await ann.ask("set", "<disable xmlns='urn:xmpp:carbons:2'/>")
        assert ann.context.entity.copiers is None


async def test_what_people_send_to_themselves_is_copied_once():
    async with household(*EXTENSIONS) as house:
        phone, desk, tablet = [
            await copying(house, "ann", resource) for resource in ("phone", "desk", "tablet")
        ]
        told = await phone.say(chat("m1", f"{ANN}/desk"))
        assert told == []
        assert (got(desk), got(tablet)) == ([("itself", "m1")], [("received", "m1")])
        told = await phone.say(chat("m2", ANN))
        assert [how(parse(raw, CLIENT)) for raw in told] == [("itself", "m2")]
        assert (got(desk), got(tablet)) == ([("itself", "m2")], [("itself", "m2")])


async def test_an_acknowledged_copy_has_reached_the_person():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        phone = await copying(house, "bob", "phone", counts=True)
        desk = await copying(house, "bob", "desk", counts=True)
        reach = phone.context.entity.reach
        await ann.say(chat("m1", f"{BOB}/phone"))
        assert got(desk) == [("received", "m1")]
        acknowledge(desk)
        reach.ended(phone.session.id)  # the phone never comes back
        assert reach.waiting_above is None


async def test_a_copy_for_those_who_take_no_messages_is_a_courtesy():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        phone = await copying(house, "bob", "phone", counts=True)
        robot = await copying(house, "bob", "robot", -1, counts=True)
        reach = phone.context.entity.reach
        await ann.say(chat("m1", BOB))
        assert (got(phone), got(robot)) == ([("itself", "m1")], [("received", "m1")])
        acknowledge(robot)
        reach.ended(phone.session.id)
        assert reach.waiting_above is not None


async def test_what_waits_is_copied_only_to_those_who_will_not_get_it_themselves():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        robot = await copying(house, "bob", "robot", -1, counts=True)
        quiet = await copying(house, "bob", "quiet", None, counts=True)
        await ann.say(chat("m1", BOB))
        await ann.say(chat("m2", BOB, STATE))
        assert got(robot) == [("received", "m1"), ("received", "m2")]
        assert got(quiet) == [("received", "m2")]  # that one waits for nobody
        acknowledge(robot)
        assert robot.context.entity.reach.waiting_above is not None


async def test_copies_queue_behind_what_is_read_from_the_archive():
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await copying(house, "bob", "phone")
        desk = await copying(house, "bob", "desk")
        desk.session.catching_up = Backlog()
        await ann.say(chat("m0", f"{BOB}/phone", STATE))
        assert got(desk) == [("received", "m0")]
        for number in range(BACKLOG_LIMIT):
            await ann.say(chat(f"m{number}", f"{BOB}/phone"))
        assert got(desk) == []
        assert desk.session.catching_up.full
        await ann.say(chat("late", f"{BOB}/phone"))
        assert got(desk) == [("received", "late")]  # rather out of order than never


async def test_what_waits_in_the_queue_goes_as_the_copy_that_it_is():
    async with household(*EXTENSIONS) as house:
        await house.store(f"{ANN}/x", BOB, "old")
        ann = await house.log_in("ann")
        phone = await house.log_in("bob", "phone")
        desk = await house.log_in("bob", "desk")
        await desk.ask("set", ENABLE)
        late = desk.context.entity.catch_up(desk.session)
        await ann.say(chat("new", f"{BOB}/phone"))
        assert got(phone) == [("itself", "new")]
        await late
        assert got(desk) == [("itself", ""), ("received", "new")]


async def test_a_session_that_is_over_gets_none():
    async with household(*EXTENSIONS) as house:
        ann, desk = await copying(house, "ann", "phone"), await copying(house, "ann", "desk")
        bob = await house.log_in("bob")
        desk.session.ended = True
        await ann.say(chat("m1", f"{BOB}/phone"))
        await bob.say(chat("m2", f"{ANN}/phone"))
        assert got(desk) == []


async def test_errors_are_known_by_so_many_messages_and_ids_so_long():
    assert (ANSWERABLE_LIMIT, NAME_LIMIT) == (64, 256)
    async with household(*EXTENSIONS) as house:
        ann, desk = await copying(house, "ann", "phone"), await copying(house, "ann", "desk")
        bob = await house.log_in("bob")
        names = [f"m{number}" for number in range(ANSWERABLE_LIMIT + 1)]
        for name in [*names, "x" * NAME_LIMIT, "y" * (NAME_LIMIT + 1)]:
            await ann.say(chat(name, f"{BOB}/phone", STATE))
        got(desk)
        for name in ("m0", "m1", "m2", "x" * NAME_LIMIT, "y" * (NAME_LIMIT + 1), ""):
            await bob.say(chat(name, f"{ANN}/phone", "<error type='cancel'/>", "error"))
        assert [name for _, name in got(desk)] == ["m2", "x" * NAME_LIMIT]
        assert len(got(ann)) == 6


async def test_the_servers_refusal_of_what_was_never_copied_is_not_copied():
    async with household(*EXTENSIONS) as house:
        ann, desk = await copying(house, "ann", "phone"), await copying(house, "ann", "desk")
        assert len(await ann.say(chat("m1", f"nobody@{DOMAIN}"))) == 1
        assert got(desk) == []
