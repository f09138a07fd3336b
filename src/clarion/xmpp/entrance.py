"""A client's way in: from a fresh connection to a session that it binds or resumes.

Here are the steps to which the stream (``wire/xmpp/stream.py``) needs an
answer: TLS, log-in, binding (RFC 6120 sections 5 to 7), registration
(XEP-0077) and resumption (XEP-0198 section 5), and the time there is for all
of them; what SASL2 does in one go is in ``welcome.py``. Once a session is
carried the connection lets go of this.
"""

import asyncio
import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, Final

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
    TokenGiven,
    WishesMade,
)
from clarion.xmpp.entering import Entering
from clarion.xmpp.ext import stream_management as sm
from clarion.xmpp.login import LogIn
from clarion.xmpp.refusals import stanza_error
from clarion.xmpp.ways import DoorWays
from clarion.xmpp.welcome import Welcome, go_on, resumption, take_up

HANDSHAKE_SECONDS: Final = 30.0  # LIMIT: of a TLS handshake


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
            case TokenGiven():
                self._spawn(self._login.token(self.engine, event))
            case WishesMade():
                self._spawn(self._welcome(event))
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
            context = await lifecycle.begin(
                person, event.resource, engine.greeting.lang, connection
            )
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
        connection, engine = self._connection, self.engine
        element = event.element
        if element.tag != sm.RESUME:
            engine.not_taken(sm.failed(StanzaCondition.UNEXPECTED_REQUEST))
            return
        person = self._login.person
        assert person is not None, "resumption comes after log-in"
        context = await resumption(connection, self._ways, person, element)
        if connection.over:
            return
        if context is None:
            engine.not_taken(sm.failed(StanzaCondition.ITEM_NOT_FOUND))
            return
        tokens = take_up(connection, engine, context, element)
        if tokens is not None:
            engine.bound("")
            engine.send(sm.resumed(context.session))
            go_on(connection, engine, context, tokens)

    async def _welcome(self, event: WishesMade) -> None:
        await Welcome(self._connection, self._ways, self.engine, self._login, event.wishes).say()
