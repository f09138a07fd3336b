"""Any body is read or refused; any order of requests: each is answered once, in order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xmpp.bosh import BoshSession
from clarion.wire.xmpp.bosh_body import HTTPBIND, BodyError, read_body, write_body

BEGIN = f"<body xmlns='{HTTPBIND}' rid='7' sid='s'".encode()
SCRAPS = [
    *b"< > / ' \" = & ; ! ? - [ ] : a".split(),
    BEGIN,
    b"<body",
    b"</body>",
    b"<a>",
    b"</a>",
    b"<a/>",
    b" type='terminate'",
    b" rid='8'",
    b" pause='x'",
    b"<?xml version='1.0'?>",
    b"<![CDATA[",
    b"]]>",
    b" ",
    b"\xff",
]
SCRAP_TEXT = st.lists(st.sampled_from(SCRAPS), max_size=20).map(b"".join)
JUNK = st.one_of(st.binary(max_size=100), SCRAP_TEXT, SCRAP_TEXT.map(lambda text: BEGIN + text))


@settings(deadline=None, max_examples=1000)
@given(JUNK)
def test_any_body(raw: bytes):
    try:
        body = read_body(raw)
    except BodyError:
        return
    assert body.rid > 0
    assert read_body(write_body({"rid": str(body.rid)}, body.payloads)).payloads == body.payloads


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(-1, 4), st.sampled_from(["", "<a/>"])),
    st.tuples(st.just("say"), st.sampled_from([b"<m/>", b"</stream:stream>"]), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 5.0, 31.0, 61.0]), st.none()),
)
MORE = st.sampled_from(["", " pause='5'", " type='terminate'", " key='x'"])


@settings(deadline=None, max_examples=400)
@given(st.integers(0, 2), st.lists(st.tuples(STEPS, MORE), max_size=30))
def test_any_order(hold: int, steps: list):
    first = read_body(f"<body xmlns='{HTTPBIND}' rid='100' hold='{hold}' ver='1.6'/>".encode())
    now, newest, ticket = 0.0, 100, 0
    session: BoshSession[int] = BoshSession("s", "a.example", first, 0, now)
    asked: dict[int, int] = {0: 100}
    answered: dict[int, bytes] = {}

    def collect() -> None:
        for answer in session.answers():
            assert answer.ticket not in answered
            answered[answer.ticket] = answer.body

    for (kind, what, inner), more in steps:
        if kind == "ask":
            ticket += 1
            asked[ticket] = newest + what
            newest = max(newest, newest + what)
            raw = f"<body xmlns='{HTTPBIND}' rid='{asked[ticket]}'{more}>{inner}</body>"
            session.take(read_body(raw.encode()), ticket, now)
        elif kind == "say":
            session.say(what, now)
        else:
            now += what
            session.wake(now)
        collect()
        session.received()
        deadline = session.deadline()
        assert (deadline is None) == session.over
        if kind == "wait" and deadline is not None:
            assert deadline > now
        assert len(asked) - len(answered) <= 6
    session.abandon()
    collect()
    assert set(answered) == set(asked)
