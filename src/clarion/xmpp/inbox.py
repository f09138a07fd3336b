"""What a session's client sends, taken in order (RFC 6120 section 10.1) and counted (XEP-0198).

Most stanzas are done when whoever takes them (``dispatch.py``) returns. One
that must ask the store holds back those behind it, so that what a client says
takes effect in the order in which it was said. A message only has to be
committed before it is *counted*; it is delivered and followed by others at once.
"""

from asyncio import Future
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from clarion.lib.errors import ClarionError, PeerError, UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.xmpp.errors import StreamCondition, StreamError, error_reply, may_answer
from clarion.wire.xmpp.jid import JidError
from clarion.wire.xmpp.names import MESSAGE
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.dispatch import TAKERS, Work
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.refusals import stanza_error
from clarion.xmpp.routing import check_blocking, recipient_of
from clarion.xmpp.session import HeldTicket

QUEUE_LIMIT: Final = 64  # LIMIT: stanzas that wait behind a slow one before reading pauses

UNCOMMITTED_LIMIT: Final = 200  # LIMIT: messages under way to the disk before reading pauses
UNCOMMITTED_BYTES: Final = 1 << 20  # LIMIT: the same in bytes
UNCOUNTED_LIMIT: Final = 10_000  # LIMIT: stanzas behind a loss that is not acknowledged

log = get_logger("xmpp")


