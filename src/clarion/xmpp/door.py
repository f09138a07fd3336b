"""The XMPP door: its listeners, and everything behind them joined."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from clarion.config.server import LimitsConfig
from clarion.core.events import (
    LogInSlowed,
    PersonChanged,
    PersonDeleted,
    PersonDisabled,
    PoliciesChanged,
)
from clarion.core.model import Person
from clarion.core.ports import Parcel, SessionId
from clarion.core.throttle import Throttle
from clarion.lib.certificate_holder import CertificateHolder
from clarion.lib.log import RateLimited, get_logger
from clarion.lib.sockets import written
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stream_events import StreamRules
from clarion.xmpp.arriving import take_message, take_own, watched
from clarion.xmpp.connection import Connection
from clarion.xmpp.contact import contact_forms
from clarion.xmpp.context import Context
from clarion.xmpp.ext import stream_management as sm
from clarion.xmpp.ext.subscriptions import take as take_subscription
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.inbox import Inbox
from clarion.xmpp.lifecycle import Lifecycle
from clarion.xmpp.people import People
from clarion.xmpp.pep_notices import EVENTS, take_event
from clarion.xmpp.ports import TakenPort, refusal
from clarion.xmpp.removals import Removals
from clarion.xmpp.rooms.rooms import Rooms
from clarion.xmpp.router import OneNodeRouter, Take
from clarion.xmpp.services import Services
from clarion.xmpp.shifts import Shifts
from clarion.xmpp.turnstile import Turnstile
from clarion.xmpp.ways import WITHOUT_TLS, Carrier, DoorWays

BACKLOG: Final = 1024  # connections that may wait to be accepted; everybody comes back at once
SWEEP_SECONDS: Final = 5.0  # between looks for clients that have gone silent
SUBSCRIPTION_KINDS: Final = frozenset({"subscribe", "subscribed", "unsubscribe", "unsubscribed"})
ENDINGS: Final = frozenset({"unsubscribe", "unsubscribed"})

log = get_logger("xmpp")


class XmppDoor:
    """Serves XMPP clients.

    Args:
        limits: How much anybody may take.
        services: The house.
        people: The entities of who is on line.
        switchboard: Who takes what.
        router: Connected here, since the door knows both of its ends.
        certificate: What TLS shows; ``None`` when no listener has TLS.
        log_lines: LIMIT: lines of one kind a second that strangers can cause.

    """

    def __init__(
        self,
        limits: LimitsConfig,
        services: Services,
        people: People,
        switchboard: Switchboard,
        router: OneNodeRouter,
        certificate: CertificateHolder | None,
        log_lines: int = 5,
    ) -> None:
        self._limits = limits
        self._services = services
        self._people = people
        self._certificate = certificate
        self.switchboard = switchboard
        self.lifecycle = Lifecycle(services, people, self.switchboard)
        self.throttle = Throttle(
            limits.login_failures_person,
            limits.login_failures_address,
            limits.login_failures_time,
            log_lines,
            slowed=lambda person, network: services.bus.publish(LogInSlowed(person, network)),
        )
        self._noise = RateLimited(log, log_lines)
        self._turnstile = Turnstile(limits, services.tally, self._noise, services.clock)
        self.addresses: list[tuple[str, str]] = []
        self._dirty: list[Carrier] = []
        self._servers: list[asyncio.Server] = []
        self._ways: dict[str, DoorWays] = {}
        self.shifts = Shifts(services, people)
        self.removals = Removals(services, people, self.lifecycle)
        self.rooms = (
            None
            if services.book is None
            else Rooms(services, services.book, partial(watched, people))
        )
        rooms: dict[str, Take] = {} if self.rooms is None else {"room": self.rooms.take}
        router.connect({"person": self._take, **rooms}, self._send)
        services.bus.subscribe(PersonDisabled, lambda event: self._disabled(event.person))
        services.bus.subscribe(PersonDeleted, lambda event: self._cut_off(event.person))
        services.bus.subscribe(PersonChanged, lambda event: self._changed(event.person))
        services.bus.subscribe(PoliciesChanged, self._policies_changed)

    @asynccontextmanager
    async def serve(self, ports: Sequence[TakenPort]) -> AsyncGenerator[None, None]:
        """See ``Service``; on the way out every client is told and its stream closed.

        Args:
            ports: Where to listen; closed here in the end.

        Raises:
            UsageError: Somebody else began to listen at one of them meanwhile.

        """
        for port in ports:
            await self._listen(port)
        if self.rooms is not None:
            self.rooms.begin()
        sweeper = self._services.crew.spawn(self._sweep(), name="xmpp sweep")
        try:
            yield
        finally:
            sweeper.cancel()
            await self._drain()

    @property
    def strangers(self) -> int:
        """How many connections have not logged in yet."""
        return self._turnstile.strangers

    @property
    def connections(self) -> set[Carrier]:
        """All connections of clients."""
        return self._turnstile.connections

    def ways(self, kind: str) -> DoorWays:
        """Return what the connections of a listener of this kind share.

        Args:
            kind: ``starttls``, ``tls``, ``plain``; ``https``, ``http`` from the web door.

        """
        limits = self._limits
        rules = StreamRules(
            domain=self._services.domain,
            starttls=kind == "starttls",
            without_tls=kind in WITHOUT_TLS,
            login_attempts=limits.login_attempts,
            early_stanza_bytes=limits.login_stanza_bytes,
            early_total_bytes=limits.login_total_bytes,
            stanza_bytes=limits.stanza_bytes,
            idle_seconds=int(limits.idle_time),
            negotiation_seconds=limits.login_time,
            registration=_open_to_all(self._services),
            invitations=self._services.invitations is not None,
            inline=self.switchboard.inline_features,
            tokens=self._services.tokens.given,
            features=self.switchboard.stream_features + self._services.features.stream_feature,
            early_tags=frozenset({sm.ENABLE, sm.RESUME}),
            late_tags=frozenset(self.switchboard.nonzas),
        )
        return DoorWays(
            rules=rules,
            certificate=None if kind in WITHOUT_TLS else self._certificate,
            direct=kind in {"tls", "https"},
            bytestreams=self._services.bytestreams if kind in {"starttls", "plain"} else None,
            services=self._services,
            lifecycle=self.lifecycle,
            throttle=self.throttle,
            binds=self.switchboard.binds,
            inbox=self._inbox,
            flush_soon=self._flush_soon,
            noise=self._noise,
            joined=self._turnstile.joined,
            carries=self._turnstile.carries,
            left=self._turnstile.left,
        )

    def connection(self, kind: str) -> Connection:
        """Make a connection whose bytes come through another door; ``kind`` as in ``ways``."""
        if kind not in self._ways:
            self._ways[kind] = self.ways(kind)
        return Connection(self._ways[kind])

    async def _listen(self, port: TakenPort) -> None:
        ways = self._ways[port.kind] = self.ways(port.kind)
        certificate = ways.certificate
        context = certificate.direct if certificate is not None and port.kind == "tls" else None
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._ways[port.kind]),
                sock=port.socket,
                ssl=context,
                # Who only connects is cut off as soon as on a port that begins in the clear.
                ssl_handshake_timeout=None if context is None else self._limits.login_time,
                backlog=BACKLOG,
            )
        except OSError as error:
            raise refusal(port.endpoint, error) from None
        self._servers.append(server)
        where = written(port.socket)
        self.addresses.append((port.kind, where))
        if ways.bytestreams is not None:
            ways.bytestreams.doors.append(port.socket.getsockname()[:2])
        log.info("listening", kind=port.kind, address=where)

    def _inbox(self, context: Context) -> Inbox:
        return Inbox(context, self.switchboard, sm.answer)

    # -- one write a turn of the loop -------------------------------------------------------

    def _flush_soon(self, connection: Carrier) -> None:
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty.append(connection)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            self._apart(connection, connection.flush)

    # -- parcels ------------------------------------------------------------------------------

    def _take(self, address: str, parcel: Parcel) -> None:
        """Hand a parcel to a person's entity; who has none is off line.

        Nothing passes between two of whom one has blocked the other (XEP-0191
        section 3.3). What is archived was looked at before it was kept.
        """
        if self._services.blocking.lists and parcel.item is None and self._blocked(address, parcel):
            if parcel.name != "presence" or parcel.kind not in ENDINGS:
                return
            # The rosters of both go on agreeing; no client is sent the stanza.
            parcel = replace(parcel, stanza=b"")
        if address == self._services.domain:
            take_own(self._services, parcel)
            return
        if parcel.name == "presence" and parcel.kind in SUBSCRIPTION_KINDS:
            self._services.crew.errand(
                take_subscription(self._services, self._people, parcel, address),
                name=f"{parcel.kind} to {address}",
            )
            return
        entity = self._people.get(address)
        if parcel.name == "message":
            take_message(self._services, entity, address, parcel)
        elif entity is None:
            return
        elif parcel.name in EVENTS:
            take_event(self._services, entity, parcel)
        elif parcel.name == "presence":
            entity.take_presence(parcel)
        elif (session := entity.with_resource(parcel.resource)) is not None:
            session.send(parcel.stanza)

    def _blocked(self, address: str, parcel: Parcel) -> bool:
        to = f"{address}/{parcel.resource}" if parcel.resource else address
        return self._services.blocking.between(parse_jid(parcel.sender), parse_jid(to))

    def _send(self, session: SessionId, stanza: bytes) -> None:
        found = self.lifecycle.session(session)
        if found is not None:
            found.send(stanza)

    # -- what the house says ----------------------------------------------------------------------

    def _disabled(self, person: Person) -> None:
        self.lifecycle.throw_out(
            person.address,
            StreamError(StreamCondition.NOT_AUTHORIZED, "this account has been disabled"),
        )
        self._cut_off(person)

    def _cut_off(self, person: Person) -> None:
        if self._services.bytestreams is not None:
            self._services.bytestreams.cut_off(person.address)

    def _changed(self, person: Person) -> None:
        entity = self._people.get(person.address)
        if entity is not None:
            entity.person = person
            for session in entity.sessions.values():
                session.person = person

    def _policies_changed(self, event: PoliciesChanged) -> None:
        """Use the new settings; connections that are there keep what they were told at their start.

        That is what a stream may send before log-in and how large its stanzas
        are, and what XEP-0198 keeps of it.
        """
        config = event.config
        limits = self._limits = self._services.limits = config.limits
        self._turnstile.limits = limits
        self._services.ask_for_marks = config.ledger.ask
        self._services.sync_counts = config.ledger.sync_counts
        self._services.relay_marks = config.ledger.relay_marks
        self._services.features = self.switchboard.told(contact_forms(config.xmpp.contact))
        self.throttle.allow(
            limits.login_failures_person,
            limits.login_failures_address,
            limits.login_failures_time,
        )
        self._ways = {kind: self.ways(kind) for kind in self._ways}

    # -- looking after connections ----------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._services.clock.monotonic()
            self._noise.flush(now)
            self.look_around(now)

    def look_around(self, now: float) -> None:
        """Ask silent clients for a sign of life, and give up those that sent none."""
        for connection in list(self.connections):
            self._apart(connection, partial(connection.sweep, now))

    def _apart(self, connection: Carrier, act: Callable[[], None]) -> None:
        """Let a fault at one connection end that one, and hold up no other."""
        try:
            act()
        except Exception:  # whatever it is, the others go on
            log.exception("a connection met a fault of the server", peer=connection.host)
            connection.cut()

    async def _drain(self) -> None:
        """Close every stream with ``<system-shutdown/>``; cut off what is not gone in time."""
        self._turnstile.closed = True
        for server in self._servers:
            server.close()
        if self._services.bytestreams is not None:
            self._services.bytestreams.close()
        if self.rooms is not None:
            self.rooms.shut_down()
        goodbye = StreamError(StreamCondition.SYSTEM_SHUTDOWN, "the server is stopping")
        for context in self.lifecycle.contexts():
            self.lifecycle.end(context.session, goodbye)
        for connection in list(self.connections):
            connection.end(goodbye)
        self._flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.drain_time):
                await self._turnstile.empty()
        for connection in list(self.connections):
            connection.cut()
        self._people.keep_levels()


def token() -> str:
    """Return a fresh unguessable text of 128 bits, fit for ids, nonces and resources."""
    return secrets.token_hex(16)


def _open_to_all(services: Services) -> bool:
    """Say whether somebody without an account may make one (XEP-0077)."""
    return services.registrar is not None and services.registrar.accounts
