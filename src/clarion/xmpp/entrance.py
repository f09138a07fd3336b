"""A client's way in: from a fresh connection to a session that it binds or resumes.

Here are the steps to which the stream (``wire/xmpp/stream.py``) needs an
answer: TLS, log-in, binding (RFC 6120 sections 5 to 7), registration
(XEP-0077) and resumption (XEP-0198 section 5), and the time there is for all
of them. Once a session is carried the connection lets go of this.
"""

import asyncio
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, Final, Protocol

from clarion.lib.clock import Alarm
from clarion.lib.errors import ClarionError
from clarion.wire.xmpp.errors import StanzaCondition, StreamCondition, StreamError
from clarion.wire.xmpp.stream import ServerStream
from clarion.wire.xmpp.stream_events import (
    BindWanted,
    KeysWanted,
    Offered,
    PasswordGiven,
    ProofGiven,
    RegistrationWanted,
    SecureWanted,
)
from clarion.xmpp.context import Context
from clarion.xmpp.ext import stream_management as sm
from clarion.xmpp.login import LogIn
from clarion.xmpp.refusals import stanza_error
from clarion.xmpp.session import Line
from clarion.xmpp.ways import DoorWays

HANDSHAKE_SECONDS: Final = 30.0  # LIMIT: of a TLS handshake


class Entering(Line, Protocol):
    """The connection, as ``Entrance`` needs it.

    Attributes:
        transport: What it speaks through; ``None``: it is gone.

    """

    transport: asyncio.Transport | None

    @property
    def host(self) -> str:
        """Where the client connects from."""
        ...

    @property
    def over(self) -> bool:
        """Whether the stream has ended, or the connection is broken."""
        ...

    @property
    def log(self) -> Any:
        """The log, with whose connection it is."""
        ...

    def say(self, engine: ServerStream) -> None:
        """Queue what the stream has to say."""
        ...

    def pump(self, engine: ServerStream) -> None:
        """Let what the stream has seen take effect."""
        ...

    def flush(self) -> None:
        """Write what is queued."""
        ...

    def carry(self, context: Context) -> None:
        """Begin to carry a session; the client is in."""
        ...

    def complain(self, what: str, why: str, **values: object) -> None:
        """Log what went wrong."""
        ...

    def give_up_handshake(self) -> None:
        """End a connection whose TLS handshake failed or takes too long."""
        ...


