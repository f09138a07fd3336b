"""Which clients want to hear of which nodes, learnt from their capabilities (XEP-0115 section 5.4).

A client puts a hash of what it can do into its presence. What hashes to it is
asked of one client and then known of all. Of what a client can do, only the
nodes are kept that it wants to hear of (``+notify``, XEP-0060 section 9.2).
Pure bookkeeping: the clock is handed in, questions are sent by the session.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.ports import SessionId
from clarion.lib.clock import Alarm, Clock
from clarion.lib.errors import PeerError
from clarion.wire.xml import escape
from clarion.wire.xmpp.caps import INFO, INFO_QUERY, TAG_C, Caps, parse_info
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.session import Session

NOTIFY: Final = "+notify"

CAPS_CACHED: Final = 2_000
"""LIMIT: verified hashes remembered, the latest used; each version of each client has a few."""
INTERESTS_LIMIT: Final = 100
"""LIMIT: nodes that one client can want to hear of; the first ones in order count."""
INTERESTS_LIMIT_BYTES: Final = 8_192
"""LIMIT: their names together; clients have some 1,000. With ``CAPS_CACHED`` some 16 MiB."""
VER_LIMIT: Final = 256
"""LIMIT: characters of a hash and of its node; SHA-512 has 88."""
ANSWER_TIME: Final = 60.0
"""Seconds that a client has to say what it can do; then the next one with its hash is asked."""

_NONE: Final[frozenset[str]] = frozenset()

Learnt = tuple[Session, frozenset[str]]
"""A session, and the nodes that it wants to hear of now and did not before."""


@dataclass(slots=True)
class _Known:
    """What is known of one session."""

    caps: Caps
    interests: frozenset[str] = _NONE
    learnt: bool = False  # interests are those of these caps
    gave_up: bool = False  # asked, and did not say the truth
    told: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Question:
    """One client is asked what it can do; others with the same hash wait for its answer."""

    key: tuple[str, ...]
    stanza_id: str
    asked: Session
    alarm: Alarm
    waiting: dict[SessionId, Session]


class Interests:
    """What the sessions of this node want to hear of.

    Args:
        clock: Rings when an answer is overdue.
        token: Makes a fresh unguessable text.
        limit: See ``CAPS_CACHED``.

    """

    def __init__(self, clock: Clock, token: Callable[[], str], limit: int = CAPS_CACHED) -> None:
        self._clock = clock
        self._token = token
        self._limit = limit
        self._cache: OrderedDict[tuple[str, ...], frozenset[str]] = OrderedDict()
        self._known: dict[SessionId, _Known] = {}
        self._questions: dict[tuple[str, ...], _Question] = {}
        self._asked: dict[SessionId, _Question] = {}

    def wants(self, session: SessionId, node: str) -> bool:
        """Whether this client wants to hear of nodes with this name."""
        known = self._known.get(session)
        return known is not None and node in known.interests

    def of(self, session: SessionId) -> frozenset[str]:
        """Return the nodes that this client wants to hear of."""
        known = self._known.get(session)
        return _NONE if known is None else known.interests

    def heard(self, session: Session, stanza: Stanza, *, initial: bool) -> Iterable[Learnt]:
        """Take a session's available presence.

        Presence without capabilities changes nothing: a server on the way may
        have left them out (section 8.4).

        Args:
            session: Whose.
            stanza: The presence.
            initial: Whether it was not available before.

        Returns:
            Who is to be sent last items.

        """
        if initial:
            self.forget(session.id)
        if TAG_C not in stanza.children:
            return ()
        given = stanza.child_attributes[stanza.children.index(TAG_C)]
        caps = Caps(given.get("node", ""), given.get("ver", ""), given.get("hash", ""))
        if not caps.node or not caps.ver or not caps.algorithm:
            return ()  # the legacy format, which nobody can verify (section 3)
        if max(len(caps.node), len(caps.ver), len(caps.algorithm)) > VER_LIMIT:
            return ()
        known = self._known.get(session.id)
        if known is None:
            known = self._known[session.id] = _Known(caps)
        elif known.caps != caps:
            # Until the new ones are learnt, what it asked for before holds.
            known.caps = caps
            known.learnt = known.gave_up = False
        elif known.learnt or known.gave_up:
            return ()
        return self._look_up(session, known)

    def answered(self, session: Session, stanza: Stanza, payload: Element | None) -> list[Learnt]:
        """Take the answer to a question of ours; ask ``expects`` first.

        Args:
            session: Who answers.
            stanza: The answer.
            payload: What it holds; ``None``: nothing, or an error.

        Returns:
            Who is to be sent last items.

        """
        question = self._asked[session.id]
        self._close(question)
        interests = self._verified(question, payload)
        if interests is None:
            self._failed(question)
            return self._again(session)
        learnt = []
        if len(question.key) == 2:  # of all who say so, not only of this one
            self._cache[question.key] = interests
            if len(self._cache) > self._limit:
                self._cache.popitem(last=False)
        for one in (session, *question.waiting.values()):
            known = self._known.get(one.id)
            if known is not None and _key(one.id, known.caps) == question.key:
                learnt += self._learn(one, known, interests)
        return learnt + self._again(session)

    def expects(self, session: SessionId, stanza_id: str) -> bool:
        """Whether a result or error with this id answers a question of ours."""
        question = self._asked.get(session)
        return question is not None and question.stanza_id == stanza_id

    def forget(self, session: SessionId) -> None:
        """Forget a session that is over, or is on line anew."""
        known = self._known.pop(session, None)
        if known is None:
            return
        waited = self._questions.get(_key(session, known.caps))
        if waited is not None:
            waited.waiting.pop(session, None)
        question = self._asked.get(session)
        if question is not None:
            self._close(question)
            self._hand_on(question)

    # -- asking ------------------------------------------------------------------------------

    def _look_up(self, session: Session, known: _Known) -> list[Learnt]:
        key = _key(session.id, known.caps)
        interests = self._cache.get(key)
        if interests is not None:
            self._cache.move_to_end(key)
            return self._learn(session, known, interests)
        question = self._questions.get(key)
        if question is not None:
            if question.asked is not session:
                question.waiting[session.id] = session
        elif session.id not in self._asked:  # else: when it has answered
            self._ask(session, known.caps, key, {})
        return []

    def _ask(
        self,
        session: Session,
        caps: Caps,
        key: tuple[str, ...],
        waiting: dict[SessionId, Session],
    ) -> None:
        stanza_id = self._token()
        question = _Question(
            key,
            stanza_id,
            session,
            self._clock.call_later(ANSWER_TIME, lambda: self._overdue(session.id, stanza_id)),
            waiting,
        )
        self._questions[key] = self._asked[session.id] = question
        # From the account, as in section 9.2 of XEP-0060: clients answer their own.
        session.send(
            (
                f"<iq from='{escape(session.jid.bare)}' to='{escape(session.full)}' type='get'"
                f" id='{stanza_id}'><query xmlns='{INFO}' node='{escape(caps.query_node)}'/></iq>"
            ).encode()
        )

    def _overdue(self, session: SessionId, stanza_id: str) -> None:
        if self.expects(session, stanza_id):
            question = self._asked[session]
            self._close(question)
            self._hand_on(question)  # with its next presence this one is asked again

    def _close(self, question: _Question) -> None:
        question.alarm.cancel()
        self._questions.pop(question.key, None)
        self._asked.pop(question.asked.id, None)

    def _failed(self, question: _Question) -> None:
        """Believe this client nothing, and ask another one that says the same (rule 3.9)."""
        known = self._known.get(question.asked.id)
        if known is not None and _key(question.asked.id, known.caps) == question.key:
            known.gave_up, known.interests = True, _NONE
        self._hand_on(question)

    def _hand_on(self, question: _Question) -> None:
        waiting = question.waiting
        while waiting:
            session = waiting.pop(next(iter(waiting)))
            known = self._known.get(session.id)
            if (
                known is not None
                and _key(session.id, known.caps) == question.key
                and session.id not in self._asked
            ):
                self._ask(session, known.caps, question.key, waiting)
                return

    def _again(self, session: Session) -> list[Learnt]:
        """Look after a hash that the client announced while it was asked about another."""
        known = self._known.get(session.id)
        if known is None or known.learnt or known.gave_up:
            return []
        return self._look_up(session, known)

    # -- believing ----------------------------------------------------------------------------

    def _verified(self, question: _Question, payload: Element | None) -> frozenset[str] | None:
        """Return what the client wants to hear of; ``None``: it lies, or talks nonsense."""
        if payload is None or payload.tag != INFO_QUERY:
            return None
        try:
            info = parse_info(payload)
        except PeerError:
            return None
        if len(question.key) == 2:
            algorithm, ver = question.key
            if info.ver(algorithm) != ver:
                return None
        wanted, size_bytes = set[str](), 0
        for feature in sorted(info.features):
            node = feature.removesuffix(NOTIFY)
            size_bytes += len(node.encode()) if node != feature else 0
            if size_bytes > INTERESTS_LIMIT_BYTES or len(wanted) >= INTERESTS_LIMIT:
                break
            if node and node != feature:
                wanted.add(node)
        return frozenset(wanted)

    def _learn(self, session: Session, known: _Known, interests: frozenset[str]) -> list[Learnt]:
        known.interests, known.learnt = interests, True
        news = interests - known.told
        # What it no longer wants it misses from now on: it is told when it wants it again.
        known.told = set(interests)
        return [(session, frozenset(news))] if news else []


def _key(session: SessionId, caps: Caps) -> tuple[str, ...]:
    """Return under what an answer is known: of a hash that is not known here, of one client only.

    Section 5.4, rule 2.3.
    """
    if caps.verifiable:
        return (caps.algorithm, caps.ver)
    return (caps.algorithm, caps.ver, session)
