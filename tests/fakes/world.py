"""The whole XMPP door without sockets: real connections and store, a clock moved by hand."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import Any
from xml.etree.ElementTree import Element, XMLPullParser

from clarion.config.files import FilesConfig
from clarion.config.server import LimitsConfig
from clarion.core.blocking import Blocking
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.events import PersonDeleted
from clarion.core.identity import Identity
from clarion.core.invitations import Invitations
from clarion.core.preferences import ArchivePreferences
from clarion.core.push import PushDevices
from clarion.core.registration import Registrar
from clarion.core.room_book import RoomBook
from clarion.core.seal import Seal
from clarion.core.tokens import Tokens
from clarion.core.upload_slots import Slots, UploadService
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.crew import Crew, crew
from clarion.lib.ids import Mint
from clarion.store.activity import DatabaseActivity
from clarion.store.archive import DatabaseArchive
from clarion.store.blocking import DatabaseBlocking
from clarion.store.credentials import DatabaseCredentials
from clarion.store.invitations import DatabaseInvitations
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.preferences import DatabasePreferences
from clarion.store.pubsub import DatabasePubsub
from clarion.store.push import DatabasePush
from clarion.store.rooms import DatabaseRooms
from clarion.store.roster import DatabaseRosters
from clarion.store.tokens import DatabaseTokens
from clarion.store.vcards import DatabaseCards
from clarion.xmpp.bytestreams import Bytestreams
from clarion.xmpp.connection import Connection
from clarion.xmpp.departments import Departments
from clarion.xmpp.door import XmppDoor
from clarion.xmpp.ext import ALL
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.external import ExternalServices
from clarion.xmpp.interests import Interests
from clarion.xmpp.newcomers import befriend
from clarion.xmpp.nodes import Nodes
from clarion.xmpp.people import People
from clarion.xmpp.pushing import Pusher
from clarion.xmpp.rosters import Rosters
from clarion.xmpp.router import OneNodeRouter, OneNodeSessions
from clarion.xmpp.services import Services
from fakes.clock import FakeClock
from fakes.database import InMemoryDatabase

DOMAIN = "corp.example"
ROOMS = f"rooms.{DOMAIN}"
STREAMS = "{http://etherx.jabber.org/streams}"
HEADER = (
    f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' xmlns='jabber:client'"
    " xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)
ITERATIONS = 4096
TOKEN_SECONDS = 21 * 86_400.0


class FakeTransport(asyncio.Transport):
    """Keeps what is written; ``reads = False`` is a client that does not read."""

    def __init__(self, connection: Any, host: str) -> None:
        super().__init__({"peername": (host, 50000), "sockname": ("192.0.2.100", 5222)})
        self.connection = connection
        self.reads = True
        self.unread = bytearray()
        self.closed = False
        self.reading = True
        self.ended = False

    def write_eof(self) -> None:
        self.ended = True

    def write(self, data: Any) -> None:
        assert not self.closed, "a closed transport takes nothing"
        self.unread += data
        if not self.reads and len(self.unread) > 65536:
            self.connection.pause_writing()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.connection = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0 if self.reads else len(self.unread)

    def is_closing(self) -> bool:
        return self.closed

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    def abort(self) -> None:
        self.close()


class FakeClient:
    """A client of the door.

    Attributes:
        elements: First-level elements that came and were not looked at yet.
        header: The server's last stream header, or ``None``.
        over: Whether the server has closed its stream.

    """

    def __init__(self, world: "World", kind: str, chunk: int, host: str = "192.0.2.1") -> None:
        self.world = world
        self.connection = Connection(world.door.ways(kind))
        self.transport = FakeTransport(self.connection, host)
        self.elements: list[Element] = []
        self.header: Element | None = None
        self.over = False
        self._chunk = chunk
        self._restart()
        self.connection.connection_made(self.transport)

    @property
    def gone(self) -> bool:
        """Whether the connection is closed."""
        return self.transport.closed

    async def send(self, text: str | bytes) -> None:
        """Send bytes in chunks, and let everything settle that needs no time."""
        data = text.encode() if isinstance(text, str) else text
        for start in range(0, len(data), self._chunk):
            if self.transport.closed:
                break
            while not (self.transport.reading or self.transport.closed):  # noqa: ASYNC110  # a fake
                await asyncio.sleep(0)
            self.transport.connection.data_received(data[start : start + self._chunk])
        await self.world.settle()

    async def hang_up(self) -> None:
        """Lose the connection without a word."""
        self.transport.close()
        await self.world.settle()

    def read(self) -> list[Element]:
        """Return, once, the elements that came."""
        self._parse()
        elements, self.elements = self.elements, []
        return elements

    async def log_in(self, name: str, password: str = "secret", resource: str = "") -> str:
        """Do SCRAM-SHA-256 and bind; returns the full JID."""
        await self.send(HEADER)
        await self.authenticate(name, password)
        wanted = f"<resource>{resource}</resource>" if resource else ""
        await self.send(
            HEADER + "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"{wanted}</bind></iq>"
        )
        bound = self.read()[-1]
        assert bound.get("type") == "result", bound
        jid = bound.find(".//{urn:ietf:params:xml:ns:xmpp-bind}jid")
        assert jid is not None
        assert jid.text is not None
        return jid.text

    async def authenticate(self, name: str, password: str = "secret") -> Element:
        """Do SCRAM-SHA-256; returns the server's last word on it."""
        sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        bare = f"n={name},r=0123456789abcdef"
        first = base64.b64encode(f"n,,{bare}".encode()).decode()
        self.read()
        await self.send(f"<auth xmlns='{sasl}' mechanism='SCRAM-SHA-256'>{first}</auth>")
        answer = self.read()[-1]
        if not answer.tag.endswith("challenge"):
            return answer
        challenge = base64.b64decode(answer.text or "").decode()
        final = scram_final(bare, challenge, password)
        await self.send(f"<response xmlns='{sasl}'>{final}</response>")
        answer = self.read()[-1]
        if answer.tag.endswith("success"):
            self._restart()
        return answer

    def _restart(self) -> None:
        """A new stream of the server's begins."""
        self.transport.unread.clear()
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0

    def _parse(self) -> None:
        data = bytes(self.transport.unread)
        self.transport.unread.clear()
        *closed, current = data.split(b"<?xml version='1.0'?>")
        for piece in closed:
            self._feed(piece)
            self._depth = 0
            self._parser = XMLPullParser(("start", "end"))
        self._feed(current)

    def _feed(self, piece: bytes) -> None:
        if piece:
            self._parser.feed(piece)
            self._collect()

    def _collect(self) -> None:
        for kind, element in self._parser.read_events():
            if kind == "start":
                self._depth += 1
                if self._depth == 1:
                    self.header = element
            else:
                self._depth -= 1
                if self._depth == 1:
                    self.elements.append(element)
                elif self._depth == 0:
                    self.over = True


