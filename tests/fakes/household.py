"""A small organisation without sockets: real store classes and sessions, a database in memory."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, cast

from clarion.config.server import LimitsConfig
from clarion.core.archive import Item, Owner, pair_thread
from clarion.core.blocking import Blocking
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.model import Person
from clarion.core.ports import Parcel, SessionId, SessionRef
from clarion.core.preferences import ArchivePreferences
from clarion.core.seal import Seal
from clarion.core.tokens import Tokens
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.crew import Crew, crew
from clarion.lib.ids import ItemId, Mint
from clarion.store.activity import DatabaseActivity
from clarion.store.archive import DatabaseArchive
from clarion.store.blocking import DatabaseBlocking
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.preferences import DatabasePreferences
from clarion.store.pubsub import DatabasePubsub
from clarion.store.roster import DatabaseRosters
from clarion.store.vcards import DatabaseCards
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.departments import Departments
from clarion.xmpp.ext import stream_management as sm
from clarion.xmpp.extension import Extension, Switchboard
from clarion.xmpp.inbox import Inbox
from clarion.xmpp.interests import Interests
from clarion.xmpp.nodes import Nodes
from clarion.xmpp.people import People
from clarion.xmpp.pep_notices import EVENTS, take_event
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.rosters import Rosters
from clarion.xmpp.router import OneNodeRouter, OneNodeSessions
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session
from fakes.clock import FakeClock
from fakes.database import InMemoryDatabase

DOMAIN = "corp.example"


class RecordingLine:
    """Implements ``clarion.xmpp.session.Line``; remembers what was written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.ended: list[StreamError | None] = []

    local = ("192.0.2.100", 5222)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    async def drained(self) -> None:
        await asyncio.sleep(0)

    def hold_reading(self, *, hold: bool) -> None:
        pass

    def end(self, error: StreamError | None) -> None:
        self.ended.append(error)

    def take(self) -> list[bytes]:
        """Return, once, what was written."""
        written, self.written = self.written, []
        return written


def stanza_of(raw: bytes) -> Stanza:
    """Return ``raw`` as the slicer would."""
    tree = parse(raw, CLIENT)
    children = tuple(child.tag for child in tree)
    return Stanza(
        tree.tag, dict(tree.attrib), children, raw, tuple(dict(child.attrib) for child in tree)
    )


class Client:
    """A person's client: what it sends is handled, what it is sent is recorded."""

    def __init__(self, house: "Household", context: Context) -> None:
        self.context = context
        self.session = context.session
        self.line = RecordingLine()
        self.session.line = self.line
        self._inbox = Inbox(context, house.switchboard, sm.answer)
        self._ids = count(1)

    async def say(self, raw: str) -> list[bytes]:
        """Send a stanza; returns what this client was sent until all is quiet."""
        self._inbox.take([stanza_of(raw.encode())])
        await settle()
        return self.line.take()

    async def ask(self, kind: str, payload: str, to: str | None = None) -> bytes:
        """Send a request; returns the answer, the last thing that came."""
        return (await self.ask_all(kind, payload, to))[-1]

    async def ask_all(self, kind: str, payload: str, to: str | None = None) -> list[bytes]:
        """Send a request; returns everything that came, the answer last."""
        address = "" if to is None else f" to='{to}'"
        return await self.say(f"<iq type='{kind}' id='q{next(self._ids)}'{address}>{payload}</iq>")


