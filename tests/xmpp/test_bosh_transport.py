"""A connection above BOSH, without HTTP: requests by hand, and a clock moved by hand."""

import asyncio
import base64
from xml.etree.ElementTree import Element, fromstring

from clarion.config.server import LimitsConfig
from clarion.wire.xmpp.bosh import INACTIVITY, PAUSE_LIMIT, BoshSession
from clarion.wire.xmpp.bosh_body import HTTPBIND, read_body
from clarion.xmpp.bosh import BoshTransport
from fakes.world import DOMAIN, World, scram_final, world

SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"


class Browser:
    """Asks one thing after the other."""

    def __init__(self, here: World) -> None:
        self.world = here
        self.rid = 1
        self.gone = False
        self.replies: list[asyncio.Future[tuple[int, bytes]]] = []
        body = read_body(
            f"<body xmlns='{HTTPBIND}' rid='1' to='{DOMAIN}' wait='60' hold='1'"
            " ver='1.6'/>".encode()
        )
        session = BoshSession("sid", DOMAIN, body, self.reply(), here.clock.monotonic())
        self.transport = BoshTransport(session, "192.0.2.1", "text/xml", here.services, self.over)
        self.connection = here.door.connection("http")
        self.transport.begin(self.connection)

    def over(self) -> None:
        self.gone = True

    def reply(self) -> "asyncio.Future[tuple[int, bytes]]":
        future: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self.replies.append(future)
        return future

    async def ask(self, inner: str = "", more: str = "") -> int:
        """Send a request; returns the place of its answer."""
        self.rid += 1
        raw = (
            f"<body xmlns='{HTTPBIND}' xmlns:xmpp='urn:xmpp:xbosh' rid='{self.rid}' sid='sid'"
            f"{more}>{inner}</body>"
        )
        self.transport.take(read_body(raw.encode()), self.reply())
        await self.world.settle()
        return len(self.replies) - 1

    def answer(self, place: int) -> Element | None:
        reply = self.replies[place]
        return fromstring(reply.result()[1]) if reply.done() else None

    async def said(self, inner: str = "", more: str = "") -> Element:
        """Ask, and return the answer, which must be there."""
        answer = self.answer(await self.ask(inner, more))
        assert answer is not None
        return answer

    async def log_in(self, name: str) -> str:
        await self.world.settle()
        bare = f"n={name},r=0123456789abcdef"
        first = base64.b64encode(f"n,,{bare}".encode()).decode()
        body = await self.said(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{first}</auth>")
        challenge = base64.b64decode(body[0].text or "").decode()
        final = scram_final(bare, challenge, "secret")
        body = await self.said(f"<response xmlns='{SASL}'>{final}</response>")
        assert body[0].tag == f"{{{SASL}}}success"
        body = await self.said("", f" xmpp:restart='true' to='{DOMAIN}'")
        assert body[0].tag.endswith("features")
        body = await self.said(f"<iq type='set' id='b'><bind xmlns='{BIND}'/></iq>")
        return body.findtext(f".//{{{BIND}}}jid", "")


async def test_the_first_answer_holds_the_features():
    async with world("ann") as here:
        browser = Browser(here)
        await here.settle()
        body = browser.answer(0)
        assert body is not None
        assert body.get("sid") == "sid"
        assert body[0].find(f"{{{SASL}}}mechanisms") is not None
        assert browser.connection.host == "192.0.2.1"


async def test_a_held_request_is_answered_with_what_comes_or_when_time_is_over():
    async with world("ann", "bob") as here:
        browser = Browser(here)
        jid = await browser.log_in("ann")
        bob = await here.log_in("bob")
        held = await browser.ask()
        await here.advance(30)
        assert browser.answer(held) is None
        await bob.send(f"<message to='{jid}' type='chat'><body>hi</body></message>")
        body = browser.answer(held)
        assert body is not None
        assert body.findtext(".//{jabber:client}body") == "hi"
        held = await browser.ask()
        await here.advance(60)
        body = browser.answer(held)
        assert body is not None
        assert len(body) == 0


async def test_who_does_not_ask_again_is_gone():
    async with world("ann") as here:
        browser = Browser(here)
        await browser.log_in("ann")
        assert len(here.door.connections) == 1
        await here.advance(INACTIVITY - 1)
        assert not browser.gone
        await here.advance(1)
        assert browser.gone
        assert len(here.door.connections) == 0
        assert len(here.door.lifecycle) == 0


async def test_a_pause_makes_it_patient():
    async with world("ann") as here:
        browser = Browser(here)
        await browser.log_in("ann")
        assert (await browser.said("", f" pause='{PAUSE_LIMIT}'")).attrib == {}
        await here.advance(PAUSE_LIMIT - 1)
        assert not browser.gone
        await here.advance(1)
        assert browser.gone


async def test_who_lets_too_much_wait_is_cut_off():
    limits = LimitsConfig(send_queue_bytes=262_144, stanza_bytes=65_536)
    async with world("ann", "bob", limits=limits) as here:
        browser = Browser(here)
        jid = await browser.log_in("ann")
        bob = await here.log_in("bob")
        for _ in range(10):
            await bob.send(f"<message to='{jid}'><body>{'x' * 60_000}</body></message>")
        assert browser.gone
        assert len(here.door.connections) == 1


async def test_what_waits_is_taken_and_the_session_goes_on():
    async with world("ann", "bob") as here:
        browser = Browser(here)
        jid = await browser.log_in("ann")
        bob = await here.log_in("bob")
        for _ in range(3):
            await bob.send(f"<message to='{jid}' type='chat'><body>{'x' * 40_000}</body></message>")
        assert len(await browser.said()) == 3
        await bob.send(f"<message to='{jid}' type='chat'><body>more</body></message>")
        assert len(await browser.said()) == 1


async def test_the_last_stanzas_are_read_although_reading_was_held():
    async with world("ann", "bob") as here:
        browser = Browser(here)
        await browser.log_in("ann")
        bob = await here.log_in("bob")
        bob.read()
        browser.transport.pause_reading()
        message = f"<message to='bob@{DOMAIN}/phone' type='chat'><body>bye</body></message>"
        assert (await browser.said(message, " type='terminate'")).get("type") == "terminate"
        assert not any(one.findtext("{jabber:client}body") for one in bob.read())
        browser.transport.resume_reading()
        await here.settle()
        assert [one.findtext("{jabber:client}body") for one in bob.read()] == ["bye"]
        assert len(here.door.connections) == 1


async def test_a_host_with_too_many_connections_is_told():
    limits = LimitsConfig(connections_per_address=1, strangers_per_address=1)
    async with world("ann", limits=limits) as here:
        first, second = Browser(here), Browser(here)
        await here.settle()
        body = second.answer(0)
        assert body is not None
        assert body.get("type") == "terminate"
        assert second.gone
        assert not first.gone


async def test_log_in_has_its_time():
    async with world("ann") as here:
        browser = Browser(here)
        await here.advance(1)
        for _ in range(4):
            held = await browser.ask()
            await here.advance(10)
        body = browser.answer(held)
        assert body is not None
        assert body.get("condition") in {"remote-stream-error", "item-not-found"}
