"""An organisation on a database in memory: the real store classes, a clock that stands."""

import itertools
from typing import Any

from clarion.admin.desk import Desk
from clarion.admin.verbs import perform
from clarion.config.server import RetentionConfig
from clarion.core.archive import Item, Owner, pair_thread
from clarion.core.auditor import Auditor
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.erasure import Erasure
from clarion.core.identity import Identity
from clarion.core.invitations import Invitations
from clarion.core.push import PushDevices
from clarion.core.retention import Retention
from clarion.core.room_book import RoomBook
from clarion.core.seal import Seal
from clarion.core.tokens import Tokens
from clarion.lib.ids import ItemId, Mint
from clarion.store.archive import DatabaseArchive
from clarion.store.audit import AuditedDatabase, DatabaseAudit
from clarion.store.credentials import DatabaseCredentials
from clarion.store.erasure import DatabaseErasure
from clarion.store.invitations import DatabaseInvitations
from clarion.store.ledger import DatabaseLedger
from clarion.store.people import DatabasePeople
from clarion.store.push import DatabasePush
from clarion.store.retention import DatabaseRetention
from clarion.store.rooms import DatabaseRooms
from clarion.store.tokens import DatabaseTokens
from fakes.clock import FakeClock
from fakes.database import InMemoryDatabase

DOMAIN = "corp.example"


class Organisation:
    """Everything above the store that belongs to ``core`` and ``admin``.

    Attributes:
        told: Every event that ``listen`` was asked for, in order.

    """

    def __init__(self, database: InMemoryDatabase | None = None) -> None:
        self.database = database or InMemoryDatabase()
        self.clock = FakeClock()
        self.bus = Bus()
        self.audit = DatabaseAudit(self.database)
        self.auditor = Auditor(self.audit, self.clock, self.bus)
        audited = AuditedDatabase(self.database, self.auditor)
        self.directory = Directory(DatabasePeople(audited), self.bus, DOMAIN)
        self.credentials = DatabaseCredentials(audited)
        # Two rounds of PBKDF2: these tests are about who asks, not about how slow it is.
        self.identity = Identity(self.credentials, self.directory, self.bus, iterations=2)
        self.tokens = Tokens(
            DatabaseTokens(self.database), self.directory, self.bus, self.clock, 86_400.0
        )
        self.archive = DatabaseArchive(self.database)
        self.mint = Mint(0, self.clock.wall)
        self.rooms = RoomBook(DatabaseRooms(audited), self.mint.item, self.bus)
        self.ledger = Ledger(
            DatabaseLedger(self.database),
            self.archive,
            self.directory,
            self.bus,
            self.clock,
            rooms=self.rooms,
        )
        self.seal = Seal(bytes(range(16)))
        self.retention = Retention(
            DatabaseRetention(audited), self.auditor, self.clock, self.bus, RetentionConfig()
        )
        self.erasure = Erasure(
            DatabaseErasure(audited, self.scrub), self.directory, self.auditor, self.clock
        )
        self.devices = PushDevices(DatabasePush(self.database))
        tokens = itertools.count(1)
        self.invitations = Invitations(
            DatabaseInvitations(audited),
            self.directory,
            self.clock,
            lambda size: next(tokens).to_bytes(size, "big"),
        )
        self.desk = Desk(
            self.directory,
            self.identity,
            self.ledger,
            self.seal,
            auditor=self.auditor,
            retention=self.retention,
            erasure=self.erasure,
            rooms=self.rooms,
            devices=self.devices,
            invitations=self.invitations,
            tokens=self.tokens,
        )
        self.told: list[Any] = []

    def listen(self, *kinds: type) -> None:
        for kind in kinds:
            self.bus.subscribe(kind, self.told.append)

    async def do(self, verb: str, **arguments: Any) -> Any:
        """Perform a verb of the administration door."""
        return await perform(self.desk, verb, arguments, lambda *_: None)

    async def send(
        self, sender: str, recipient: str, *, resource: str = "", countable: bool = True
    ) -> ItemId:
        """Put a message into the archive, a second after the one before."""
        self.clock.advance(1)
        item = Item(
            id=self.mint.item(),
            thread=pair_thread(sender, recipient),
            sender=f"{sender}/phone",
            recipient=recipient + resource,
            message_id="m",
            origin_id="",
            stanza=b"<message/>",
            countable=countable,
        )
        owners = [
            Owner(person.number, incoming=address == recipient)
            for address in dict.fromkeys((sender, recipient))
            if (person := self.directory.person(address)) is not None
        ]
        await self.archive.append(item, owners)
        return item.id

    async def scrub(self) -> bool:
        """Clear the log of a database that has none."""
        return True

    def close(self) -> None:
        self.identity.close()
        self.database.close()