class Household:
    """Ann, Bob and Cai of corp.example, and the services of the XMPP door.

    Attributes:
        services: With a ledger, archive, directory and rosters on ``database``.
        people: The entities; ``log_in`` makes them.
        switchboard: The features that the house was opened with.

    """

    def __init__(
        self, hands: Crew, extensions: tuple[Extension, ...], roster_size: int = 300
    ) -> None:
        self.database = InMemoryDatabase()
        self.clock = FakeClock()
        self.switchboard = Switchboard(extensions)
        archive = DatabaseArchive(self.database)
        bus = Bus()
        directory = Directory(DatabasePeople(self.database), bus, DOMAIN)
        blocking = Blocking(DatabaseBlocking(self.database), bus)
        ledger = Ledger(DatabaseLedger(self.database), archive, directory, bus, self.clock)
        router, seal = OneNodeRouter(), Seal(bytes(range(16)))
        tokens = count(1)
        self.services = Services(
            domain=DOMAIN,
            ask_for_marks=True,
            limits=LimitsConfig(),
            activity=DatabaseActivity(self.database),
            archive=archive,
            blocking=blocking,
            cards=DatabaseCards(self.database),
            bus=bus,
            clock=self.clock,
            crash_points=CrashPoints(),
            crew=hands,
            directory=directory,
            identity=cast("Identity", None),
            interests=Interests(self.clock, lambda: f"ask{next(tokens)}"),
            ledger=ledger,
            nodes=Nodes(DatabasePubsub(self.database)),
            mint=Mint(1, self.clock.wall),
            preferences=ArchivePreferences(DatabasePreferences(self.database)),
            rosters=Rosters(
                DatabaseRosters(self.database),
                departments=Departments(directory, bus, roster_size),
            ),
            router=router,
            seal=seal,
            sessions=OneNodeSessions(),
            token=lambda: f"token{next(tokens)}",
            tokens=cast("Tokens", None),
            began=self.clock.monotonic(),
            features=self.switchboard.told(),
        )
        self.people = People(DOMAIN, archive, ledger, seal, self.clock, blocking)
        router.connect({"person": self._take}, lambda _session, _stanza: None)

    def person(self, name: str) -> Person:
        person = self.services.directory.person(f"{name}@{DOMAIN}")
        assert person is not None
        return person

    async def log_in(self, name: str, resource: str = "phone", priority: int | None = 0) -> Client:
        """Bind a session; with a priority it is available, but nothing was caught up."""
        person = self.person(name)
        entity = await self.people.enter(person)
        session = Session(
            SessionId(self.services.token()), person, parse_jid(f"{person.address}/{resource}"), ""
        )
        session.priority = priority
        entity.sessions[session.id] = session
        self.services.sessions.announce(person.address, SessionRef(session.id, resource, priority))
        return Client(self, Context(session, entity, self.people, self.services))

    async def store(self, sender: str, recipient: str, body: str, message_id: str = "") -> ItemId:
        """Keep a message that reached nobody, 10 ms after the last."""
        self.clock.advance(0.01)
        item = Item(
            self.services.mint.item(),
            pair_thread(sender.partition("/")[0], recipient.partition("/")[0]),
            sender,
            recipient,
            message_id,
            "",
            f"<message from='{sender}' to='{recipient}' type='chat'>"
            f"<body>{body}</body></message>".encode(),
            countable=True,
        )
        owners = {sender.partition("/")[0]: False, recipient.partition("/")[0]: True}
        numbers = {address: self.services.directory.person(address) for address in owners}
        await self.services.archive.append(
            item,
            [
                Owner(person.number, incoming=owners[address])
                for address, person in numbers.items()
                if person is not None
            ],
        )
        return item.id

    async def contacts(self, owner: str, contact: str, subscription: str) -> None:
        """Put one contact into a roster."""
        async with self.services.rosters.change(self.person(owner)) as book:
            item = RosterItem(f"{contact}@{DOMAIN}", subscription=subscription)
            await book.put(item, visible=True)

    def _take(self, address: str, parcel: Parcel) -> None:
        entity = self.people.get(address)
        if entity is not None and parcel.name == "message":
            entity.take_message(parcel)
        elif entity is not None and parcel.name in EVENTS:
            take_event(self.services, entity, parcel)


@asynccontextmanager
async def household(
    *extensions: Extension, roster_size: int = 300
) -> AsyncGenerator[Household, None]:
    """Open a house where Ann, Bob and Cai have accounts and these features are on."""
    async with crew() as hands:
        house = Household(hands, extensions, roster_size)
        for name in ("ann", "bob", "cai"):
            await house.services.directory.add_person(f"{name}@{DOMAIN}")
        yield house


async def settle() -> None:
    """Let everything that can happen without time passing happen."""
    for _ in range(20):
        await asyncio.sleep(0)


def children_of(raw: bytes) -> Any:
    """Return the children of a stanza as trees."""
    return list(parse(raw, CLIENT))