class Entrance:
    """The way in of one connection's client.

    Args:
        connection: Which has its transport and knows its host.
        ways: What it shares with others.
        name: The connection's id in the log.

    Attributes:
        engine: The stream, which has begun.

    """

    __slots__ = ("_alarm", "_connection", "_login", "_services", "_ways", "engine")

    def __init__(self, connection: Entering, ways: DoorWays, name: str) -> None:
        self._connection = connection
        self._ways = ways
        self._services = services = ways.services
        self._login = LogIn(services, ways.throttle, connection.host, name)
        bindings: Mapping[str, bytes] = {}
        if ways.direct and ways.certificate is not None and connection.transport is not None:
            shown = connection.transport.get_extra_info("ssl_object")
            bindings = ways.certificate.bindings(shown)
        self.engine = ServerStream(
            ways.rules,
            token=services.token,
            now=services.clock.monotonic(),
            secure=ways.direct,
            bindings=bindings,
        )
        self._alarm: Alarm = services.clock.call_later(ways.rules.negotiation_seconds, self._wake)

    def stop(self) -> None:
        """Take no further step: the client is in, the stream has ended, or nobody is there."""
        self._login.over = True
        self._alarm.cancel()

    def _wake(self) -> None:
        """End a log-in that takes too long."""
        now = self._services.clock.monotonic()
        self.engine.wake(now)
        self._connection.pump(self.engine)
        deadline = self.engine.deadline()
        if deadline is not None:
            # uvloop counts from the beginning of a turn, so its timers may go off early.
            self._alarm = self._services.clock.call_later(max(deadline - now, 0.001), self._wake)

    # -- what the stream asks for -----------------------------------------------------

    def take(self, event: object) -> None:
        """Do what the stream asks for, and read on when it has its answer."""
        match event:
            case SecureWanted():
                self._spawn(self._secure())
            case KeysWanted():
                self._spawn(self._login.keys(self.engine, event))
            case PasswordGiven():
                self._spawn(self._login.password(self.engine, event))
            case ProofGiven():
                self._spawn(self._login.proof(self.engine, event))
            case RegistrationWanted():
                self._spawn(self._login.register(self.engine, event))
            case BindWanted():
                self._spawn(self._bind(event))
            case Offered():
                self._spawn(self._offered(event))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        # The client waits for the answer, so there is nothing to read meanwhile.
        self._connection.hold_reading(hold=True)
        self._services.crew.errand(self._guarded(work), name=f"log-in from {self._connection.host}")

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        connection = self._connection
        try:
            await work
        except ClarionError as error:
            connection.log.warning("connection refused", why=str(error))
            connection.end(StreamError(StreamCondition.INTERNAL_SERVER_ERROR, str(error)))
        except Exception:  # one client's bad luck is nobody else's
            connection.log.exception("a connection met a fault of the server")
            connection.end(StreamError(StreamCondition.INTERNAL_SERVER_ERROR, "the server failed"))
        else:
            if not connection.over:
                self._go_on()

    def _go_on(self) -> None:
        """Read on after the answer to what the client waited for."""
        connection, engine = self._connection, self.engine
        connection.hold_reading(hold=False)  # what comes now may hold it again
        connection.say(engine)
        engine.pump()
        connection.pump(engine)

    async def _secure(self) -> None:
        connection, certificate = self._connection, self._ways.certificate
        connection.say(self.engine)
        connection.flush()
        assert certificate is not None, "STARTTLS is only offered with a certificate"
        transport = connection.transport
        if transport is None:
            return
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                transport,
                transport.get_protocol(),
                certificate.starttls,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except (OSError, ssl.SSLError) as error:
            connection.complain("TLS handshake failed", str(error))
            connection.give_up_handshake()
            return
        if secured is None:
            return
        connection.transport = secured
        self.engine.secured(certificate.bindings(secured.get_extra_info("ssl_object")))

    async def _bind(self, event: BindWanted) -> None:
        connection, engine, lifecycle = self._connection, self.engine, self._ways.lifecycle
        person = self._login.person
        assert person is not None, "binding comes after log-in"
        try:
            context = await lifecycle.begin(person, event.resource, engine.lang, connection)
        except ClarionError as error:
            if not connection.over:
                engine.bind_refused(stanza_error(error))
            return
        session = context.session
        session.label = self._login.label
        if connection.over:
            session.line = None
            lifecycle.end(session)
            return
        connection.carry(context)
        engine.bound(session.full)
        connection.log.info("logged in", jid=session.full)

    async def _offered(self, event: Offered) -> None:
        """Resume a session (XEP-0198 section 5); to count, one must be bound first (section 3)."""
        connection, engine, lifecycle = self._connection, self.engine, self._ways.lifecycle
        element = event.element
        if element.tag != sm.RESUME:
            engine.not_taken(sm.failed(StanzaCondition.UNEXPECTED_REQUEST))
            return
        person = self._login.person
        assert person is not None, "resumption comes after log-in"
        previous = element.attributes.get("previd", "")
        lifecycle.release(person, previous)
        # What is being committed counts, or the client would send it a second time.
        await self._services.archive.settled()
        if connection.over:
            return
        context = lifecycle.resume(person, previous, connection)
        if context is None:
            engine.not_taken(sm.failed(StanzaCondition.ITEM_NOT_FOUND))
            return
        connection.carry(context)
        try:
            tokens = sm.resume(context.session, element)
        except StreamError as error:
            engine.fail(error)
            return
        engine.bound("")
        engine.send(sm.resumed(context.session))
        sm.took(context, tokens)
        connection.say(engine)
        engine.pump()
        connection.log.info("session resumed", jid=context.session.full)
