"""Asks a client what it has received, and whether it is still there.

With XEP-0198 by ``<r/>``, without it by a ping whose answer proves that
everything before it has arrived. Each question costs the client's radio and
two wake-ups here, so a busy session is asked every ``ASK_INTERVAL`` (or every
``REQUEST_EVERY`` stanzas), a quiet one at once.
"""

from collections.abc import Callable
from typing import Final, Protocol

from clarion.lib.clock import Alarm
from clarion.xmpp.context import Context
from clarion.xmpp.ext import stream_management as sm

ASK_INTERVAL: Final = 0.25
"""Seconds between two ``<r/>`` to a client that answers (XEP-0198 section 8.2: not too often)."""
PROOF_DELAY: Final = 1.0
"""Seconds after which a client without XEP-0198 is asked what it has."""


class Asked(Protocol):
    """The connection, as ``Asking`` needs it."""

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        ...

    def give_up(self, silent_seconds: float) -> None:
        """Cut a client off that gives no sign of life."""
        ...


class Asking:
    """The questions to one session's client over one connection.

    Args:
        connection: Where the questions go out.
        context: The session.

    Attributes:
        heard: Monotonic seconds at which the client last sent something.
        asked: Monotonic seconds at which it was asked whether it is there;
            ``None`` when it was not, or has sent something since.

    """

    __slots__ = ("_alarm", "_connection", "_context", "_requested", "asked", "heard")

    def __init__(self, connection: Asked, context: Context) -> None:
        self._connection = connection
        self._context = context
        self._alarm: Alarm | None = None
        self.heard = context.services.clock.monotonic()
        self.asked: float | None = None
        self._requested = self.heard - ASK_INTERVAL  # when the last <r/> went out

    def stop(self) -> None:
        """Ask nothing more: the connection is gone."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def behind_flush(self) -> bytes:
        """Return the ``<r/>`` that goes out behind what is about to be flushed, or nothing."""
        session = self._context.session
        outbound = session.outbound
        if outbound is None:
            if session.unproven:
                self._later(PROOF_DELAY, self._prove)
            return b""
        return self._request() if outbound.request_due else b""

    def about_the_rest(self) -> None:
        """After an ``<a/>``: ask about what went out behind the ``<r/>`` that it answers."""
        request = self.behind_flush()
        if request:
            self._connection.write(request)

    def prove_soon(self) -> None:
        """Ask the client before long what it has received (no XEP-0198)."""
        self._later(PROOF_DELAY, self._prove)

    def sweep(self, now: float) -> None:
        """Ask a silent client for a sign of life; give up one that sends none."""
        limits = self._context.services.limits
        if self.asked is not None:
            if now - self.asked >= limits.ping_time:
                self._connection.give_up(now - self.heard)
        elif now - self.heard >= limits.idle_time:
            self.asked = now
            self.prove()

    def prove(self) -> None:
        """Ask now for an answer that proves what the client has received."""
        services, session = self._context.services, self._context.session
        # What went out before XEP-0198 was turned on, no acknowledgement proves.
        by_ping = session.outbound is None or session.unproven
        if by_ping and not session.proof_id:
            session.proof_id = f"proof-{services.token()[:8]}"
            session.proof_count = len(session.unproven)
            session.send(
                f"<iq type='get' id='{session.proof_id}' from='{services.domain}'"
                f" to='{session.full}'><ping xmlns='urn:xmpp:ping'/></iq>".encode()
            )
        elif session.outbound is not None:
            self._connection.write(sm.REQUEST)
            session.outbound.requested()

    def _request(self) -> bytes:
        outbound = self._context.session.outbound
        assert outbound is not None, "there is something to ask about"
        now = self._context.services.clock.monotonic()
        wait = self._requested + ASK_INTERVAL - now
        if wait > 0 and not outbound.request_pressing:
            self._later(wait, self._ask)
            return b""
        self._requested = now
        outbound.requested()
        return sm.REQUEST

    def _ask(self) -> None:
        self._alarm = None
        outbound = self._context.session.outbound
        if outbound is not None and outbound.request_due:
            self._requested = self._context.services.clock.monotonic()
            outbound.requested()
            self._connection.write(sm.REQUEST)

    def _prove(self) -> None:
        self._alarm = None
        if self._context.session.unproven:
            self.prove()

    def _later(self, delay: float, act: Callable[[], None]) -> None:
        if self._alarm is None:
            self._alarm = self._context.services.clock.call_later(delay, act)