def scram_final(bare: str, challenge: str, password: str) -> str:
    """Return the client's final SCRAM-SHA-256 message in base64."""
    fields = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
    )
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client_key).digest()
    without_proof = f"c=biws,r={fields['r']}"
    signed = f"{bare},{challenge},{without_proof}".encode()
    signature = hmac.digest(stored, signed, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    final = f"{without_proof},p={base64.b64encode(proof).decode()}"
    return base64.b64encode(final.encode()).decode()


class World:
    """A door with everything behind it.

    Attributes:
        database: In memory; ``fail_next`` makes it fail.
        clock: Moved by hand.
        door: The real one.

    """

    def __init__(
        self, hands: Crew, limits: LimitsConfig | None = None, roster_size: int = 300
    ) -> None:
        self.database = InMemoryDatabase()
        self.clock = FakeClock()
        self.limits = limits or LimitsConfig()
        self.bus = Bus()
        self.archive = DatabaseArchive(self.database)
        self.directory = Directory(DatabasePeople(self.database), self.bus, DOMAIN)
        self.identity = Identity(
            DatabaseCredentials(self.database), self.directory, self.bus, ITERATIONS
        )
        self.mint = Mint(1, self.clock.wall)
        self.book = RoomBook(DatabaseRooms(self.database), self.mint.item, self.bus)
        self.tokens = Tokens(
            DatabaseTokens(self.database), self.directory, self.bus, self.clock, TOKEN_SECONDS
        )
        self.ledger = Ledger(
            DatabaseLedger(self.database),
            self.archive,
            self.directory,
            self.bus,
            self.clock,
            rooms=self.book,
            request_batch=self.database.request_batch,
        )
        self.database.before_batch(self.ledger.write)
        self.seal = Seal(bytes(range(16)))
        tokens = count(1)
        router = OneNodeRouter()
        self.blocking = Blocking(DatabaseBlocking(self.database), self.bus)
        self.people = People(
            DOMAIN, self.archive, self.ledger, self.seal, self.clock, self.blocking
        )
        self._hands = hands
        switchboard = Switchboard(ALL)
        self.services = Services(
            domain=DOMAIN,
            ask_for_marks=True,
            limits=self.limits,
            activity=DatabaseActivity(self.database),
            archive=self.archive,
            blocking=self.blocking,
            cards=DatabaseCards(self.database),
            bus=self.bus,
            clock=self.clock,
            crash_points=CrashPoints(),
            crew=hands,
            directory=self.directory,
            identity=self.identity,
            interests=Interests(self.clock, lambda: f"ask{next(tokens)}"),
            ledger=self.ledger,
            nodes=Nodes(DatabasePubsub(self.database)),
            mint=self.mint,
            preferences=ArchivePreferences(DatabasePreferences(self.database)),
            rosters=Rosters(
                DatabaseRosters(self.database),
                departments=Departments(self.directory, self.bus, roster_size),
            ),
            router=router,
            seal=self.seal,
            sessions=OneNodeSessions(),
            tokens=self.tokens,
            token=lambda: f"token{next(tokens):027d}",
            began=self.clock.monotonic(),
            features=switchboard.told(),
            guests=Registrar(self.directory, self.identity, self.clock, accounts=False),
            bytestreams=Bytestreams(self.clock, f"proxy.{DOMAIN}"),
            rooms_domain=ROOMS,
            book=self.book,
            occupant_key=bytes(range(32)),
            uploads=self._uploads(),
        )
        self.devices = PushDevices(DatabasePush(self.database))
        self.services.pusher = Pusher(
            self.devices, DOMAIN, router, self.services.sessions, self.clock, hands,
            lambda: f"push{next(tokens)}",
        )  # fmt: skip
        self.services.external = ExternalServices(
            (), DOMAIN, router, self.clock, lambda: f"list{next(tokens)}"
        )
        self.invitations = Invitations(
            DatabaseInvitations(self.database),
            self.directory,
            self.clock,
            lambda size: next(tokens).to_bytes(size, "big"),
        )
        self.services.invitations = self.invitations
        self.bus.subscribe(PersonDeleted, self.invitations.person_deleted)
        self.services.befriend = partial(befriend, self.services, self.people)
        self.services.bytestreams.doors.append(("192.0.2.100", 5222))
        self.door = XmppDoor(
            self.limits,
            self.services,
            self.people,
            switchboard,
            router,
            None,
        )

    def _uploads(self) -> UploadService:
        tokens = count(1)
        slots = Slots(
            self.directory,
            self.bus,
            self.clock,
            FilesConfig(file_bytes=100_000, person_bytes=150_000, types=("image/*", "text/plain")),
            lambda: f"file{next(tokens)}",
        )
        return UploadService(f"upload.{DOMAIN}", f"https://{DOMAIN}", slots)

    async def add(self, name: str, password: str = "secret") -> None:
        """Give somebody an account."""
        person = await self.directory.add_person(f"{name}@{DOMAIN}")
        await self.identity.set_password(person, password)

    def connect(self, kind: str = "plain", *, chunk: int = 4096) -> FakeClient:
        """Connect a client."""
        return FakeClient(self, kind, chunk)

    async def log_in(self, name: str, resource: str = "phone", *, chunk: int = 4096) -> FakeClient:
        """Connect a client, log it in and bind."""
        client = self.connect(chunk=chunk)
        await client.log_in(name, resource=resource)
        return client

    async def settle(self) -> None:
        """Let everything that can happen without time passing happen."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        await self.settle()


@asynccontextmanager
async def world(
    *names: str, limits: LimitsConfig | None = None, roster_size: int = 300
) -> AsyncGenerator[World, None]:
    """Open a world where these people have accounts with the password ``secret``."""
    async with crew() as hands:
        here = World(hands, limits, roster_size)
        for name in names:
            await here.add(name)
        try:
            yield here
        finally:
            here.identity.close()
