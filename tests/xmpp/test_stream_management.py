"""XEP-0198: enabling, counting, asking and refusing. Resumption: ``test_lifecycle.py``."""

import pytest

from clarion.config.server import LimitsConfig
from clarion.wire.xmpp.acks import REQUEST_EVERY
from clarion.xmpp.asking import ASK_INTERVAL
from fakes.world import DOMAIN, world

NS = "urn:xmpp:sm:3"
BOB = f"bob@{DOMAIN}"
ENABLE = f"<enable xmlns='{NS}' resume='true'/>"
R = f"<r xmlns='{NS}'/>"
PING = "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"


def ack(h: object) -> str:
    return f"<a xmlns='{NS}' h='{h}'/>"


def tags(elements: list) -> list[str]:
    return [element.tag.removeprefix(f"{{{NS}}}") for element in elements]


async def test_it_is_offered_after_log_in():
    async with world("bob") as here:
        client = here.connect()
        await client.log_in("bob")
        assert here.door.switchboard.stream_features.count(f"<sm xmlns='{NS}'/>".encode()) == 1


@pytest.mark.parametrize(
    ("wanted", "resumes"), [("true", True), ("1", True), ("false", False), ("", False)]
)
async def test_who_asks_to_resume_is_told_how(wanted: str, resumes: bool):
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(f"<enable xmlns='{NS}' resume='{wanted}'/>")
        (enabled,) = client.read()
        assert (enabled.get("resume"), bool(enabled.get("id"))) == (
            ("true", True) if resumes else (None, False)
        )
        assert enabled.get("max") == (str(int(here.limits.resume_time)) if resumes else None)


async def test_twice_is_refused_and_so_is_what_was_never_turned_on():
    async with world("bob") as here:
        client = await here.log_in("bob")
        resume = f"<resume xmlns='{NS}' previd='x' h='0'/>"
        for raw in (R, ack(0), resume, ENABLE, ENABLE, resume):
            await client.send(raw)
        assert tags(client.read()) == ["failed", "failed", "failed", "enabled", "failed", "failed"]
        assert not client.gone


async def test_stanzas_are_counted_and_nothing_else():
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(PING + ENABLE + R + PING + " " + R + "<presence/>" + R)
        assert [e.get("h") for e in client.read() if e.tag == f"{{{NS}}}a"] == ["0", "1", "2"]


async def test_the_server_asks_when_it_has_sent_something_and_once_until_it_is_told():
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(ENABLE)
        await client.send(PING)
        assert tags(client.read()) == ["enabled", "{jabber:client}iq", "r"]
        await client.send(PING)
        assert tags(client.read()) == ["{jabber:client}iq"]
        await client.send(ack(1))
        assert client.read() == []
        await here.advance(ASK_INTERVAL)  # what came after the question is asked about too
        assert tags(client.read()) == ["r"]
        await client.send(ack(2))
        assert client.read() == []


async def test_a_quiet_client_is_asked_at_once_and_a_busy_one_at_intervals():
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(ENABLE)
        for handled in range(1, 4):
            await here.advance(ASK_INTERVAL)
            client.read()
            await client.send(PING)
            assert tags(client.read()) == ["{jabber:client}iq", "r"]
            await client.send(ack(handled))
        for _ in range(REQUEST_EVERY - 1):
            await client.send(PING)
        assert "r" not in tags(client.read())
        await client.send(PING)
        assert tags(client.read()) == ["{jabber:client}iq", "r"]


async def test_a_client_that_never_answers_is_asked_now_and_then():
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(ENABLE)
        for _ in range(31):
            await client.send(PING)
        assert tags(client.read()).count("r") == 4


async def test_who_acknowledges_too_much_is_told_so():
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(ENABLE + PING)
        client.read()
        await client.send(ack(2))
        (error,) = client.read()
        assert error[0].tag.endswith("undefined-condition")
        told = error.find(f"{{{NS}}}handled-count-too-high")
        assert told is not None
        assert (told.get("h"), told.get("send-count")) == ("2", "1")
        assert client.gone
        assert len(here.door.lifecycle) == 0


@pytest.mark.parametrize("h", ["", "-1", "one", 2**32])
async def test_a_count_that_is_none_ends_the_stream(h: object):
    async with world("bob") as here:
        client = await here.log_in("bob")
        await client.send(ENABLE)
        client.read()
        await client.send(ack(h))
        assert client.read()[0][0].tag.endswith("bad-format")
        assert client.gone


@pytest.mark.parametrize(
    "limits",
    [LimitsConfig(unacknowledged_stanzas=10), LimitsConfig(unacknowledged_bytes=262_144)],
    ids=["stanzas", "bytes"],
)
async def test_too_much_unacknowledged_ends_the_stream(limits: LimitsConfig):
    async with world("ann", "bob", limits=limits) as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send(ENABLE + "<presence/>")
        sent = 0
        while not bob.gone and sent < 20:
            sent += 1
            await ann.send(f"<message to='{BOB}' type='chat'><body>{'x' * 40_000}</body></message>")
        assert bob.gone
        assert 6 <= sent <= 10
        assert bob.read()[-1][0].tag.endswith("resource-constraint")


async def test_what_was_acknowledged_is_delivered_and_does_not_come_again():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send(ENABLE + "<presence/>")
        bob.read()
        for body in ("one", "two"):
            await ann.send(f"<message to='{BOB}' type='chat'><body>{body}</body></message>")
        assert len([e for e in bob.read() if "message" in e.tag]) == 2
        await bob.send(ack(2))  # the presence and the first message
        await bob.send("</stream:stream>")
        again = await here.log_in("bob")
        await again.send("<presence/>")
        bodies = [e.findtext("{jabber:client}body") for e in again.read() if "message" in e.tag]
        assert bodies == ["two"]
