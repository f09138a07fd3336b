"""Who has handled how much: the counters and queue of stream management (XEP-0198 1.6)."""

from collections import deque
from typing import Final, Generic, TypeVar

from clarion.lib.errors import PeerError, UnavailableError, UsageError
from clarion.lib.pattern import Pattern

MODULUS: Final = 2**32
"""Counters go from 2**32 - 1 back to zero, XEP-0198 section 4."""
REQUEST_EVERY: Final = 10
"""Stanzas sent after an unanswered ``<r/>`` before the next one; section 8.2 asks for 5 or so,
on phones each answer costs power."""

T = TypeVar("T")


class AckError(PeerError):
    """The client acknowledged what it was never sent; the stream must end (section 6).

    Attributes:
        handled: The ``h`` that it sent.
        send_count: How many stanzas it was sent, as the client counts them.

    """

    def __init__(self, handled: int, send_count: int) -> None:
        super().__init__(
            f"You acknowledged {handled} stanzas, but I only sent you {send_count} so far."
        )
        self.handled = handled
        self.send_count = send_count


def parse_handled(text: str | None) -> int:
    """Read the ``h`` of an ``<a/>`` or ``<resume/>`` (an xs:unsignedInt).

    Raises:
        PeerError: Missing, or not a number from 0 to 2**32 - 1.

    """
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise PeerError("the attribute h must be a number")
    handled = int(text)
    if handled >= MODULUS:
        raise PeerError(f"the attribute h must be below {MODULUS}")
    return handled


class Inbound:
    """What we have handled of what the client sent.

    A stanza is counted when it *and all before it* are settled. One that
    failed is held: an error went out, and until the client has acknowledged
    that error the stanza stays uncounted, so that a client which loses the
    connection before it saw the error sends the stanza again. A held stanza
    delays no answer: the answer just does not count it, nor what follows.

    Args:
        start: Stanzas counted before the first one here.

    """

    __slots__ = ("_apart", "_clear", "_held", "_received", "_requests", "_settled")

    def __init__(self, start: int = 0) -> None:
        # Tickets and counters here never wrap; only what leaves does.
        self._received = start
        self._settled = start  # all tickets below are settled
        self._clear = start  # all tickets below are settled or held
        # Sets only while there is something in them: most sessions are idle, and empty.
        self._apart: set[int] | None = None  # settled, but not yet below _settled
        self._held: set[int] | None = None
        self._requests: list[int] = []  # how many had been received at each <r/>

    @property
    def handled(self) -> int:
        """The ``h`` to send."""
        return self._settled % MODULUS

    @property
    def outstanding(self) -> int:
        """How many stanzas were received and are not counted in ``handled``."""
        return self._received - self._settled

    def receive(self) -> int:
        """Note a stanza and return its ticket."""
        ticket = self._received
        self._received = ticket + 1
        return ticket

    def settle(self, ticket: int) -> None:
        """Count a stanza: it is committed or answered, or its error was acknowledged.

        Raises:
            UsageError: No such stanza waits to be settled.

        """
        if ticket == self._settled < self._received:
            ticket += 1
            if self._held:
                self._held.discard(ticket - 1)
            if self._apart:
                while ticket in self._apart:
                    self._apart.remove(ticket)
                    ticket += 1
            self._settled = ticket
        elif self._settled < ticket < self._received and not _is_in(self._apart, ticket):
            if self._held:
                self._held.discard(ticket)
            if self._apart is None:
                self._apart = set()
            self._apart.add(ticket)
        else:
            raise UsageError(f"stanza {ticket} does not wait to be settled")

    def hold(self, ticket: int) -> None:
        """Note that a stanza failed and its error went out; ``settle`` follows in time.

        Raises:
            UsageError: No such stanza waits to be settled.

        """
        if not self._settled <= ticket < self._received or _is_in(self._apart, ticket):
            raise UsageError(f"stanza {ticket} does not wait to be settled")
        if self._held is None:
            self._held = set()
        self._held.add(ticket)

    def request(self) -> None:
        """Note an ``<r/>``; ask ``answer_due`` now and after each ``settle`` or ``hold``."""
        # Two requests with nothing between them that both wait are one.
        if not self._requests or self._requests[-1] != self._received:
            self._requests.append(self._received)

    def answer_due(self) -> int | None:
        """Return the ``h`` of the ``<a/>`` that is due now, once, or ``None``.

        An answer is due when every stanza before the request is settled or
        held. One answer serves all requests that are due.
        """
        if not self._requests:
            return None
        clear = max(self._clear, self._settled)
        last = self._requests[-1]
        while clear < last and (_is_in(self._apart, clear) or _is_in(self._held, clear)):
            clear += 1
        self._clear = clear
        due = False
        while self._requests and self._requests[0] <= clear:
            self._requests.pop(0)
            due = True
        return self.handled if due else None


def _is_in(tickets: set[int] | None, ticket: int) -> bool:
    return tickets is not None and ticket in tickets


