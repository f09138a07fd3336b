"""The way from one domain of ours to another server: a queue, and a stream when it is needed.

What cannot be sent goes back to its sender as an error (RFC 6120 section 10.4).
After a failure nobody connects until some time has passed; what comes
meanwhile is refused at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from clarion.core.ports import Parcel
from clarion.lib.clock import Alarm, Clock
from clarion.lib.crew import Crew
from clarion.lib.errors import UnavailableError
from clarion.lib.log import get_logger
from clarion.lib.peer_tls import proves
from clarion.wire.xmpp.dialback import Dialback
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.renaming import for_stream
from clarion.wire.xmpp.server_events import (
    DialbackTold,
    PeerClosed,
    PeerProven,
    PeerRules,
    PeerSecureWanted,
)
from clarion.wire.xmpp.server_outgoing import OutgoingStream
from clarion.xmpp.federation.connection import HANDSHAKE_SECONDS, PeerConnection
from clarion.xmpp.federation.keep_alive import connect
from clarion.xmpp.federation.policy import Contexts
from clarion.xmpp.federation.resolving import Resolver, Target, ascii_name, targets

QUEUE_LIMIT: Final = 1_000  # LIMIT: stanzas that wait for a stream to one domain
QUEUE_LIMIT_BYTES: Final = 4 << 20  # LIMIT: the same in bytes
CONNECT_SECONDS: Final = 10.0  # LIMIT: of one TCP connection
VERIFY_SECONDS: Final = 30.0  # LIMIT: for the answer to a question about a key
QUESTIONS_LIMIT: Final = 100  # LIMIT: questions about keys under way with one domain
IDLE_SECONDS: Final = 600.0  # without a stanza, after which a stream is closed
RETRY_SECONDS: Final = 5.0  # after a first failure, doubled with each one more
RETRY_LIMIT_SECONDS: Final = 300.0  # LIMIT: of that

Bounce = Callable[[Parcel, StanzaError], None]
Answered = Callable[[str, StanzaError | None], None]

log = get_logger("federation")


class Link:
    """One pair of domains.

    Args:
        local: Ours.
        remote: The other.
        rules: What its streams keep to.
        contexts: TLS.
        resolver: Finds the other server.
        clock: Tells time.
        crew: Runs what takes longer.
        bounce: Sends a stanza's sender an error.

    """

    def __init__(
        self,
        local: str,
        remote: str,
        *,
        rules: PeerRules,
        contexts: Contexts,
        resolver: Resolver,
        clock: Clock,
        crew: Crew,
        bounce: Bounce,
    ) -> None:
        self.local = local
        self.remote = remote
        self._rules = rules
        self._contexts = contexts
        self._resolver = resolver
        self._clock = clock
        self._crew = crew
        self._bounce = bounce
        self._queue: deque[tuple[bytes, Parcel]] = deque()
        self._queued_bytes = 0
        self._questions: dict[tuple[str, str], tuple[Dialback, Answered, Alarm]] = {}
        self._attempt: _Attempt | None = None
        self._trying = False
        self._failures = 0
        self._not_before = 0.0
        self._why = StanzaError(StanzaCondition.REMOTE_SERVER_TIMEOUT)
        self._last = 0.0
        self._alarm: Alarm | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is there or under way, so that the link may be forgotten."""
        quiet = not (self._queue or self._questions or self._trying or self.open)
        return quiet and self._clock.monotonic() >= self._not_before

    @property
    def open(self) -> bool:
        """Whether stanzas go out at once."""
        return self._attempt is not None and self._attempt.proven

    def send(self, parcel: Parcel) -> None:
        """Send a stanza, or queue it until there is a stream."""
        raw = for_stream(parcel.stanza)
        if raw is None:
            self._bounce(parcel, StanzaError(StanzaCondition.BAD_REQUEST, "no prefix, please"))
        elif self._attempt is not None and self._attempt.proven:
            self._attempt.send(raw)
            self._last = self._clock.monotonic()
        elif self._must_wait:
            self._bounce(parcel, self._why)
        elif len(self._queue) >= QUEUE_LIMIT or self._queued_bytes + len(raw) > QUEUE_LIMIT_BYTES:
            self._bounce(
                parcel,
                StanzaError(StanzaCondition.RESOURCE_CONSTRAINT, "too much waits for that server"),
            )
        else:
            self._queue.append((raw, parcel))
            self._queued_bytes += len(raw)
            self._connect()

    def verify(self, asked: Dialback, answered: Answered) -> None:
        """Ask the other server whether a key is its own.

        Args:
            asked: As it came, with the stream's id.
            answered: Called once with ``valid``, ``invalid``, or ``error`` and why.

        """
        name = (asked.stream, asked.recipient)
        if self._must_wait and not self.open:
            answered("error", self._why)
        elif len(self._questions) >= QUESTIONS_LIMIT or name in self._questions:
            answered("error", StanzaError(StanzaCondition.RESOURCE_CONSTRAINT))
        else:
            alarm = self._clock.call_later(VERIFY_SECONDS, lambda: self._unanswered(name))
            self._questions[name] = (asked, answered, alarm)
            if self._attempt is not None:
                self._attempt.verify(asked)
            else:
                self._connect()

    def close(self) -> None:
        """End the stream; what waits goes back."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._attempt is not None:
            self._attempt.connection.end()
        self._give_up(StanzaError(StanzaCondition.REMOTE_SERVER_TIMEOUT, "the server is stopping"))

    # -- connecting ------------------------------------------------------------------------

    @property
    def _must_wait(self) -> bool:
        return not self._trying and self._clock.monotonic() < self._not_before

    def _connect(self) -> None:
        if not self._trying:
            self._trying = True
            self._crew.errand(self._reach(), name=f"stream to {self.remote}")

    async def _reach(self) -> None:
        try:
            await self._try_all()
        except UnavailableError as error:
            self._failed(StanzaError(StanzaCondition.REMOTE_SERVER_NOT_FOUND, str(error)))
        except BaseException:
            self._failed(StanzaError(StanzaCondition.REMOTE_SERVER_TIMEOUT))
            raise

    async def _try_all(self) -> None:
        why = "it cannot be reached"
        for target in await targets(self.remote, self._resolver):
            attempt = _Attempt(self, target)
            try:
                async with asyncio.timeout(CONNECT_SECONDS + HANDSHAKE_SECONDS):
                    await attempt.connect()
                await attempt.outcome
            except (OSError, TimeoutError, UnavailableError) as error:
                why = str(error) or "it does not answer"
                log.info(
                    "no stream to a server",
                    domain=self.remote,
                    address=f"{target.address}:{target.port}",
                    why=why,
                )
                attempt.give_up()
                continue
            return
        self._failed(StanzaError(StanzaCondition.REMOTE_SERVER_TIMEOUT, f"{self.remote}: {why}"))

    def _failed(self, why: StanzaError) -> None:
        self._trying = False
        self._failures += 1
        wait = min(RETRY_SECONDS * 2 ** min(self._failures - 1, 16), RETRY_LIMIT_SECONDS)
        self._not_before = self._clock.monotonic() + wait
        self._why = why
        log.info("a server cannot be reached", domain=self.remote, why=why.text, again_in=wait)
        self._give_up(why)

    def _give_up(self, why: StanzaError) -> None:
        queue, self._queue = self._queue, deque()
        self._queued_bytes = 0
        for _, parcel in queue:
            self._bounce(parcel, why)
        questions, self._questions = self._questions, {}
        for _, answered, alarm in questions.values():
            alarm.cancel()
            answered("error", StanzaError(StanzaCondition.REMOTE_SERVER_TIMEOUT, why.text))

    def _watch(self) -> None:
        """Close the stream once it has been silent for long."""
        left = self._last + IDLE_SECONDS - self._clock.monotonic()
        if left > 0:
            self._alarm = self._clock.call_later(max(left, 0.001), self._watch)
        elif self._attempt is not None:
            self._attempt.connection.end()

    # -- what attempts tell ------------------------------------------------------------------

    def began(self, attempt: "_Attempt") -> OutgoingStream:
        """Make the stream of a connection that has been made."""
        self._attempt = attempt
        engine = OutgoingStream(
            self._rules,
            self.local,
            self.remote,
            now=self._clock.monotonic(),
            secure=attempt.target.direct,
        )
        for asked, _, _ in self._questions.values():
            engine.verify(asked)
        return engine

    def opened(self, attempt: "_Attempt") -> None:
        """Send what waits, before anything newer: the stream is proven."""
        self._trying = False
        self._failures = 0
        self._last = self._clock.monotonic()
        log.info("stream to a server", domain=self.remote, by=attempt.how)
        for raw, _ in self._queue:
            attempt.send(raw)
        self._queue.clear()
        self._queued_bytes = 0
        self._watch()

    def told(self, told: Dialback) -> None:
        """Take the answer to a question about a key."""
        if told.sender != self.remote:
            return
        found = self._questions.pop((told.stream, told.recipient), None)
        if found is not None:
            found[2].cancel()
            error = StanzaError(StanzaCondition.REMOTE_SERVER_TIMEOUT)
            found[1](told.kind, error if told.kind == "error" else None)

    def _unanswered(self, name: tuple[str, str]) -> None:
        found = self._questions.pop(name, None)
        if found is not None:
            found[1]("error", StanzaError(StanzaCondition.REMOTE_SERVER_TIMEOUT))

    def ended(self, attempt: "_Attempt") -> None:
        """Take note that a connection is gone."""
        if self._attempt is attempt:
            self._attempt = None
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
            if attempt.proven and not self._trying:
                log.info("stream to a server ended", domain=self.remote)
                self._give_up(StanzaError(StanzaCondition.REMOTE_SERVER_TIMEOUT))

    def spawn(self, work: Any) -> None:
        """Run what an attempt must wait for."""
        self._crew.errand(work, name=f"TLS with {self.remote}")

    @property
    def tls(self) -> Contexts:
        """TLS."""
        return self._contexts

    def connection(self, attempt: "_Attempt") -> PeerConnection:
        """Return a connection for an attempt."""
        return PeerConnection(self._clock, attempt)


class _Attempt:
    """One connection to one of a domain's addresses, until it is proven and while it lasts."""

    def __init__(self, link: Link, target: Target) -> None:
        self.target = target
        self.connection = link.connection(self)
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.how = ""
        self._link = link
        self._engine: OutgoingStream | None = None
        self._error = "the other server closed the connection"

    @property
    def proven(self) -> bool:
        """Whether stanzas may be sent."""
        return bool(self.how)

    async def connect(self) -> None:
        """Connect.

        Raises:
            OSError: Nobody answers there, or TLS fails.
            UnavailableError: The certificate is not the domain's.

        """
        target, link = self.target, self._link
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            connected = await connect(target.address, target.port)
        await loop.create_connection(
            lambda: self.connection,
            sock=connected,
            ssl=link.tls.direct if target.direct else None,
            server_hostname=ascii_name(link.remote) if target.direct else None,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if target.direct else None,
        )

    def give_up(self) -> None:
        """Leave nothing behind."""
        self.outcome.cancel()
        self.connection.cut()

    def send(self, raw: bytes) -> None:
        """Send a stanza."""
        if self._engine is not None:
            self._engine.send(raw)
            self.connection.pump()

    def verify(self, asked: Dialback) -> None:
        """Ask about a key."""
        if self._engine is not None:
            self._engine.verify(asked)
            self.connection.pump()

    # -- Owner of a connection --------------------------------------------------------------

    def begin(self, connection: PeerConnection) -> OutgoingStream | None:
        """See ``connection.Owner``."""
        if self.target.direct and not self._certified(connection):
            return None
        self._engine = self._link.began(self)
        return self._engine

    def heard(self, event: object) -> None:
        """See ``connection.Owner``."""
        match event:
            case PeerSecureWanted():
                self.connection.hold_reading(hold=True)
                self._link.spawn(self._secure())
            case PeerProven():
                self.how = event.how
                self._link.opened(self)
                if not self.outcome.done():
                    self.outcome.set_result(None)
            case DialbackTold():
                self._link.told(event.told)
            case PeerClosed() if event.error is not None:
                self._error = str(event.error)

    def gone(self) -> None:
        """See ``connection.Owner``."""
        if not self.outcome.done():
            self.outcome.set_exception(UnavailableError(self._error))
            self.outcome.exception()  # it may be that nobody asks any more
        self._link.ended(self)

    async def _secure(self) -> None:
        engine, link = self._engine, self._link
        name = ascii_name(link.remote)
        if await self.connection.secure(link.tls.connecting, name=name) is None:
            return
        if not self._certified(self.connection):
            self.connection.cut()
        elif engine is not None:
            engine.secured()
            self.connection.hold_reading(hold=False)
            self.connection.pump()

    def _certified(self, connection: PeerConnection) -> bool:
        tls = connection.tls
        if tls is not None and proves(tls.getpeercert(binary_form=True), self._link.remote):
            return True
        self._error = f"the certificate is not one of {self._link.remote}"
        return False
