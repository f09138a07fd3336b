"""One connection: reading and writing, silence and goodbyes; without sockets."""

import asyncio
from xml.etree.ElementTree import Element

import pytest
from structlog.testing import capture_logs

from clarion.config.server import LimitsConfig
from clarion.core.ports import EntityId, Row, WriteOp
from clarion.wire.xmpp.stream import ServerStream
from clarion.xmpp.asking import PROOF_DELAY
from clarion.xmpp.connection import GOODBYE_SECONDS, REST_SECONDS, SETTLE_SECONDS
from clarion.xmpp.inbox import UNCOMMITTED_LIMIT
from fakes.world import DOMAIN, HEADER, FakeClient, World, world

BOB = f"bob@{DOMAIN}"
SM = "urn:xmpp:sm:3"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
ENABLE = f"<enable xmlns='{SM}' resume='true'/>"
PING = "<iq type='get' id='{}'><ping xmlns='urn:xmpp:ping'/></iq>"


def chat(body: str, to: str = BOB, inner: str = "") -> str:
    return f"<message to='{to}' type='chat'><body>{body}</body>{inner}</message>"


def names(elements: list[Element]) -> list[str]:
    """Return what came: a condition for failures and errors, else the element's name."""
    told = []
    for element in elements:
        name = element.tag.rpartition("}")[2]
        told.append(element[0].tag.rpartition("}")[2] if name in {"failure", "error"} else name)
    return told


async def knock(here: World, chunk: int = 4096) -> FakeClient:
    """Connect a client and open its stream."""
    client = here.connect(chunk=chunk)
    await client.send(HEADER)
    client.read()
    return client


# -- reading and writing --------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 7, 4096])
async def test_the_cut_of_the_bytes_changes_nothing(chunk: int):
    async with world("bob") as here:
        client = await here.log_in("bob", chunk=chunk)
        await client.send(PING.format(1) + ENABLE + PING.format(2))
        assert names(client.read()) == ["iq", "enabled", "iq", "r"]


async def test_a_client_that_does_not_read_is_cut_and_its_messages_wait():
    limits = LimitsConfig(send_queue_bytes=262_144)
    async with world("ann", "bob", limits=limits) as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        bob.transport.reads = False
        with capture_logs() as lines:
            for number in range(8):
                await ann.send(chat(f"{number} " + "x" * 50_000))
        assert bob.gone
        cut = [line for line in lines if line["event"].startswith("client does not read")]
        assert len(cut) == 1
        assert cut[0]["waiting_bytes"] > limits.send_queue_bytes
        assert not ann.gone
        again = await here.log_in("bob")
        await again.send("<presence/>")
        bodies = [e.findtext("{jabber:client}body") for e in again.read() if "message" in e.tag]
        assert [body.split()[0] for body in bodies if body] == [str(n) for n in range(8)]


async def test_who_reads_slowly_but_reads_is_not_cut():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        bob.transport.reads = False
        await ann.send(chat("x" * 100_000))
        waiting = asyncio.get_running_loop().create_task(bob.connection.drained())
        await here.settle()
        assert not waiting.done()
        bob.transport.reads = True
        bob.connection.resume_writing()
        await here.settle()
        assert waiting.done()
        assert not bob.gone


async def test_who_waits_for_a_lost_connection_is_woken():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        bob.transport.reads = False
        await ann.send(chat("x" * 100_000))
        waiting = asyncio.get_running_loop().create_task(bob.connection.drained())
        await here.settle()
        await bob.hang_up()
        assert waiting.done()


async def test_answers_come_before_the_end_of_the_stream():
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(PING.format(1) + "</stream:stream>")
        assert names(client.read()) == ["iq"]
        assert client.over
        assert client.gone


async def test_answers_come_before_the_error_that_ends_the_stream():
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(PING.format(1) + "<unheard/>")
        assert names(client.read()) == ["iq", "unsupported-stanza-type"]
        assert client.over


async def test_messages_before_a_goodbye_are_sent_though_one_had_to_wait():
    origin = "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"
    async with world("ann", "bob") as here:
        bob = await here.log_in("bob")
        await bob.send("<presence/>")
        bob.read()
        ann = await here.log_in("ann")
        await ann.send(
            "<presence/>"
            + chat("one", inner=origin)
            + chat("two")
            + chat("three")
            + "</stream:stream>"
        )
        bodies = [e.findtext("{jabber:client}body") for e in bob.read() if "message" in e.tag]
        assert bodies == ["one", "two", "three"]
        assert ann.gone
        assert len(here.door.lifecycle) == 1


async def test_who_does_not_take_the_goodbye_is_cut_off():
    async with world("bob") as here:
        client = await here.log_in("bob")
        aborted: list[float] = []

        def abort() -> None:
            aborted.append(here.clock.monotonic())
            type(client.transport).close(client.transport)

        client.transport.close = lambda: None  # type: ignore[method-assign]  # goes on for ever
        client.transport.abort = abort  # type: ignore[method-assign]  # watched
        began = here.clock.monotonic()
        await client.send("</stream:stream>")
        await here.advance(GOODBYE_SECONDS / 2)
        assert aborted == []
        await here.advance(GOODBYE_SECONDS)
        assert aborted == [began + GOODBYE_SECONDS]


async def test_nothing_is_written_to_a_transport_that_closes():
    async with world("bob") as here:
        client = await here.log_in("bob")
        client.transport.closed = True
        client.connection.write(b"<presence/>")
        client.connection.flush()
        assert client.transport.unread == b""
        client.connection.connection_lost(None)
        client.connection.write(b"<presence/>")
        client.connection.flush()
        client.connection.end(None)
        client.connection.cut()
        client.connection.data_received(b"late")