class Outbound(Generic[T]):
    """What the client was sent and has not acknowledged.

    Args:
        limit_bytes: Size of the queue at which it is ``full``.
        limit_count: Stanzas in the queue at which it is ``full``.
        start: Stanzas acknowledged before the first one here.

    """

    __slots__ = (
        "_acknowledged",
        "_asked",
        "_count",
        "_limit_bytes",
        "_limit_count",
        "_queue",
        "_size_bytes",
        "_unasked",
    )

    def __init__(self, *, limit_bytes: int, limit_count: int, start: int = 0) -> None:
        self._limit_bytes = limit_bytes
        self._limit_count = limit_count
        # Only while there is something in it: most sessions are idle, and a deque takes 760
        # bytes. What has no token is there by itself, and of what many are sent only the
        # pattern: presence comes in storms.
        self._queue: deque[bytes | Pattern | tuple[bytes | Pattern, T]] | None = None
        self._count = 0
        self._size_bytes = 0
        self._acknowledged = start % MODULUS
        self._asked = False  # an <r/> is on its way
        self._unasked = 0  # stanzas of the queue that no <r/> has followed

    def __len__(self) -> int:
        return self._count

    @property
    def size_bytes(self) -> int:
        """How many bytes wait to be acknowledged."""
        return self._size_bytes

    @property
    def full(self) -> bool:
        """Whether nothing more may be pushed: the client has stopped answering."""
        return self._size_bytes >= self._limit_bytes or self._count >= self._limit_count

    @property
    def crowded(self) -> bool:
        """Whether half of it is used: what can wait should, until the client has answered."""
        return 2 * self._size_bytes >= self._limit_bytes or 2 * self._count >= self._limit_count

    @property
    def send_count(self) -> int:
        """How many stanzas the client was sent, modulo 2**32."""
        return (self._acknowledged + self._count) % MODULUS

    @property
    def request_due(self) -> bool:
        """Whether an ``<r/>`` should follow what is about to be flushed.

        It should when stanzas went out since the last one, and that one is
        answered or ``REQUEST_EVERY`` stanzas old.
        """
        return self._unasked > 0 and (not self._asked or self._unasked >= REQUEST_EVERY)

    @property
    def request_pressing(self) -> bool:
        """Whether ``REQUEST_EVERY`` stanzas went out since the last ``<r/>``."""
        return self._unasked >= REQUEST_EVERY

    def push(self, stanza: bytes | Pattern, token: T | None = None) -> None:
        """Keep a stanza until it is acknowledged.

        Args:
            stanza: Kept as it is, not copied; of what many are sent, the pattern.
            token: Comes back from ``acknowledge``.

        Raises:
            UnavailableError: The queue is full; the stanza was not kept.

        """
        if self.full:
            raise UnavailableError("the client does not acknowledge what it is sent")
        if self._queue is None:
            self._queue = deque()
        self._queue.append(stanza if token is None else (stanza, token))
        self._count += 1
        self._size_bytes += len(stanza)
        self._unasked += 1

    def requested(self) -> None:
        """Note that an ``<r/>`` goes out behind everything pushed so far."""
        self._asked = True
        self._unasked = 0

    def acknowledge(self, handled: int) -> list[T]:
        """Drop what the client has handled and return the tokens of it, in order.

        Args:
            handled: The ``h`` of an ``<a/>``.

        Raises:
            AckError: It is more than was sent, or less than was acknowledged
                before; nothing was dropped.

        """
        count = (handled - self._acknowledged) % MODULUS
        if not 0 <= handled < MODULUS or count > self._count:
            raise AckError(handled, self.send_count)
        self._acknowledged = handled
        self._asked = False
        tokens: list[T] = []
        queue = self._queue
        if queue is None:
            return tokens
        freed_bytes = 0
        take, keep = queue.popleft, tokens.append
        for _ in range(count):
            entry = take()
            if isinstance(entry, tuple):
                freed_bytes += len(entry[0])
                keep(entry[1])
            else:
                freed_bytes += len(entry)
        self._size_bytes -= freed_bytes
        self._count -= count
        if not queue:
            self._queue = None
        self._unasked = min(self._unasked, self._count)
        return tokens

    def resume(self, handled: int) -> list[T]:
        """Acknowledge as ``<resume/>`` says; what ``unacknowledged`` then gives is sent again.

        Raises:
            AckError: As ``acknowledge``.

        """
        tokens = self.acknowledge(handled)
        self._unasked = self._count
        return tokens

    def unacknowledged(self, address: str = "") -> list[bytes]:
        """Return what was sent and not acknowledged, oldest first.

        Args:
            address: What is made of a pattern is addressed to it.

        """
        stanzas = []
        for entry in self._queue or ():
            stanza = entry[0] if isinstance(entry, tuple) else entry
            stanzas.append(stanza if isinstance(stanza, bytes) else stanza.to(address))
        return stanzas

    def tokened(self) -> list[tuple[bytes, T]]:
        """Return what was pushed with a token and is not acknowledged, oldest first."""
        return [
            (entry[0], entry[1])
            for entry in self._queue or ()
            if isinstance(entry, tuple) and isinstance(entry[0], bytes)
        ]

    def untokened(self) -> list[bytes]:
        """Return the bytes pushed without a token and not acknowledged, oldest first."""
        return [entry for entry in self._queue or () if isinstance(entry, bytes)]
