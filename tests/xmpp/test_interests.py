"""XEP-0115: which clients want what, and that nobody's lie is believed of another."""

from itertools import count
from types import SimpleNamespace
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.wire.xml import parse
from clarion.wire.xmpp.caps import FEATURE_LIMIT, INFO, NS, Identity, verification_string
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.interests import (
    ANSWER_TIME,
    CAPS_CACHED,
    INTERESTS_LIMIT,
    INTERESTS_LIMIT_BYTES,
    VER_LIMIT,
    Interests,
)
from fakes.clock import FakeClock

PC = Identity("client", "pc")


class FakeSession:
    """As much of a session as is asked a question."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.jid = parse_jid(f"ann@corp.example/{name}")
        self.full = self.jid.full
        self.questions: list[Element] = []

    def send(self, stanza: bytes) -> None:
        self.questions.append(parse(stanza))

    def asked(self) -> str:
        """Take the one question that came; returns its id."""
        (question,) = self.questions
        self.questions.clear()
        return question.attrib["id"]


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="interests")
def _interests(clock: FakeClock) -> Interests:
    return make(clock)


def make(clock: FakeClock, **limits: int) -> Interests:
    ids = count(1)
    return Interests(clock, lambda: f"q{next(ids)}", **limits)


def ver_of(*nodes: str, algorithm: str = "sha-1") -> str:
    return verification_string([PC], [f"{node}+notify" for node in nodes], (), algorithm)


def presence(ver: str | None = None, algorithm: str = "sha-1", node: str = "urn:x") -> Stanza:
    if ver is None:
        return Stanza("{jabber:client}presence", {}, (), b"<presence/>")
    given_caps = {"ver": ver, "hash": algorithm, "node": node}
    return Stanza("{jabber:client}presence", {}, (f"{{{NS}}}c",), b"", (given_caps,))


def info(*nodes: str, twice: bool = False) -> Element:
    features = "".join(f"<feature var='{node}+notify'/>" for node in nodes) * (2 if twice else 1)
    return parse(
        f"<query xmlns='{INFO}'><identity category='client' type='pc'/>{features}</query>".encode()
    )


def answer(
    interests: Interests, session: Any, payload: Element | None
) -> list[tuple[str, list[str]]]:
    stanza_id = session.asked()
    assert interests.expects(session.id, stanza_id)
    told = interests.answered(session, SimpleNamespace(), payload)  # type: ignore[arg-type]  # unread
    return [(one.id, sorted(nodes)) for one, nodes in told]


def heard(interests: Interests, session: Any, stanza: Stanza, *, initial: bool = True) -> list[Any]:
    return [(s.id, sorted(n)) for s, n in interests.heard(session, stanza, initial=initial)]


def test_one_is_asked_and_all_with_the_same_hash_are_known(interests: Interests):
    one, two, late = FakeSession("one"), FakeSession("two"), FakeSession("late")
    assert heard(interests, one, presence(ver_of("a", "b"))) == []
    assert heard(interests, two, presence(ver_of("a", "b"))) == []
    assert not two.questions
    question = one.questions[0]
    assert question.attrib["to"] == one.full
    assert question.attrib["from"] == "ann@corp.example"
    assert question[0].attrib["node"] == f"urn:x#{ver_of('a', 'b')}"
    assert not interests.wants("one", "a")
    assert answer(interests, one, info("b", "a")) == [("one", ["a", "b"]), ("two", ["a", "b"])]
    assert heard(interests, late, presence(ver_of("a", "b"))) == [("late", ["a", "b"])]
    for session in (one, two, late):
        assert interests.wants(session.id, "a")
        assert not interests.wants(session.id, "c")
        assert not session.questions


@pytest.mark.parametrize(
    "lie", [info("a", "b"), info(), info("a", twice=True), None, parse(b"<query/>")]
)
def test_a_liar_is_believed_nothing_and_the_next_one_is_asked(
    interests: Interests, lie: Element | None
):
    liar, honest = FakeSession("liar"), FakeSession("honest")
    heard(interests, liar, presence(ver_of("a")))
    heard(interests, honest, presence(ver_of("a")))
    assert answer(interests, liar, lie) == []
    assert not interests.wants("liar", "a")
    assert answer(interests, honest, info("a")) == [("honest", ["a"])]
    # its word is not asked for again, and what the other one said is no word of its own ...
    heard(interests, liar, presence(ver_of("a")), initial=False)
    assert not liar.questions
    assert not interests.wants("liar", "b")
    # ... until it comes anew
    assert heard(interests, liar, presence(ver_of("a"))) == [("liar", ["a"])]


def test_who_does_not_answer_is_passed_over(interests: Interests, clock: FakeClock):
    silent, other = FakeSession("silent"), FakeSession("other")
    heard(interests, silent, presence(ver_of("a")))
    heard(interests, other, presence(ver_of("a")))
    late = silent.asked()
    clock.advance(ANSWER_TIME)
    assert not interests.expects("silent", late)
    assert answer(interests, other, info("a")) == [("other", ["a"])]
    assert clock.pending == 0
    assert not interests.wants("silent", "a")
    assert heard(interests, silent, presence(ver_of("a")), initial=False) == [("silent", ["a"])]


def test_who_leaves_is_passed_over_and_forgotten(interests: Interests, clock: FakeClock):
    one, two, three = (FakeSession(name) for name in ("one", "two", "three"))
    for session in (one, two, three):
        heard(interests, session, presence(ver_of("a")))
    interests.forget("two")
    interests.forget("one")
    assert answer(interests, three, info("a")) == [("three", ["a"])]
    interests.forget("three")
    interests.forget("three")
    assert not interests.wants("three", "a")
    assert clock.pending == 0
    assert (interests._known, interests._questions, interests._asked) == ({}, {}, {})


def test_what_is_hashed_otherwise_is_true_of_one_client_only(interests: Interests):
    one, two = FakeSession("one"), FakeSession("two")
    for session in (one, two):
        heard(interests, session, presence("anything", "md2"))
    assert answer(interests, one, info("a")) == [("one", ["a"])]
    assert answer(interests, two, info("b")) == [("two", ["b"])]
    assert interests.wants("one", "a")
    assert not interests.wants("two", "a")


@pytest.mark.parametrize("algorithm", ["sha-1", "sha-256", "sha-512"])
def test_the_hashes_that_are_known(interests: Interests, algorithm: str):
    one = FakeSession("one")
    heard(interests, one, presence(ver_of("a", algorithm=algorithm), algorithm))
    assert answer(interests, one, info("a")) == [("one", ["a"])]


@pytest.mark.parametrize(
    "stanza",
    [
        presence(),
        presence("1.0", ""),
        presence("", "sha-1"),
        presence("x", node=""),
        presence("x" * (VER_LIMIT + 1)),
        presence("x", node="x" * (VER_LIMIT + 1)),
        presence("x", "x" * (VER_LIMIT + 1)),
    ],
)
def test_nobody_is_asked_about_what_cannot_be_verified(interests: Interests, stanza: Stanza):
    one = FakeSession("one")
    assert heard(interests, one, stanza) == []
    assert not one.questions


def test_what_a_client_wants_changes_with_its_hash(interests: Interests):
    one = FakeSession("one")
    heard(interests, one, presence(ver_of("a")))
    answer(interests, one, info("a"))
    assert heard(interests, one, presence(), initial=False) == []
    assert heard(interests, one, presence(ver_of("a")), initial=False) == []
    assert interests.wants("one", "a")
    heard(interests, one, presence(ver_of("a", "b")), initial=False)
    assert interests.wants("one", "a")  # what it asked for holds until then
    assert answer(interests, one, info("a", "b")) == [("one", ["b"])]
    # nothing is told twice, but to one who comes on line anew
    assert heard(interests, one, presence(ver_of("a")), initial=False) == []
    assert not interests.wants("one", "b")
    # what it did not want meanwhile, it has missed
    assert heard(interests, one, presence(ver_of("a", "b")), initial=False) == [("one", ["b"])]
    assert heard(interests, one, presence(ver_of("a"))) == [("one", ["a"])]


def test_a_hash_that_changes_while_it_is_asked_about_is_asked_about_next(interests: Interests):
    one = FakeSession("one")
    heard(interests, one, presence(ver_of("a")))
    heard(interests, one, presence(ver_of("b")), initial=False)
    assert answer(interests, one, info("a")) == []
    assert not interests.wants("one", "a")
    assert answer(interests, one, info("b")) == [("one", ["b"])]
    assert heard(interests, FakeSession("two"), presence(ver_of("a"))) == [("two", ["a"])]


def test_memory_is_bounded(clock: FakeClock):
    assert (CAPS_CACHED, INTERESTS_LIMIT, VER_LIMIT) == (2_000, 100, 256)
    assert INTERESTS_LIMIT_BYTES == 8_192
    interests = make(clock, limit=2)
    for node in ("a", "b", "c"):
        session = FakeSession(node)
        heard(interests, session, presence(ver_of(node)))
        answer(interests, session, info(node))
    assert heard(interests, FakeSession("x"), presence(ver_of("c"))) == [("x", ["c"])]
    forgotten = FakeSession("y")
    heard(interests, forgotten, presence(ver_of("a")))
    forgotten.asked()
    nodes = [f"n{number:04}" for number in range(INTERESTS_LIMIT + 1)]
    greedy = FakeSession("greedy")
    heard(interests, greedy, presence(ver_of(*nodes)))
    ((_, wanted),) = answer(interests, greedy, info(*nodes))
    assert wanted == nodes[:INTERESTS_LIMIT]
    long = FakeSession("long")
    longest = ("x" * (INTERESTS_LIMIT_BYTES - 1), "y", "z", "")
    heard(interests, long, presence(ver_of(*longest)))
    assert answer(interests, long, info(*longest)) == [("long", list(longest[:2]))]
    flood = FakeSession("flood")
    many = [f"n{number}" for number in range(FEATURE_LIMIT + 1)]
    heard(interests, flood, presence(ver_of(*many)))
    assert answer(interests, flood, info(*many)) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["one", "two", "three"]),
            st.sampled_from(["a", "b", "again", "true", "lie", "none", "gone", "late"]),
        ),
        max_size=30,
    )
)
def test_whatever_clients_do_only_what_hashes_is_known_of_others(steps: list[tuple[str, str]]):
    clock = FakeClock()
    interests = make(clock)
    sessions = {name: FakeSession(name) for name in ("one", "two", "three")}
    for name, step in steps:
        session: Any = sessions[name]
        if step in {"a", "b"}:
            interests.heard(session, presence(ver_of(step)), initial=False)
        elif step == "again":
            interests.heard(session, presence(ver_of("a")), initial=True)
        elif step == "gone":
            interests.forget(session.id)
        elif step == "late":
            clock.advance(ANSWER_TIME)
        elif session.questions and interests.expects(name, session.questions[-1].attrib["id"]):
            ver = session.questions[-1][0].attrib["node"].partition("#")[2]
            truth = next(node for node in "ab" if ver_of(node) == ver)
            said = {"true": info(truth), "lie": info("c"), "none": None}[step]
            for learnt, nodes in interests.answered(session, SimpleNamespace(), said):  # type: ignore[arg-type]  # unread
                assert nodes <= {"a", "b"}
                assert interests.wants(learnt.id, next(iter(nodes)))
        assert not any(interests.wants(one, "c") for one in sessions)
        assert len(interests._questions) == len(interests._asked) == clock.pending <= 2