class Inbox:
    """One session's stanzas, in order.

    Args:
        context: Handed to handlers.
        switchboard: Who takes what.
        answer: Sends the ``<a/>`` that is due (``ext/stream_management.py``).

    """

    def __init__(
        self, context: Context, switchboard: Switchboard, answer: Callable[[Context], None]
    ) -> None:
        self._context = context
        self._switchboard = switchboard
        self._answer = answer
        # Only while something waits: most sessions are idle, and a deque takes 760 bytes.
        self._queue: deque[Stanza] | None = None
        self._busy = False
        self._stopped = False
        self._uncommitted = 0
        self._uncommitted_bytes = 0
        self._done: Callable[[], None] | None = None

    def take(self, stanzas: Sequence[Stanza]) -> None:
        """Handle ``stanzas`` now, or queue them behind one that is not done."""
        self._context.services.tally.stanzas_in += len(stanzas)
        session = self._context.session
        if session.inbound is not None and session.inbound.outstanding > UNCOUNTED_LIMIT:
            session.overflow()
        elif len(stanzas) == 1 and not self._busy and not self._queue:
            self._one(stanzas[0])
            self._hold_or_read()
        else:
            if self._queue is None:
                self._queue = deque()
            self._queue.extend(stanzas)
            self._drain()

    @property
    def busy(self) -> bool:
        """Whether a stanza is not done, and holds back those behind it."""
        return self._busy

    def finish(self, done: Callable[[], None]) -> None:
        """Call ``done`` when all that was taken is done; ask ``busy`` first."""
        self._stopped = True
        self._done = done

    def stop(self) -> None:
        """Begin nothing more: the connection is gone.

        What was not begun was not counted either, so a client that resumes
        sends it again.
        """
        if self._done is None:
            self._stopped = True
            self._queue = None

    def _drain(self) -> None:
        while self._queue and not self._busy and not self._context.session.ended:
            self._one(self._queue.popleft())
        if not self._queue:
            self._queue = None
        self._hold_or_read()

    def _hold_or_read(self) -> None:
        """Let nobody's messages fill the store's queue, which is everybody's."""
        line = self._context.session.line
        if line is not None and not self._stopped:
            line.hold_reading(
                hold=(self._queue is not None and len(self._queue) > QUEUE_LIMIT)
                or self._uncommitted > UNCOMMITTED_LIMIT
                or self._uncommitted_bytes > UNCOMMITTED_BYTES
            )

    def _one(self, stanza: Stanza) -> None:
        session = self._context.session
        take = TAKERS.get(stanza.tag)
        if take is None:
            self._nonza(stanza)
            return
        inbound = session.inbound
        ticket = HeldTicket(inbound.receive(), inbound) if inbound is not None else None
        try:
            if self._context.services.blocking.lists:
                check_blocking(self._context, stanza)
            work = take(self._context, self._switchboard, stanza)
        except Exception as error:  # noqa: BLE001  # whatever it is, the client is told
            self._failed(stanza, ticket, error)
            return
        if work is None:
            self._settled(ticket)
        elif isinstance(work, Future):
            if work.done():
                self._committed(stanza, ticket, work)
            else:
                self._uncommitted += 1
                self._uncommitted_bytes += len(stanza.raw)
                work.add_done_callback(lambda done: self._written(stanza, ticket, done))
        else:
            self._busy = True
            self._context.services.crew.errand(
                self._slowly(stanza, ticket, work), name=f"stanza of {session.full}"
            )

    def _nonza(self, stanza: Stanza) -> None:
        """What is no stanza has no error of its own: a wrong one ends the stream."""
        try:
            self._switchboard.nonzas[stanza.tag](self._context, stanza)
        except PeerError as error:
            wrong = StreamError(StreamCondition.BAD_FORMAT, str(error))
        except Exception as error:
            log.exception("an element met a fault of the server", exc_info=error)
            wrong = StreamError(StreamCondition.INTERNAL_SERVER_ERROR, "the server made a mistake")
        else:
            return
        if self._context.session.line is not None:
            self._context.session.line.end(wrong)

    async def _slowly(self, stanza: Stanza, ticket: HeldTicket | None, work: Work) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # whatever it is, the client is told
            self._failed(stanza, ticket, error)
        else:
            self._settled(ticket)
        finally:
            self._busy = False
        self._drain()
        if not self._busy and self._done is not None:
            done, self._done = self._done, None
            done()

    # -- the end of each stanza ---------------------------------------------------

    def _settled(self, ticket: HeldTicket | None) -> None:
        # A session that was resumed counts anew: the client sends again what was under way.
        if ticket is not None and ticket.inbound is self._context.session.inbound:
            ticket.inbound.settle(ticket.ticket)
            self._answer(self._context)

    def _written(self, stanza: Stanza, ticket: HeldTicket | None, done: Future[Any]) -> None:
        held = self._uncommitted > UNCOMMITTED_LIMIT or self._uncommitted_bytes > UNCOMMITTED_BYTES
        self._uncommitted -= 1
        self._uncommitted_bytes -= len(stanza.raw)
        self._committed(stanza, ticket, done)
        if held:
            self._hold_or_read()

    def _committed(self, stanza: Stanza, ticket: HeldTicket | None, done: Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._failed(stanza, ticket, error)
        elif not done.cancelled():
            self._settled(ticket)

    def _failed(self, stanza: Stanza, ticket: HeldTicket | None, error: BaseException) -> None:
        """Tell the client; the stanza counts once the client has acknowledged that."""
        session = self._context.session
        refusal = stanza_error(error)
        if not may_answer(stanza):
            self._settled(ticket)
            return
        self._context.services.tally.refusals[refusal.condition.value] += 1
        reply = error_reply(stanza, refusal, None, session.full)
        if stanza.tag == MESSAGE and isinstance(error, UnavailableError):
            self._tell_copiers(stanza, reply)
        if ticket is None or ticket.inbound is not session.inbound:
            session.send(reply)
            return
        if isinstance(error, ClarionError) and not isinstance(error, UnavailableError):
            # A refusal is an answer like any other; only what was lost is held.
            session.send(reply)
            self._settled(ticket)
            return
        session.send(reply, ticket)
        ticket.inbound.hold(ticket.ticket)
        self._answer(self._context)

    def _tell_copiers(self, stanza: Stanza, reply: bytes) -> None:
        """Tell those too who have a copy of a message that could not be kept (XEP-0280 6.1)."""
        context, given = self._context, stanza.attributes
        copiers = context.entity.copiers
        if copiers is not None and given.get("id"):
            try:
                peer = recipient_of(context, stanza).bare
            except JidError:
                return
            copiers.bounced(context.session, peer, given["id"], reply)
