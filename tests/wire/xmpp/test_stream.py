"""The stream engine alone: every phase, limit and refusal, and any bytes at all (RFC 6120)."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clarion.wire.sasl import SaslCondition
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.names import CLIENT, SASL, TLS
from clarion.wire.xmpp.sasl2 import SASL2
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream import ServerStream
from clarion.wire.xmpp.stream_events import (
    WAITING,
    Closed,
    Phase,
    SecureWanted,
    StreamRules,
)
from fakes.stream_peer import (
    DIRECT_PORT,
    END,
    HEADER,
    PLAIN_PORT,
    RESUME,
    SALT,
    SM,
    STARTTLS,
    STARTTLS_PORT,
    Peer,
    auth,
    authenticate,
    bind,
    logged_in,
    response,
)

C = StreamCondition

# -- the order of things ---------------------------------------------------


ELEMENTS = {
    "starttls": STARTTLS,
    "auth": auth(),
    "response": response("x"),
    "abort": f"<abort xmlns='{SASL}'/>",
    "authenticate": authenticate(),
    "response2": f"<response xmlns='{SASL2}'/>",
    "abort2": f"<abort xmlns='{SASL2}'/>",
    "bind": bind(),
    "ping": "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
    "message": "<message/>",
    "presence": "<presence/>",
    "resume": RESUME,
    "r": f"<r xmlns='{SM}'/>",
    "letter": "<letter/>",
    "error": "<stream:error/>",
    "end": END,
}
NO, WHAT = C.NOT_AUTHORIZED, C.UNSUPPORTED_STANZA_TYPE
EARLY = {"ping": NO, "message": NO, "presence": NO, "r": WHAT, "letter": WHAT, "response": WHAT}
EARLY |= {"authenticate": WHAT, "response2": WHAT, "abort2": WHAT}
EARLY |= {"error": None, "end": None, "bind": NO, "resume": WHAT, "abort": WHAT}
AFTER: dict[str, dict[str, Phase | StreamCondition | None]] = {
    "secure": EARLY
    | {"starttls": Phase.SECURING}
    | dict.fromkeys(("auth", "authenticate"), Phase.SECURE_OR_AUTHENTICATE),
    "authenticate": EARLY
    | {"starttls": None}
    | dict.fromkeys(("auth", "authenticate"), Phase.VERIFYING),
    "authenticating 2": EARLY
    | {"starttls": WHAT, "auth": WHAT}
    | {"response2": Phase.SECURE_OR_AUTHENTICATE, "abort2": Phase.SECURE_OR_AUTHENTICATE},
    "authenticating": EARLY
    | {"starttls": WHAT, "auth": WHAT}
    | {"response": Phase.SECURE_OR_AUTHENTICATE, "abort": Phase.SECURE_OR_AUTHENTICATE},
    "binding": EARLY
    | {"starttls": WHAT, "auth": WHAT, "bind": Phase.BINDING, "resume": Phase.BINDING},
    "bound": dict.fromkeys(ELEMENTS, WHAT)
    | dict.fromkeys(("ping", "bind", "message", "presence", "r"), Phase.BOUND)
    | {"error": None, "end": None},
}


def at(stage: str, chunk: int):
    if stage == "bound":
        return logged_in(chunk)
    peer = Peer(STARTTLS_PORT if stage == "secure" else PLAIN_PORT, chunk=chunk)
    peer.say(HEADER)
    if stage == "authenticating":
        peer.say(auth(None))
    elif stage == "authenticating 2":
        peer.say(authenticate(None))
    elif stage == "binding":
        peer.say(auth(), HEADER)
    peer.events.clear()
    peer.answers = False
    return peer


@pytest.mark.parametrize("chunk", [1, 7, 4096])
@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("stage", AFTER)
def test_what_is_lawful_when(stage: str, element: str, chunk: int):
    peer = at(stage, chunk)
    told = peer.say(ELEMENTS[element])
    expected = AFTER[stage][element]
    if isinstance(expected, Phase):
        assert peer.stream.phase is expected
    else:
        assert peer.stream.phase is Phase.CLOSED
        assert peer.end is expected
        assert told.endswith(END)


def test_the_order_says_everything_and_its_phases_all_read():
    assert {phase for phase, _ in ServerStream.ORDER} == set(Phase) - WAITING - {
        Phase.HEADER,
        Phase.BOUND,
    }


@pytest.mark.parametrize(
    ("before", "phase"),
    [
        ([STARTTLS], Phase.SECURING),
        ([auth()], Phase.VERIFYING),
        ([auth("n,,n=ann,r=x", "SCRAM-SHA-1")], Phase.VERIFYING),
    ],
)
def test_nothing_is_read_while_the_driver_has_the_word(before: list[str], phase: Phase):
    peer = Peer(STARTTLS_PORT if STARTTLS in before else PLAIN_PORT, answers=False)
    peer.say(HEADER, *before)
    count_before = len(peer.events)
    assert peer.stream.phase is phase
    assert peer.say("<letter/>", "<!-- -->") == ""
    assert len(peer.events) == count_before


def test_after_the_end_nothing_is_heard_or_said():
    peer = logged_in()
    peer.say(END)
    assert peer.end is None
    events = len(peer.events)
    peer.stream.receive(b"<message/>", 2.0)
    peer.stream.close()
    peer.stream.fail(StreamError(C.RESET))
    peer.stream.wake(1e9)
    peer.stream.send(b"<message/>")
    peer.stream.receive(b"", 2.0)
    assert peer.told() == ""
    assert len(peer.events) == events


@pytest.mark.parametrize("late", ["secured", "keys", "admit", "reject", "bound", "refused", "no"])
def test_an_answer_that_comes_after_the_end_changes_nothing(late: str):
    peer = Peer(STARTTLS_PORT if late == "secured" else PLAIN_PORT, answers=False)
    first = {
        "secured": STARTTLS,
        "keys": auth("n,,n=ann,r=x", "SCRAM-SHA-1"),
    }.get(late, auth())
    peer.say(HEADER, first)
    if late in {"bound", "refused", "no"}:
        peer.stream.admit("ann")
        peer.say(HEADER, RESUME if late == "no" else bind())
    peer.stream.wake(60.0)
    # In the midst of a TLS handshake there is nothing that may be said (section 5.4.3.2).
    assert peer.told().endswith("" if late == "secured" else END)
    assert peer.end is C.CONNECTION_TIMEOUT
    stream = peer.stream
    {
        "secured": lambda: stream.secured({}),
        "keys": lambda: stream.keys(SALT, 1, ()),
        "admit": lambda: stream.admit("ann"),
        "reject": lambda: stream.reject(SaslCondition.NOT_AUTHORIZED),
        "bound": lambda: stream.bound("a@b/c"),
        "refused": lambda: stream.bind_refused(StanzaError(StanzaCondition.CONFLICT)),
        "no": lambda: stream.not_taken(b"<failed/>"),
    }[late]()
    stream.pump()
    assert stream.phase is Phase.CLOSED
    assert peer.told() == ""


# -- TLS -------------------------------------------------------------------


def test_where_starttls_is_required_nothing_else_is_offered():
    peer = Peer(STARTTLS_PORT)
    features = f"<stream:features><starttls xmlns='{TLS}'><required/></starttls></stream:features>"
    assert peer.say(HEADER).endswith(features)
    assert "<encryption-required/>" in peer.say(auth())


def test_starttls_leads_to_a_new_stream_with_mechanisms():
    peer = Peer(STARTTLS_PORT)
    peer.say(HEADER)
    assert peer.say(STARTTLS) == f"<proceed xmlns='{TLS}'/>"
    told = peer.say(HEADER)
    assert "<mechanism>PLAIN</mechanism>" in told
    assert "starttls" not in told
    assert peer.say(STARTTLS) == f"<failure xmlns='{TLS}'/>{END}"
    assert peer.end is None


@pytest.mark.parametrize("injected", ["<message/>", "x", HEADER, "<", "\0"])
def test_what_follows_starttls_in_the_clear_ends_the_stream(injected: str):
    peer = Peer(STARTTLS_PORT)
    told = peer.say(HEADER, STARTTLS, injected)
    assert "proceed" not in told
    assert peer.end is C.POLICY_VIOLATION
    assert SecureWanted() not in peer.events


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_white_space_may_follow_starttls(chunk: int):
    peer = Peer(STARTTLS_PORT, chunk=chunk)
    assert "<proceed " in peer.say(HEADER, STARTTLS, "\r\n ")
    assert "<mechanisms " in peer.say(HEADER)


@pytest.mark.parametrize("ending", ["time", "shutdown", "close", "hang-up"])
def test_during_the_handshake_nothing_is_said_in_the_clear(ending: str):
    peer = Peer(STARTTLS_PORT, answers=False)
    peer.say(HEADER, STARTTLS)
    {
        "time": lambda: peer.stream.wake(60.0),
        "shutdown": lambda: peer.stream.fail(StreamError(C.SYSTEM_SHUTDOWN)),
        "close": peer.stream.close,
        "hang-up": lambda: peer.stream.receive(b"", 2.0),
    }[ending]()
    assert peer.told() == ""
    assert isinstance(peer.events[-1], Closed)


@pytest.mark.parametrize("bindings", [{}, {"tls-server-end-point": b"hash"}])
def test_what_went_before_tls_does_not_count_after_it(bindings: dict[str, bytes]):
    # Section 5.4.3.3: whatever was known of the client is forgotten.
    peer = Peer(STARTTLS_PORT, bindings=bindings)
    first = peer.say(HEADER.replace("<stream:stream", "<stream:stream from='eve@corp.example'"))
    assert " to='eve@corp.example'" in first
    peer.say(STARTTLS)
    told = peer.say(HEADER)
    assert " to='" not in told
    assert ("-PLUS" in told) == bool(bindings)


def test_a_from_in_the_clear_is_not_repeated_through_tls():
    peer = Peer(STARTTLS_PORT)
    peer.say(HEADER.replace("<stream:stream", "<stream:stream from='eve@corp.example'"))
    peer.say(STARTTLS)
    peer.stream.wake(60.0)
    told = peer.told()
    assert "<connection-timeout " in told
    assert "eve" not in told


def test_what_came_through_tls_before_secured_is_read_after_it():
    peer = Peer(STARTTLS_PORT, answers=False)
    peer.say(HEADER, STARTTLS)
    assert peer.say(HEADER) == ""
    peer.stream.secured({})
    assert "<mechanisms " in peer.told()


@pytest.mark.parametrize("chunk", [1, 7, 4096])
@pytest.mark.parametrize("rules", [PLAIN_PORT, STARTTLS_PORT])
def test_tls_on_a_port_that_begins_in_the_clear(rules: StreamRules, chunk: int):
    peer = Peer(rules, chunk=chunk)
    told = peer.say(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert peer.end is C.POLICY_VIOLATION
    assert "this port begins in the clear; for TLS at once use the direct TLS port" in told


def test_only_the_first_byte_can_begin_a_handshake():
    secure = Peer(DIRECT_PORT, secure=True)
    later = Peer()
    later.say(" ")
    for peer in (secure, later):
        peer.say(b"\x16\x03\x01")
        assert peer.end is C.NOT_WELL_FORMED


# -- stanzas, and the end --------------------------------------------------


def test_stanzas_come_out_as_they_went_in():
    peer = logged_in()
    stanzas = ["<message to='b'><body>a &lt; b</body></message>", "<presence/>", ELEMENTS["r"]]
    peer.say("\n".join(stanzas))
    assert [event.raw.decode() for event in peer.events[-3:]] == stanzas


def test_stanzas_before_an_error_still_count():
    peer = logged_in()
    told = peer.say("<message/><message><!-- --></message>")
    assert peer.summary()[-2:] == [
        (f"{{{CLIENT}}}message", b"<message/>"),
        (C.RESTRICTED_XML, False),
    ]
    assert told.count("<stream:error>") == 1


@pytest.mark.parametrize("bound", [True, False])
def test_a_client_that_hangs_up(bound: bool):
    peer = logged_in() if bound else Peer()
    peer.stream.receive(b"", 2.0)
    assert peer.told() == (END if bound else "")
    assert peer.events[-1] == Closed(None, clean=False)


def test_the_server_closes_in_an_orderly_way():
    peer = logged_in()
    peer.stream.close()
    assert peer.told() == END
    assert peer.events[-1] == Closed(None, clean=True)


def test_after_let_go_nothing_is_read():
    peer = logged_in()
    peer.stream.let_go()
    assert peer.say("<message/>") == ""
    assert not isinstance(peer.events[-1], Stanza)


# -- however the bytes are cut, whatever they are --------------------------


WHOLE = "".join(
    [
        HEADER,
        auth("\0ann\0wrong"),
        auth(None),
        response("\0ann\0secret"),
        " ",
        HEADER,
        RESUME,
        bind("bad"),
        bind("desk"),
        "<message><body>1</body></message>",
        ELEMENTS["r"],
        "\n<iq type='get' id='1'><q xmlns='u'/></iq>",
        END,
        "<late/>",
    ]
)


def test_a_whole_conversation_is_the_same_however_it_is_cut():
    peers = [Peer(chunk=chunk) for chunk in (1, 7, 4096)]
    for peer in peers:
        peer.say(WHOLE)
        assert peer.end is None
        assert peer.summary() == peers[0].summary()
        assert peer.all_said == peers[0].all_said
    assert len(peers[0].events) == 9


SCRAPS = [
    *(part.encode() for part in (HEADER, auth(), auth(None), auth("n,,n=ann,r=x", "SCRAM-SHA-1"))),
    *(part.encode() for part in (response("\0ann\0secret"), bind(), bind("bad"), bind(name=""))),
    *(element.encode() for element in ELEMENTS.values()),
    *b"< > / ' \" = & ; ! ? - [ ] a \x00 \x16 \xff".split(),
    b"<stream:stream",
    b"<a>",
    b"</a>",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b" xmlns='jabber:client'",
    b"\n",
]
SCRIPTS = st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=12), max_size=12)


@given(SCRIPTS, st.sampled_from([PLAIN_PORT, STARTTLS_PORT]), st.integers(0, 3))
@example([HEADER.encode(), auth().encode(), HEADER.encode(), bind().encode()], PLAIN_PORT, 0)
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_events_or_an_end(script: list[bytes], rules: StreamRules, lawful: int):
    # Some begin lawfully, or most would end at the first byte.
    start = [HEADER, auth(), HEADER, bind()][:lawful]
    data = "".join(start).encode() + b"".join(script)
    peers = [Peer(rules, chunk=chunk) for chunk in (1, 7, 4096)]
    for peer in peers:
        peer.say(data)
        ends = [event for event in peer.events if isinstance(event, Closed)]
        assert len(ends) == (peer.stream.phase is Phase.CLOSED)
        assert not ends or peer.events[-1] is ends[0]
    if rules is PLAIN_PORT:  # behind <starttls/> a cut decides what came through TLS
        for peer in peers:
            assert peer.summary() == peers[0].summary()
            assert peer.all_said == peers[0].all_said
