"""What a session's client sends, taken in order (RFC 6120 section 10.1) and counted (XEP-0198).

Most stanzas are done when their handler returns. One that must ask the store
holds back those behind it, so that what a client says takes effect in the
order in which it was said. A message only has to be committed before it is
*counted*; it is delivered and followed by others at once.
"""

from asyncio import Future
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from inspect import isawaitable
from typing import Any, Final

from clarion.lib.errors import ClarionError, PeerError, UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.xml import escape, parse
from clarion.wire.xmpp.errors import (
    StanzaCondition,
    StanzaError,
    StreamCondition,
    StreamError,
    error_reply,
    may_answer,
)
from clarion.wire.xmpp.jid import Jid, JidError
from clarion.wire.xmpp.names import CLIENT, IQ, MESSAGE, PRESENCE
from clarion.wire.xmpp.stamps import ORIGIN_ID
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.extension import At, IqHandler, Switchboard
from clarion.xmpp.pep_notices import answered as take_answer
from clarion.xmpp.refusals import stanza_error
from clarion.xmpp.routing import (
    check_blocking,
    forward_iq,
    is_blocked_by,
    local_person,
    recipient_of,
    route_message,
)
from clarion.xmpp.session import HeldTicket

QUEUE_LIMIT: Final = 64  # LIMIT: stanzas that wait behind a slow one before reading pauses

UNCOMMITTED_LIMIT: Final = 200  # LIMIT: messages under way to the disk before reading pauses
UNCOMMITTED_BYTES: Final = 1 << 20  # LIMIT: the same in bytes
UNCOUNTED_LIMIT: Final = 10_000  # LIMIT: stanzas behind a loss that is not acknowledged

log = get_logger("xmpp")