# -- is the client still there? ------------------------------------------------------------------


@pytest.mark.parametrize("counts", [False, True])
async def test_a_silent_client_is_asked_and_given_up_when_it_does_not_answer(counts: bool):
    async with world("bob") as here:
        client = await here.log_in("bob")
        if counts:
            await client.send(ENABLE)
        client.read()
        limits = here.limits
        await sweep(here, limits.idle_time - 1)
        assert client.read() == []
        await sweep(here, 1)
        assert names(client.read()) == (["r"] if counts else ["iq"])
        await sweep(here, limits.ping_time - 1)
        assert not client.gone
        await sweep(here, 1)
        assert client.gone
        assert len(here.door.lifecycle) == (1 if counts else 0)


async def test_any_sign_of_life_will_do():
    async with world("bob") as here:
        client = await here.log_in("bob")
        await sweep(here, here.limits.idle_time)
        assert names(client.read()) == ["iq"]
        await client.send(" ")
        await sweep(here, here.limits.ping_time)
        assert not client.gone


async def sweep(here: World, seconds: float) -> None:
    await here.advance(seconds)
    for connection in list(here.door.connections):
        connection.sweep(here.clock.monotonic())
    await here.settle()


async def test_a_stranger_is_not_asked():
    async with world() as here:
        client = await knock(here)
        client.connection.sweep(here.clock.monotonic() + 10_000)
        await here.settle()
        assert client.read() == []


async def test_what_is_proved_by_one_ping_is_asked_about_once():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        bob.read()
        for body in ("one", "two"):
            await ann.send(chat(body))
        await here.advance(PROOF_DELAY)
        assert names(bob.read()) == ["message", "message", "iq"]
        await ann.send(chat("three"))
        await here.advance(10 * PROOF_DELAY)
        assert names(bob.read()) == ["message"]  # the first ping is not answered yet
        (context,) = [c for c in here.door.lifecycle.contexts() if c.account == BOB]
        proof = context.session.proof_id
        await bob.send(f"<iq type='error' id='{proof}'><error type='cancel'/></iq>")
        assert len(context.session.unproven) == 1
        await here.advance(PROOF_DELAY)
        assert names(bob.read()) == ["iq"]


async def test_what_is_larger_than_the_queue_by_itself_may_be_taken():
    limits = LimitsConfig(send_queue_bytes=262_144)
    async with world("ann", limits=limits) as here:
        ann = await here.log_in("ann")
        ann.transport.reads = False
        ann.connection.write(b" " * 300_000)  # as a resumption may be, or a long answer
        ann.connection.flush()
        ann.connection.flush()
        ann.connection.write(b" " * 1_000)
        ann.connection.flush()
        assert not ann.gone
        ann.connection.write(b" " * 262_144)  # a second such thing, while the first was not taken
        ann.connection.flush()
        assert ann.gone


async def test_after_something_large_was_taken_the_limit_is_what_it_was():
    limits = LimitsConfig(send_queue_bytes=262_144)
    async with world("ann", limits=limits) as here:
        ann = await here.log_in("ann")
        ann.transport.reads = False
        ann.connection.write(b" " * 300_000)
        ann.connection.flush()
        ann.read()
        ann.connection.resume_writing()
        for _ in range(6):
            ann.connection.write(b" " * 50_000)
            ann.connection.flush()
        assert ann.gone


@pytest.mark.parametrize(
    ("count", "body"), [(UNCOMMITTED_LIMIT + 1, "x"), (6, "x" * 200_000)], ids=["many", "large"]
)
async def test_reading_pauses_while_much_of_one_client_is_being_committed(count: int, body: str):
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        held: list[tuple[EntityId, WriteOp, asyncio.Future[list[Row]]]] = []

        def put(owner: EntityId, op: WriteOp) -> asyncio.Future[list[Row]]:
            held.append((owner, op, asyncio.get_running_loop().create_future()))
            return held[-1][2]

        commit, here.database.put = here.database.put, put
        for _ in range(count - 1):
            await ann.send(chat(body))
        assert ann.transport.reading
        await ann.send(chat(body))
        assert not ann.transport.reading
        here.database.put = commit
        for owner, op, future in held:
            future.set_result(await commit(owner, op))
        await here.settle()
        assert ann.transport.reading


async def test_a_stream_gives_back_memory_soon_after_log_in_and_when_it_is_silent(
    monkeypatch: pytest.MonkeyPatch,
):
    rests: list[ServerStream] = []
    rest = ServerStream.rest

    def counted(stream: ServerStream) -> None:
        rests.append(stream)
        rest(stream)

    monkeypatch.setattr(ServerStream, "rest", counted)
    async with world("bob") as here:
        client = await here.log_in("bob")
        assert rests == []
        await here.advance(SETTLE_SECONDS)
        assert len(rests) == 1
        await client.send(PING.format(1))
        assert names(client.read()) == ["iq"]
        here.door.look_around(here.clock.monotonic() + REST_SECONDS - 0.1)
        assert len(rests) == 1
        here.door.look_around(here.clock.monotonic() + REST_SECONDS)
        assert len(rests) == 2
        await client.send(PING.format(2))
        assert names(client.read()) == ["iq"]
        # Who is gone before that is not looked at any more.
        other = await here.log_in("bob", "other")
        await other.hang_up()
        await here.advance(SETTLE_SECONDS)
        assert len(rests) == 2
