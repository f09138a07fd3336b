"""A BOSH session: numbered requests to the bytes of a stream, its elements to answers (XEP-0124).

The rules of this file:

1. Requests are taken in the order of their ``rid``; one that comes early waits
   for those before it (section 14.2).
2. The oldest request is answered first. It is held until there is something to
   say, another one takes its place, or ``wait`` is over (section 8).
3. The last answers are kept: who asks with the same ``rid`` gets the same
   bytes (section 14.3).
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from clarion.wire.xmpp.bosh_body import Body, BodyError, write_body
from clarion.wire.xmpp.framing import CLOSE, STREAM_END, to_frames

VERSION: Final = (1, 11)
WAIT_LIMIT: Final = 60
"""LIMIT: seconds that a request is held; ordinary proxies give up after as many."""
HOLD_LIMIT: Final = 1
"""LIMIT: requests held at once; more than one helps nobody (section 7.1)."""
INACTIVITY: Final = 30
"""LIMIT: seconds without a request; then the client is taken to be gone."""
POLLING_INACTIVITY: Final = 60
"""LIMIT: the same where nothing is held (section 12)."""
POLLING: Final = 2
"""LIMIT: seconds between two empty requests where the first brought nothing."""
PAUSE_LIMIT: Final = 120
"""LIMIT: seconds of silence that a client may announce (section 10)."""
REPEATS_LIMIT: Final = 10
"""LIMIT: requests with the same rid (section 14.3)."""

_LEGACY: Final = {"bad-request": 400, "policy-violation": 403, "item-not-found": 404}

Ticket = TypeVar("Ticket")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Ticket]):
    """What a request is answered with.

    Attributes:
        ticket: Of the request, as it was handed in.
        status: Of HTTP: 200, but for clients older than ``ver`` (section 17.1).
        body: XML.

    """

    ticket: Ticket
    status: int
    body: bytes


@dataclass(slots=True)
class _Held(Generic[Ticket]):
    rid: int
    ticket: Ticket
    since: float
    repeats: int = 0


class BoshSession(Generic[Ticket]):
    """One client's session.

    Args:
        sid: Unguessable.
        domain: Who is served here.
        first: The request that asks for the session.
        ticket: Comes back with its answer.
        now: Monotonic seconds.

    Attributes:
        over: Nothing more will come of it, and its sid means nothing any more.
        waiting_bytes: Size of what waits for a request to be answered with it.

    Raises:
        BodyError: What it asks for is malformed.

    """

    def __init__(self, sid: str, domain: str, first: Body, ticket: Ticket, now: float) -> None:
        wait = min(first.number("wait", WAIT_LIMIT), WAIT_LIMIT)
        hold = min(first.number("hold", HOLD_LIMIT), HOLD_LIMIT)
        self.over = False
        self.waiting_bytes = 0
        self._wait = wait
        self._hold = hold if wait else 0
        self._window = self._hold + 1
        self._legacy = first.ver is None
        self._inactivity = INACTIVITY if self._hold else POLLING_INACTIVITY
        self._patience = float(self._inactivity)  # longer while the client has paused
        self._acks = first.attributes.get("ack") == "1"
        self._key = first.attributes.get("newkey", "").lower()
        self._rid = first.rid  # the last one taken
        self._early: dict[int, tuple[Body, _Held[Ticket]]] = {}
        self._held: deque[_Held[Ticket]] = deque([_Held(first.rid, ticket, now)])
        self._sent: OrderedDict[int, bytes] = OrderedDict()
        self._repeats: dict[int, int] = {}
        self._waiting: list[bytes] = []
        self._received: list[bytes] = [first.start()]
        self._answers: list[Answer[Ticket]] = []
        self._ending: Mapping[str, str] | None = None  # of the last answer
        self._asked: float | None = None  # when an empty request came that brought nothing
        self._answered = now
        spoken = VERSION if first.ver is None else min(first.ver, VERSION)
        self._greeting: Mapping[str, str] = {
            "sid": sid,
            "wait": str(wait),
            "requests": str(self._window),
            "hold": str(self._hold),
            "inactivity": str(self._inactivity),
            "polling": str(POLLING),
            "maxpause": str(PAUSE_LIMIT),
            "from": domain,
            "xmpp:restartlogic": "true",
            "xmpp:version": "1.0",
            **({} if self._legacy else {"ver": f"{spoken[0]}.{spoken[1]}"}),
            **({"ack": str(first.rid)} if self._acks else {}),
        }

    # -- from the client --------------------------------------------------------------

    def take(self, body: Body, ticket: Ticket, now: float) -> None:
        """Take a request of this session."""
        if self.over:
            self._answers.append(Answer(ticket, *_fatal("item-not-found", legacy=self._legacy)))
            return
        if body.rid <= self._rid or body.rid in self._early:
            self._again(body.rid, ticket)
            return
        if body.rid > self._rid + self._window:
            self._fail("item-not-found", ticket)
            return
        self._early[body.rid] = (body, _Held(body.rid, ticket, now))
        while (found := self._early.pop(self._rid + 1, None)) is not None:
            self._rid += 1
            self._process(found[0], found[1], now)  # what ends it leaves nothing early
        if not self.over:
            self._settle(now)

    def received(self) -> bytes:
        """Return, once, what the client said, as bytes of a stream."""
        data = b"".join(self._received)
        self._received.clear()
        return data

    # -- to the client ----------------------------------------------------------------

    def say(self, said: bytes, now: float) -> None:
        """Take what the stream says: headers, elements, its end."""
        if self._ending is not None or self.over:
            return
        for frame in to_frames(said):
            if frame == CLOSE:
                self._end()
                break
            if not frame.startswith(b"<open "):
                self._waiting.append(frame)
                self.waiting_bytes += len(frame)
        self._settle(now)

    def answers(self) -> Sequence[Answer[Ticket]]:
        """Return, once, the requests that are answered now."""
        answers, self._answers = self._answers, []
        return answers

    # -- time -------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Return when to call ``wake``; ``None``: never again."""
        if self.over:
            return None
        if self._held:
            return self._held[0].since + self._wait
        return self._answered + self._patience

    def wake(self, now: float) -> None:
        """Answer who has waited long enough; give up a client that is gone (section 10)."""
        while self._held and now >= self._held[0].since + self._wait:
            self._reply(now)
        if not self._held and now >= self._answered + self._patience:
            self._drop_early()
            self.over = True

    def abandon(self) -> None:
        """End it without another word of the stream: the connection was cut."""
        if not self.over:
            self._fail("undefined-condition", None)

    # -- requests ---------------------------------------------------------------------

    def _again(self, rid: int, ticket: Ticket) -> None:
        """Answer a request that came before (section 14.3)."""
        waiting = next((one for one in self._all_held() if one.rid == rid), None)
        repeats = self._repeats[rid] = self._repeats.get(rid, 0) + 1
        known = self._sent.get(rid)
        if repeats > REPEATS_LIMIT:
            self._fail("policy-violation", ticket)
        elif waiting is not None:
            self._answers.append(Answer(waiting.ticket, 200, write_body({"type": "error"})))
            waiting.ticket = ticket
        elif known is not None:
            self._answers.append(Answer(ticket, 200, known))
        else:
            self._fail("item-not-found", ticket)

    def _all_held(self) -> list[_Held[Ticket]]:
        return [*self._held, *(held for _, held in self._early.values())]

    def _process(self, body: Body, held: _Held[Ticket], now: float) -> None:
        self._held.append(held)
        self._patience = float(self._inactivity)
        try:
            pause = body.number("pause", 0)
        except BodyError:
            self._fail("bad-request", None)
            return
        if not self._key_fits(body):
            self._fail("item-not-found", None)
        elif pause > PAUSE_LIMIT or self._is_too_busy(body, now):
            self._fail("policy-violation", None)
        elif body.terminates:
            self._received += [*body.payloads, STREAM_END]
            self._end()
            self._finish(now)
        elif body.restarts:
            self._received.append(body.start())
        else:
            self._received += body.payloads
            if pause:
                self._pause(pause, now)

    def _is_too_busy(self, body: Body, now: float) -> bool:
        """Look for empty requests that come too often (sections 11 and 12)."""
        before, self._asked = self._asked, now if body.is_empty else None
        if not body.is_empty or before is None or self._waiting or self._ending is not None:
            return False
        return now - before < POLLING

    def _key_fits(self, body: Body) -> bool:
        """Check the key sequence, where the client has begun one (section 15.4)."""
        expected = self._key
        key = body.attributes.get("key", "").lower()
        self._key = body.attributes.get("newkey", key if expected else "").lower()
        if not expected:
            return True
        # SPEC(XEP-0124, 15.3): the algorithm is SHA-1; nothing else rests on it.
        return hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest() == expected

    def _pause(self, seconds: int, now: float) -> None:
        """Answer everything without payloads, and be patient (section 10)."""
        waiting, self._waiting = self._waiting, []
        while self._held:
            self._reply(now)
        self._waiting = waiting
        self.waiting_bytes = sum(map(len, waiting))
        self._patience = float(seconds)

    # -- answers ----------------------------------------------------------------------

    def _settle(self, now: float) -> None:
        if self._ending is not None:
            self._finish(now)
            return
        if self._waiting and self._held:
            self._reply(now)
        while len(self._held) > self._hold and not self._greeting:
            self._reply(now)

    def _reply(self, now: float, attributes: Mapping[str, str] = {}) -> None:  # read
        """Answer the oldest request with what there is."""
        held = self._held.popleft()
        said = {**self._greeting, **attributes}
        if self._acks and not self._greeting and held.rid != self._rid:
            said["ack"] = str(self._rid)
        body = write_body(said, self._waiting)
        if self._waiting:
            self._asked = None
        self._greeting = {}
        self._waiting = []
        self.waiting_bytes = 0
        self._sent[held.rid] = body
        while len(self._sent) > self._window:
            gone, _ = self._sent.popitem(last=False)
            self._repeats.pop(gone, None)
        self._answered = now
        self._answers.append(Answer(held.ticket, 200, body))

    def _end(self) -> None:
        failed = any(one.startswith(b"<stream:error") for one in self._waiting)
        condition = {"condition": "remote-stream-error"} if failed else {}
        self._ending = {"type": "terminate", **condition}

    def _finish(self, now: float) -> None:
        """Say the last word, to the oldest request or to the next one (section 13)."""
        if not self._held or self._ending is None:
            return
        self._reply(now, self._ending)
        while self._held:
            self._reply(now)
        self._drop_early()
        self.over = True

    def _fail(self, condition: str, ticket: Ticket | None) -> None:
        """End the session because of what the client did (section 17.2)."""
        status, body = _fatal(condition, legacy=self._legacy)
        if ticket is not None:
            self._answers.append(Answer(ticket, status, body))
        elif self._held:
            self._answers.append(Answer(self._held.pop().ticket, status, body))
        _, other = _fatal("other-request", legacy=False)
        self._answers += [Answer(held.ticket, 200, other) for held in self._held]
        self._held.clear()
        self._drop_early()
        self._received.clear()
        self.over = True

    def _drop_early(self) -> None:
        _, other = _fatal("other-request", legacy=False)
        self._answers += [Answer(held.ticket, 200, other) for _, held in self._early.values()]
        self._early.clear()


def fatal(condition: str) -> bytes:
    """Write a terminal binding condition (section 17.2)."""
    return write_body({"type": "terminate", "condition": condition})


def _fatal(condition: str, *, legacy: bool) -> tuple[int, bytes]:
    status = _LEGACY.get(condition, 200) if legacy else 200
    return status, fatal(condition) if status == 200 else b""