Work = Coroutine[Any, Any, None]


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
        handle = _HANDLERS.get(stanza.tag)
        if handle is None:
            self._nonza(stanza)
            return
        inbound = session.inbound
        ticket = HeldTicket(inbound.receive(), inbound) if inbound is not None else None
        try:
            if self._context.services.blocking.lists:
                check_blocking(self._context, stanza)
            work = handle(self, stanza)
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

    # -- messages -------------------------------------------------------------------

    def _message(self, stanza: Stanza) -> Future[Any] | Work | None:
        entity = self._context.entity
        if ORIGIN_ID in stanza.children and not entity.knows_sent:
            return self._message_after_loading(stanza)
        waits = self._look(stanza)
        if waits:
            return self._route_and_wait(stanza, waits)
        return route_message(self._context, stanza)

    async def _message_after_loading(self, stanza: Stanza) -> None:
        await self._context.entity.load_sent()
        await self._route_and_wait(stanza, self._look(stanza))

    def _look(self, stanza: Stanza) -> list[Awaitable[object]]:
        """Let features look at the message before it goes on."""
        waits: list[Awaitable[object]] = []
        messages = self._switchboard.messages
        # Once each: a stanza has room for thousands of one kind, and each may cost a query.
        for child in dict.fromkeys(stanza.children):
            look = messages.get(child)
            if look is not None:
                if is_blocked_by(self._context, recipient_of(self._context, stanza)):
                    break  # it is about to be refused, and tells nobody anything
                wait = look(self._context, stanza)
                if wait is not None:
                    waits.append(wait)
        return waits

    async def _route_and_wait(self, stanza: Stanza, waits: list[Awaitable[object]]) -> None:
        try:
            kept = route_message(self._context, stanza)
        finally:
            # What features do holds also when the message itself is refused.
            for wait in waits:
                await wait
        if kept is not None:
            await kept

    # -- presence ---------------------------------------------------------------------

    def _presence(self, stanza: Stanza) -> Work | None:
        kind = stanza.attributes.get("type", "")
        handler = self._switchboard.presences.get(kind)
        if handler is None:
            if kind == "error":
                return None
            raise StanzaError(StanzaCondition.BAD_REQUEST, f"presence has no type {kind!r}")
        work = handler(self._context, stanza)
        return None if work is None else _finish(work)

    # -- iq ------------------------------------------------------------------------------

    def _iq(self, stanza: Stanza) -> Work | None:
        """Apply RFC 6120 section 8.2.3 and RFC 6121 section 8.5."""
        kind = stanza.attributes.get("type", "")
        if kind in {"result", "error"}:
            self._answered(stanza)
            return None
        recipient = self._asked(stanza, kind)
        place: At
        if recipient.resource:
            guard = self._switchboard.iqs.get(("session", kind, stanza.children[0]))
            if guard is not None:
                return self._forward_later(guard, stanza, recipient)
            forward_iq(self._context, stanza, recipient)
            return None
        if recipient.bare == self._context.services.domain:
            place = "server"
        elif recipient.bare == self._context.account:
            place = "account"
        elif recipient.bare == self._context.services.proxy:
            place = "proxy"
        else:
            place = "contact"
        handler = self._switchboard.iqs.get((place, kind, stanza.children[0]))
        ours = recipient.domain == self._context.services.domain
        if place == "contact" and (handler is None or not ours):
            # Who answers for contacts decides what may be told of those who do not exist.
            local_person(self._context, recipient)
        if handler is None:
            raise StanzaError(
                StanzaCondition.SERVICE_UNAVAILABLE, f"nobody here answers {stanza.children[0]}"
            )
        payload = parse(stanza.raw, CLIENT)[0]
        result = handler(self._context, stanza, payload)
        if isawaitable(result):
            return self._answer_later(stanza, result)
        self._reply(stanza, result)
        return None

    def _asked(self, stanza: Stanza, kind: str) -> Jid:
        """Return whom a request is for, if it is one that may be put.

        Raises:
            StanzaError: It may not.
            JidError: ``to`` is no JID.

        """
        if kind not in {"get", "set"}:
            raise StanzaError(StanzaCondition.BAD_REQUEST, "an iq is a get, set, result or error")
        if not stanza.attributes.get("id"):
            raise StanzaError(StanzaCondition.BAD_REQUEST, "an iq needs an id")
        if len(stanza.children) != 1:
            raise StanzaError(StanzaCondition.BAD_REQUEST, "a request has exactly one child")
        recipient = recipient_of(self._context, stanza)
        if is_blocked_by(self._context, recipient):
            # XEP-0191 section 3.3: as if they were not here.
            raise StanzaError(
                StanzaCondition.SERVICE_UNAVAILABLE, f"{recipient.full} is not on line"
            )
        return recipient

    def _answered(self, stanza: Stanza) -> None:
        to = stanza.attributes.get("to")
        session = self._context.session
        if session.proof_id and stanza.attributes.get("id") == session.proof_id:
            self._context.entity.received(session, session.proved())
            self._context.people.level_changed(self._context.entity)
            if session.unproven and session.line is not None:
                session.line.prove_soon()
        elif take_answer(self._context, stanza):
            pass  # what the client can do
        elif to is not None and recipient_of(self._context, stanza).resource:
            forward_iq(self._context, stanza, recipient_of(self._context, stanza))

    async def _forward_later(self, guard: IqHandler, stanza: Stanza, recipient: Jid) -> None:
        allowed = guard(self._context, stanza, parse(stanza.raw, CLIENT)[0])
        if isawaitable(allowed):
            await allowed
        forward_iq(self._context, stanza, recipient)

    async def _answer_later(self, stanza: Stanza, result: Awaitable[bytes | None]) -> None:
        self._reply(stanza, await result)

    def _reply(self, stanza: Stanza, payload: bytes | None) -> None:
        session = self._context.session
        to = stanza.attributes.get("to")
        sender = f" from='{escape(to)}'" if to is not None else ""
        start = (
            f"<iq type='result' id='{escape(stanza.attributes['id'])}'{sender}"
            f" to='{escape(session.full)}'"
        )
        if payload:
            # Copied once: a whole roster is 2 MiB.
            session.send(b"".join((start.encode(), b">", payload, b"</iq>")))
        else:
            session.send(start.encode() + b"/>")


async def _finish(work: Awaitable[None]) -> None:
    await work


# Here and not in each inbox, which would then hold itself and never be freed by counting.
_HANDLERS: Final[Mapping[str, Callable[[Inbox, Stanza], Future[Any] | Work | None]]] = {
    MESSAGE: Inbox._message,  # noqa: SLF001  # the table of this class
    PRESENCE: Inbox._presence,  # noqa: SLF001
    IQ: Inbox._iq,  # noqa: SLF001
}
