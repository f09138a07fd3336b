"""XEP-0065 at the whole door; the talks show what goes over the wire."""

import pytest

from clarion.wire.xmpp.errors import StanzaCondition
from clarion.xmpp.bytestreams import STREAMS_PER_PERSON, stream_hash
from clarion.xmpp.ext.bytestreams import NS, bytestreams
from clarion.xmpp.ext.disco import INFO, ITEMS, disco
from clarion.xmpp.figures import door_figures
from fakes.household import children_of, household
from fakes.world import DOMAIN, FakeClient, World, world

PROXY = f"proxy.{DOMAIN}"
BOB = f"bob@{DOMAIN}/desk"
NAME = stream_hash("s1", f"ann@{DOMAIN}/phone", BOB)
GREETING = b"\x05\x01\x00"


def request(name: str = NAME) -> bytes:
    return b"\x05\x01\x00\x03\x28" + name.encode() + b"\0\0"


async def come(here: World, kind: str = "plain", name: str = NAME, chunk: int = 4096) -> FakeClient:
    """Connect for SOCKS5; what the server said is dropped."""
    client = here.connect(kind, chunk=chunk)
    await client.send(GREETING + request(name))
    assert bytes(client.transport.unread) == b"\x05\x00\x05\x00" + request(name)[2:]
    client.transport.unread.clear()
    return client


async def activate(client: FakeClient, sid: str = "s1", target: str = BOB) -> str:
    """Ask for the bytestream; returns the condition of the refusal, or ``""``."""
    client.read()
    await client.send(
        f"<iq type='set' id='a' to='{PROXY}'><query xmlns='{NS}' sid='{sid}'>"
        f"<activate>{target}</activate></query></iq>"
    )
    answer = client.read()[-1]
    assert answer.get("from") == PROXY
    error = answer.find("{jabber:client}error")
    return "" if error is None else error[0].tag.rpartition("}")[2]


@pytest.mark.parametrize("kind", ["plain", "starttls"])
@pytest.mark.parametrize("chunk", [1, 7, 4096])
async def test_a_file_goes_through(kind: str, chunk: int):
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        theirs, own = await come(here, kind, chunk=chunk), await come(here, kind, chunk=chunk)
        # They are no clients that log in any more.
        assert here.door.strangers == 0
        assert await activate(ann) == ""
        data = bytes(range(256)) * 40
        await own.send(data)
        assert bytes(theirs.transport.unread) == data
        await theirs.send(b"<stream:stream")
        assert bytes(own.transport.unread) == b"<stream:stream"
        # It goes on when the requester's stream ends, and ends with either connection.
        await ann.hang_up()
        await own.send(b"more")
        assert figures(here) == {"": 1, "_begun": 1, "_bytes": 0}
        await own.hang_up()
        assert figures(here) == {"": 0, "_begun": 1, "_bytes": len(data) + 18}
        assert bytes(theirs.transport.unread) == data + b"more"
        assert theirs.gone


async def test_where_tls_comes_first_there_is_no_socks5():
    async with world("ann") as here:
        client = here.connect("tls")
        await client.send(GREETING)
        assert b"not-well-formed" in client.transport.unread
        assert here.services.bytestreams is not None
        assert here.services.bytestreams.waiting == 0


async def test_a_stream_that_has_begun_is_xmpp():
    async with world("ann") as here:
        client = here.connect()
        await client.send(" ")
        await client.send(GREETING)
        assert here.services.bytestreams is not None
        assert here.services.bytestreams.waiting == 0
        assert client.gone


async def test_where_the_proxy_is_off_nobody_speaks_socks5():
    async with world("ann") as here:
        here.services.bytestreams = None
        client = here.connect()
        await client.send(GREETING)
        assert b"stream:error" in client.transport.unread
        ann = await here.log_in("ann")
        assert await activate_refused(ann) == "remote-server-not-found"


def figures(here: World) -> dict[str, float]:
    return {
        family.name.removeprefix("clarion_bytestreams"): family.samples[0].value
        for family in door_figures(here.door, here.services)
        if family.name.startswith("clarion_bytestreams")
    }


async def activate_refused(client: FakeClient) -> str:
    client.read()
    await client.send(f"<iq type='get' id='q' to='{PROXY}'><query xmlns='{NS}'/></iq>")
    return client.read()[-1][-1][0].tag.rpartition("}")[2]


async def test_only_the_requester_can_begin_it():
    async with world("ann", "bob", "eve") as here:
        ann, eve = await here.log_in("ann"), await here.log_in("eve")
        other = await here.log_in("ann", "laptop")
        await come(here)
        assert await activate(ann) == "not-allowed"
        await come(here)
        assert await activate(eve) == "item-not-found"
        assert await activate(other) == "item-not-found"
        assert await activate(ann, sid="s2") == "item-not-found"
        assert await activate(ann, target=f"eve@{DOMAIN}/desk") == "item-not-found"
        assert await activate(ann, target=" BOB@Corp.Example/desk ") == ""
        assert await activate(ann) == "item-not-found"


@pytest.mark.parametrize(
    ("sid", "target", "condition"),
    [("", BOB, "bad-request"), ("s1", " ", "bad-request"), ("s1", "@", "jid-malformed")],
)
async def test_an_activation_says_what_it_is_for(sid: str, target: str, condition: str):
    async with world("ann") as here:
        assert await activate(await here.log_in("ann"), sid, target) == condition


async def test_one_person_has_so_many_at_a_time():
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        for number in range(STREAMS_PER_PERSON + 1):
            name = stream_hash(f"n{number}", f"ann@{DOMAIN}/phone", BOB)
            for _ in range(2):
                await come(here, name=name)
            said = await activate(ann, f"n{number}")
        assert said == StanzaCondition.RESOURCE_CONSTRAINT.value


async def test_who_is_disabled_or_deleted_sends_no_more_files():
    async with world("ann", "bob") as here:
        for end in (here.directory.disable, here.directory.delete):
            await here.directory.enable(f"ann@{DOMAIN}")
            ann = await here.log_in("ann")
            own, theirs = await come(here), await come(here)
            assert await activate(ann) == ""
            await end(f"ann@{DOMAIN}")
            await here.settle()
            assert (own.gone, theirs.gone) == (True, True)


async def test_without_a_proxy_nothing_is_listed():
    async with household(disco, bytestreams) as house:
        ann = await house.log_in("ann")
        (query,) = children_of(await ann.ask("get", f"<query xmlns='{ITEMS}'/>", DOMAIN))
        assert len(query) == 0
        answer = await ann.ask("get", f"<query xmlns='{INFO}'/>", PROXY)
        assert b"<remote-server-not-found" in answer


async def test_a_proxy_without_a_port_says_so():
    async with world("ann") as here:
        assert here.services.bytestreams is not None
        here.services.bytestreams.doors.clear()
        assert await activate_refused(await here.log_in("ann")) == "not-allowed"
