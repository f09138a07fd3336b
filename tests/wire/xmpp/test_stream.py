"""The stream engine alone: every phase, limit and refusal, and any bytes at all (RFC 6120)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clarion.wire.sasl import Candidate, SaslCondition, derive_keys
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.names import BIND, CLIENT, SASL, STREAMS, TLS
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream import (
    WAITING,
    BindWanted,
    Closed,
    KeysWanted,
    Offered,
    PasswordGiven,
    Phase,
    ProofGiven,
    SecureWanted,
    ServerStream,
    StreamRules,
)

C = StreamCondition
DOMAIN = "corp.example"
SM = "urn:xmpp:sm:3"
PLAIN_PORT = StreamRules(
    DOMAIN,
    starttls=False,
    without_tls=True,
    features=b"<sm xmlns='urn:xmpp:sm:3'/>",
    early_tags=frozenset({f"{{{SM}}}resume"}),
    late_tags=frozenset({f"{{{SM}}}r"}),
)
STARTTLS_PORT = StreamRules(DOMAIN, starttls=True)
DIRECT_PORT = StreamRules(DOMAIN, starttls=False)
HEADER = (
    f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='{CLIENT}'"
    f" xmlns:stream='{STREAMS}'>"
)
END = "</stream:stream>"
STARTTLS = f"<starttls xmlns='{TLS}'/>"
RESUME = f"<resume xmlns='{SM}' previd='x' h='0'/>"
BINDING = {"tls-server-end-point": b"hash", "tls-unique": b"finished"}
SALT, ITERATIONS = b"salt", 16


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def auth(message: str | None = "\0ann\0secret", mechanism: str = "PLAIN"):
    inner = encoded(message) if message is not None else ""
    return f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{inner}</auth>"


def response(message: str):
    return f"<response xmlns='{SASL}'>{encoded(message)}</response>"


def bind(resource: str = "", name: str = "id='b'"):
    inner = f"<resource>{resource}</resource>" if resource else ""
    return f"<iq type='set' {name}><bind xmlns='{BIND}'>{inner}</bind></iq>"


class Peer:
    """A client and the driver between it and the engine; the password is ``secret``.

    Args:
        rules: Of the listener.
        chunk: Bytes handed in at a time.
        answers: Whether the driver answers what the engine asks.
        bindings: Of the TLS connection, once there is one.
        secure: TLS from the first byte on.

    """

    def __init__(
        self,
        rules: StreamRules = PLAIN_PORT,
        *,
        chunk: int = 4096,
        answers: bool = True,
        bindings: Mapping[str, bytes] | None = None,
        secure: bool = False,
    ) -> None:
        tokens = count(1)
        self.answers = answers
        self.events: list[Any] = []
        self.all_said = b""
        self._chunk = chunk
        self._bindings = bindings or {}
        self._unread = b""
        self.stream = ServerStream(
            rules,
            token=lambda: f"token{next(tokens):020d}",
            now=0.0,
            secure=secure,
            bindings=self._bindings if secure else None,
        )

    def say(self, *what: str | bytes) -> str:
        """Hand in what the client sends; returns what it is told."""
        data = b"".join(piece.encode() if isinstance(piece, str) else piece for piece in what)
        for start in range(0, len(data), self._chunk):
            self.stream.receive(data[start : start + self._chunk], 1.0)
            self.pump()
        return self.told()

    def pump(self) -> None:
        while True:
            said = self.stream.outbox()
            self._unread += said
            self.all_said += said
            events = self.stream.events()
            if not events:
                return
            for event in events:
                self.events.append(event)
                if self.answers:
                    self.answer(event)

    def told(self) -> str:
        self.pump()
        said, self._unread = self._unread, b""
        return said.decode()

    def answer(self, event: Any) -> None:
        stream = self.stream
        match event:
            case SecureWanted():
                stream.secured(self._bindings)
            case KeysWanted(username, hash_name):
                keys = derive_keys("secret", SALT, ITERATIONS, hash_name)
                known = [Candidate("main", *keys)] if username == "ann" else []
                stream.keys(SALT, ITERATIONS, known)
            case PasswordGiven(username, _, password):
                self._judge(username, good=password == "secret")
            case ProofGiven(username, _, label):
                self._judge(username, good=label is not None)
            case BindWanted(resource) if resource == "bad":
                stream.bind_refused(StanzaError(StanzaCondition.JID_MALFORMED))
            case BindWanted(resource):
                stream.bound(f"ann@{DOMAIN}/{resource or 'made-up'}")
                stream.pump()
            case Offered():
                stream.not_taken(b"<failed/>")

    def _judge(self, username: str, *, good: bool) -> None:
        if good:
            self.stream.admit(username)
        else:
            self.stream.reject(SaslCondition.NOT_AUTHORIZED)

    @property
    def end(self) -> StreamCondition | None:
        """Why the stream ended."""
        closed = self.events[-1]
        assert isinstance(closed, Closed)
        return closed.error.condition if closed.error is not None else None

    def summary(self) -> list[object]:
        """Everything that happened, comparable."""
        return [_shown(event) for event in self.events]


def _shown(event: Any) -> object:
    match event:
        case Stanza():
            return event.tag, event.raw
        case Offered(element):
            return "offered", element.raw
        case Closed(error, clean):
            return error.condition if error else None, clean
    return event


def logged_in(chunk: int = 4096, rules: StreamRules = PLAIN_PORT):
    peer = Peer(rules, chunk=chunk)
    peer.say(HEADER, auth(), HEADER, bind("phone"))
    assert peer.stream.phase is Phase.BOUND
    peer.told()
    return peer


def scram(peer: Peer, mechanism: str, *, password: str = "secret", flag: str = "n", name="ann"):
    """Do a whole exchange; returns the server's last word."""
    hash_name = "sha256" if "256" in mechanism else "sha1"
    bare = f"n={name},r=0123456789abcdef"
    told = peer.say(auth(f"{flag},,{bare}", mechanism))
    if "<challenge" not in told:
        return told
    challenge = base64.b64decode(parse(told.encode()).text or "").decode()
    fields = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac(
        hash_name, password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
    )
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    stored = hashlib.new(hash_name, client_key).digest()
    data = BINDING.get(flag.removeprefix("p="), b"")
    binding = base64.b64encode(f"{flag},,".encode() + data).decode()
    without_proof = f"c={binding},r={fields['r']}"
    signature = hmac.digest(stored, f"{bare},{challenge},{without_proof}".encode(), hash_name)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return peer.say(response(f"{without_proof},p={base64.b64encode(proof).decode()}"))


# -- the order of things --------------------------------------------------------------


ELEMENTS = {
    "starttls": STARTTLS,
    "auth": auth(),
    "response": response("x"),
    "abort": f"<abort xmlns='{SASL}'/>",
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
EARLY |= {"error": None, "end": None, "bind": NO, "resume": WHAT, "abort": WHAT}
AFTER: dict[str, dict[str, Phase | StreamCondition | None]] = {
    "secure": EARLY | {"starttls": Phase.SECURING, "auth": Phase.SECURE_OR_AUTHENTICATE},
    "authenticate": EARLY | {"starttls": None, "auth": Phase.VERIFYING},
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
    assert peer.told().endswith(END)
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


# -- the header ---------------------------------------------------------------------------


def header(**changed: str | None):
    given = {"xmlns": CLIENT, "xmlns:stream": STREAMS, "to": DOMAIN, "version": "1.0"} | changed
    written = "".join(f" {k}='{v}'" for k, v in given.items() if v is not None)
    return f"<stream:stream{written}>"


@pytest.mark.parametrize(
    ("wrong", "condition"),
    [
        (header(xmlns="jabber:server"), C.INVALID_NAMESPACE),
        (header(xmlns=None), C.INVALID_NAMESPACE),
        (header(**{"xmlns:stream": "urn:other"}), C.INVALID_NAMESPACE),
        (f"<stream xmlns='{CLIENT}' to='{DOMAIN}' version='1.0'>", C.INVALID_NAMESPACE),
        (header().replace("stream:stream", "stream:flow"), C.BAD_FORMAT),
        (header(**{"xmlns:x": "urn:x"}), C.BAD_NAMESPACE_PREFIX),
        (header().replace("stream:stream", "y:stream"), C.BAD_NAMESPACE_PREFIX),
        (header(to=None), C.IMPROPER_ADDRESSING),
        (header(to="else.example"), C.HOST_UNKNOWN),
        (header(to=""), C.HOST_UNKNOWN),
        (header(version=None), C.UNSUPPORTED_VERSION),
        (header(version="0.9"), C.UNSUPPORTED_VERSION),
        (header(version="00.9"), C.UNSUPPORTED_VERSION),
        (header(version=""), C.UNSUPPORTED_VERSION),
        (header(version="one"), C.UNSUPPORTED_VERSION),
        (header(version="-1.0"), C.UNSUPPORTED_VERSION),
        (header(version="²"), C.UNSUPPORTED_VERSION),
        (header(version="٣"), C.UNSUPPORTED_VERSION),
        ("hello", C.NOT_WELL_FORMED),
        ("<?xml version='1.1'?>", C.NOT_WELL_FORMED),
        ("<?xml version='1.0' encoding='latin1'?>" + header(), C.UNSUPPORTED_ENCODING),
        ("<!DOCTYPE x>" + header(), C.RESTRICTED_XML),
        ("\xff\xfe<", C.NOT_WELL_FORMED),
    ],
)
def test_headers_that_are_refused(wrong: str, condition: StreamCondition):
    peer = Peer()
    told = peer.say(wrong)
    assert peer.end is condition
    # Section 4.9.1.2: the server opens its own stream to say so.
    assert re.fullmatch(
        rf"<\?xml .*\?><stream:stream [^>]*><stream:error><{condition} .*</stream:error>{END}", told
    )


@pytest.mark.parametrize(
    "lawful",
    [
        header(version="1.1"),
        header(version="2.0"),
        header(version="01.0"),
        header(version="9" * 5000),
        header(to="CORP.example"),
        header(to="corp.example."),
        "<?xml version='1.0' encoding='utf-8'?>\n" + header(),
        " \r\n" + header(),
    ],
)
def test_headers_that_are_taken(lawful: str):
    peer = Peer()
    assert "<stream:features>" in peer.say(lawful)


def test_the_header_is_answered_with_its_from_and_a_fresh_id():
    peer = Peer()
    told = peer.say(header(**{"from": "ann@corp.example", "xml:lang": "de"}))
    assert f" from='{DOMAIN}' to='ann@corp.example' id='token" in told
    assert peer.stream.lang == "de"
    again = peer.say(auth(), HEADER)
    assert " to='" not in again
    ids = re.findall(r" id='([^']*)'", told + again)
    assert len(set(ids)) == 2
    assert peer.stream.lang == ""


def test_a_from_cannot_break_out_of_our_header():
    peer = Peer()
    told = peer.say(header(**{"from": "&apos;&gt;&lt;evil/&gt;"}))
    assert " to='&apos;&gt;&lt;evil/&gt;'" in told


def test_a_header_that_ends_at_once():
    peer = Peer()
    assert peer.say(header().replace(">", "/>")).endswith(END)
    assert peer.events == [Closed(None, clean=True)]
    peer = Peer()
    peer.say(header(version="0").replace(">", "/>"))
    assert len(peer.events) == 1


# -- limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_one_element_before_log_in_may_have_10_kib(chunk: int):
    start, end = f"<auth xmlns='{SASL}' mechanism='X'>", "</auth>"
    room = PLAIN_PORT.early_stanza_bytes - len(start) - len(end)
    assert PLAIN_PORT.early_stanza_bytes == 10 * 1024
    peer = Peer(chunk=chunk)
    assert "<invalid-mechanism/>" in peer.say(HEADER, start, "x" * room, end)
    peer = Peer(chunk=chunk)
    peer.say(HEADER, start, "x" * (room + 1), end)
    assert peer.end is C.POLICY_VIOLATION


def test_an_element_without_end_is_not_waited_for():
    peer = Peer()
    peer.say(HEADER, "<auth a='", "x" * PLAIN_PORT.early_stanza_bytes)
    assert peer.end is C.POLICY_VIOLATION


@pytest.mark.parametrize("chunk", [7, 4096])
def test_all_before_log_in_may_have_256_kib(chunk: int):
    assert PLAIN_PORT.early_total_bytes == 256 * 1024
    room = PLAIN_PORT.early_total_bytes - len(HEADER)
    peer = Peer(chunk=chunk)
    peer.say(HEADER, " " * room)
    assert peer.stream.phase is Phase.SECURE_OR_AUTHENTICATE
    peer.say(" ")
    assert peer.end is C.POLICY_VIOLATION


def test_what_is_pipelined_above_the_limit_is_not_lost_in_silence():
    early = HEADER + auth() + HEADER + bind()
    fill = "<message/>" * (PLAIN_PORT.early_total_bytes // 10)
    peer = Peer(chunk=1 << 20)
    peer.say(early, fill)
    assert peer.end is C.POLICY_VIOLATION
    assert Peer(chunk=1 << 20).say(early, "<message/>") != ""


@pytest.mark.parametrize("chunk", [4095, 4096, 1 << 20])
def test_a_stanza_after_log_in_may_have_256_kib(chunk: int):
    assert PLAIN_PORT.stanza_bytes == 256 * 1024
    start, end = "<message><body>", "</body></message>"
    room = PLAIN_PORT.stanza_bytes - len(start) - len(end)
    peer = logged_in(chunk)
    for _ in range(3):  # and there is no limit on the sum
        peer.say(start, "x" * room, end)
        assert isinstance(peer.events[-1], Stanza)
    peer.say(start, "x" * (room + 1), end)
    assert peer.end is C.POLICY_VIOLATION


def test_limits_are_those_of_the_rules():
    rules = StreamRules(DOMAIN, starttls=False, without_tls=True, stanza_bytes=100)
    peer = logged_in(rules=rules)
    peer.say("<message>", "x" * 100, "</message>")
    assert peer.end is C.POLICY_VIOLATION


def test_who_takes_too_long_to_log_in_is_sent_away():
    peer = Peer()
    assert peer.stream.deadline() == PLAIN_PORT.negotiation_seconds == 60.0
    peer.say(HEADER, auth(), HEADER)
    peer.stream.wake(59.9)
    assert peer.told() == ""
    peer.stream.wake(60.0)
    assert "<connection-timeout " in peer.told()
    assert peer.end is C.CONNECTION_TIMEOUT
    assert peer.stream.deadline() is None


def test_after_binding_there_is_no_deadline():
    peer = logged_in()
    assert peer.stream.deadline() is None
    peer.stream.wake(1e9)
    assert peer.stream.phase is Phase.BOUND


def test_who_never_says_a_word_gets_a_whole_error():
    peer = Peer()
    peer.stream.wake(60.0)
    told = peer.told()
    assert told.startswith("<?xml version='1.0'?><stream:stream ")
    assert told.endswith(END)


# -- TLS ---------------------------------------------------------------------------------------


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


def test_white_space_may_follow_starttls():
    peer = Peer(STARTTLS_PORT)
    assert "<proceed " in peer.say(HEADER, STARTTLS, "\n")


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


# -- SASL ----------------------------------------------------------------------------------------


def mechanisms(told: str):
    return re.findall("<mechanism>([^<]*)</mechanism>", told)


def test_mechanisms_by_connection():
    unbound = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
    bound = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"]
    assert mechanisms(Peer().say(HEADER)) == unbound
    assert mechanisms(Peer(DIRECT_PORT, secure=True).say(HEADER)) == unbound
    with_bindings = Peer(DIRECT_PORT, secure=True, bindings=BINDING)
    assert mechanisms(with_bindings.say(HEADER)) == bound + unbound
    # Neither TLS nor listen_plain: nothing at all.
    assert mechanisms(Peer(DIRECT_PORT).say(HEADER)) == []


def test_channel_binding_types_are_told():
    peer = Peer(STARTTLS_PORT, bindings=BINDING)
    peer.say(HEADER, STARTTLS)
    told = peer.say(HEADER)
    assert (
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"
        "<channel-binding type='tls-server-end-point'/><channel-binding type='tls-unique'/>"
        "</sasl-channel-binding></stream:features>"
    ) in told
    assert "sasl-cb" not in Peer(DIRECT_PORT, secure=True).say(HEADER)


def test_plain():
    peer = Peer()
    peer.say(HEADER)
    assert peer.say(auth("act\0ann\0secret")) == f"<success xmlns='{SASL}'></success>"
    assert peer.events == [PasswordGiven("ann", "act", "secret")]
    assert peer.stream.username == "ann"
    assert f"<bind xmlns='{BIND}'/>" in peer.say(HEADER)


def test_plain_without_initial_response():
    peer = Peer()
    peer.say(HEADER)
    assert peer.say(auth(None)) == f"<challenge xmlns='{SASL}'></challenge>"
    assert "<success " in peer.say(response("\0ann\0secret"))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("flag", ["n", "y"])
def test_scram(mechanism: str, flag: str):
    peer = Peer()
    peer.say(HEADER)
    told = scram(peer, mechanism, flag=flag)
    assert "<success " in told
    assert base64.b64decode(parse(told.encode()).text or "").startswith(b"v=")
    assert peer.events[-1] == ProofGiven("ann", "", "main")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
@pytest.mark.parametrize("kind", BINDING)
def test_scram_plus(mechanism: str, kind: str):
    peer = Peer(DIRECT_PORT, secure=True, bindings=BINDING)
    peer.say(HEADER)
    assert "<success " in scram(peer, mechanism, flag=f"p={kind}")


def test_a_client_that_did_not_see_plus_was_lied_to():
    peer = Peer(DIRECT_PORT, secure=True, bindings=BINDING)
    peer.say(HEADER)
    assert "<not-authorized/>" in scram(peer, "SCRAM-SHA-256", flag="y")


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("eve", "secret")])
def test_a_wrong_proof_and_an_unknown_name_look_the_same(name: str, password: str):
    peer = Peer()
    peer.say(HEADER)
    assert scram(peer, "SCRAM-SHA-256", password=password, name=name) == (
        f"<failure xmlns='{SASL}'><not-authorized/></failure>"
    )
    assert peer.events[-1] == ProofGiven(name, "", None)
    assert "<success " in scram(peer, "SCRAM-SHA-256")


def test_what_is_left_of_a_proof_that_was_not_admitted_is_forgotten():
    peer = Peer()
    peer.say(HEADER)
    peer.answers = False
    peer.say(auth("n,,n=ann,r=x", "SCRAM-SHA-1"))
    peer.stream.reject(SaslCondition.TEMPORARY_AUTH_FAILURE, "later & again")
    assert "<temporary-auth-failure/><text xml:lang='en'>later &amp; again</text>" in peer.told()
    peer.answers = True
    assert peer.say(auth()) == f"<success xmlns='{SASL}'></success>"


def test_scram_without_initial_response():
    peer = Peer()
    peer.say(HEADER)
    peer.say(auth(None, "SCRAM-SHA-1"))
    assert "<challenge " in peer.say(response("n,,n=ann,r=x"))
    assert peer.events == [KeysWanted("ann", "sha1")]


@pytest.mark.parametrize(
    ("element", "condition"),
    [
        (f"<auth xmlns='{SASL}' mechanism='PLAIN'>!</auth>", "incorrect-encoding"),
        (f"<auth xmlns='{SASL}' mechanism='PLAIN'>AGFu\nbg==</auth>", "incorrect-encoding"),
        (f"<auth xmlns='{SASL}' mechanism='PLAIN'>=</auth>", "malformed-request"),
        (f"<auth xmlns='{SASL}' mechanism='PLAIN'>{'A' * 8000}</auth>", "malformed-request"),
        (auth("no parts"), "malformed-request"),
        (auth("n,,x", "SCRAM-SHA-1"), "malformed-request"),
        (auth("p=tls-unique,,n=ann,r=x", "SCRAM-SHA-1"), "malformed-request"),
        (auth("p=tls-unique,,n=ann,r=x", "SCRAM-SHA-1-PLUS"), "invalid-mechanism"),
        (auth(mechanism="CRAM-MD5"), "invalid-mechanism"),
        (auth(mechanism="plain"), "invalid-mechanism"),
        (f"<auth xmlns='{SASL}'/>", "invalid-mechanism"),
        (auth(None) + f"<abort xmlns='{SASL}'/>", "aborted"),
        (auth(None) + f"<response xmlns='{SASL}'>!</response>", "incorrect-encoding"),
        (auth("n,,n=ann,r=x", "SCRAM-SHA-1") + response("c=biws"), "malformed-request"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_exchanges_that_fail_and_may_be_tried_again(element: str, condition: str, chunk: int):
    peer = Peer(chunk=chunk)
    peer.say(HEADER)
    assert f"<failure xmlns='{SASL}'><{condition}/>" in peer.say(element)
    assert "<success " in peer.say(auth())


def test_too_many_failures():
    assert PLAIN_PORT.login_attempts == 5  # section 6.4.5 asks for 2 to 5
    peer = Peer()
    wrong = auth("\0ann\0wrong")
    assert peer.say(HEADER, wrong * 4).count("<failure ") == 4
    assert peer.stream.phase is Phase.SECURE_OR_AUTHENTICATE
    assert peer.say(auth(mechanism="X")).count("<failure ") == 1
    assert peer.end is C.POLICY_VIOLATION


# -- binding --------------------------------------------------------------------------------------


def features():
    return (
        f"<stream:features><bind xmlns='{BIND}'/>"
        "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"
        f"<sm xmlns='{SM}'/></stream:features>"
    )


def test_binding():
    peer = Peer()
    assert peer.say(HEADER, auth(), HEADER).endswith(features())
    told = peer.say(bind("desk", "id='&lt;'"))
    assert told == (
        f"<iq type='result' id='&lt;'><bind xmlns='{BIND}'><jid>ann@{DOMAIN}/desk</jid></bind></iq>"
    )
    assert peer.events[-1] == BindWanted("desk")


def test_the_server_may_choose_the_resource():
    peer = Peer()
    told = peer.say(HEADER, auth(), HEADER, bind())
    assert peer.events[-1] == BindWanted("")
    assert f"<jid>ann@{DOMAIN}/made-up</jid>" in told


def test_a_refused_resource_may_be_followed_by_another():
    peer = Peer()
    peer.say(HEADER, auth(), HEADER)
    told = peer.say(bind("bad"))
    assert told.startswith("<iq type='error' id='b'><error type='modify'><jid-malformed ")
    assert "<jid>" in peer.say(bind("good"))


def test_a_bind_without_id_is_refused_and_many_of_them_are_no_harm():
    peer = Peer(chunk=1 << 20)
    peer.say(HEADER, auth(), HEADER)
    told = peer.say(bind(name="") * 2000)
    assert told.count("<bad-request ") == 2000
    assert "<jid>" in peer.say(bind())


@pytest.mark.parametrize(
    "iq",
    [
        f"<iq type='get' id='1'><bind xmlns='{BIND}'/></iq>",
        f"<iq id='1'><bind xmlns='{BIND}'/></iq>",
        "<iq type='set' id='1'><bind xmlns='urn:other'/></iq>",
        "<iq type='set' id='1'/>",
    ],
)
def test_before_binding_nothing_but_binding(iq: str):
    peer = Peer()
    peer.say(HEADER, auth(), HEADER, iq)
    assert peer.end is C.NOT_AUTHORIZED


def test_an_offered_element_may_be_taken():
    peer = Peer(answers=False)
    peer.say(HEADER, auth())
    peer.stream.admit("ann")
    peer.say(HEADER, RESUME, "<message/>")
    assert isinstance(peer.events[-1], Offered)
    peer.stream.bound("")
    peer.stream.send(b"<resumed/>")
    assert peer.told() == "<resumed/>"
    peer.stream.pump()
    peer.pump()
    assert isinstance(peer.events[-1], Stanza)


def test_an_offered_element_may_be_declined():
    peer = Peer()
    assert peer.say(HEADER, auth(), HEADER, RESUME, bind()).count("<failed/>") == 1
    assert peer.stream.phase is Phase.BOUND


# -- stanzas, and the end ------------------------------------------------------------------------


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


# -- however the bytes are cut, whatever they are ---------------------------------------------------


WHOLE = "".join(
    (HEADER, auth("\0ann\0wrong"), auth(None), response("\0ann\0secret"), " ", HEADER, RESUME)
    + (bind("bad"), bind("desk"), "<message><body>1</body></message>", ELEMENTS["r"], "\n")
    + ("<iq type='get' id='1'><q xmlns='u'/></iq>", END, "<late/>")
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
@settings(deadline=None, max_examples=300)
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
