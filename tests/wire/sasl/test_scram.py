"""SCRAM: the RFCs' own exchanges, channel binding, and everything that must fail."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import UsageError
from clarion.wire.sasl import (
    Candidate,
    SaslCondition,
    SaslError,
    ScramServer,
    derive_keys,
    downgrade_input,
)
from clarion.wire.sasl.payload import MESSAGE_LIMIT
from clarion.wire.sasl.scram import NONCE_LIMIT, NONCE_MINIMUM, USERNAME_LIMIT

NONCE = "server-nonce-0123456789"
SALT = b"sixteen bytes of"
END_POINT = {"tls-server-end-point": b"\x01,\x02=\xff" * 8}


def server(
    mechanism: str = "SCRAM-SHA-256",
    *,
    nonce: str = NONCE,
    bindings: dict[str, bytes] | None = None,
    plus_offered: bool = False,
):
    return ScramServer(mechanism, nonce=nonce, bindings=bindings or {}, plus_offered=plus_offered)


def keys(password: str, hash_name: str = "sha256", label: str = "main"):
    return Candidate(label, *derive_keys(password, SALT, 2, hash_name))


class Client:
    """The other side, written from RFC 5802 section 3 alone."""

    def __init__(
        self, password: str, header: str = "n,,", binding: bytes = b"", hash_name: str = "sha256"
    ) -> None:
        self.password = password.encode()
        self.header = header
        self.binding = binding
        self.hash_name = hash_name
        self.bare = "n=user,r=client-nonce"
        self.server_signature = b""

    def first(self):
        return (self.header + self.bare).encode()

    def final(self, challenge: bytes, extensions: str = ""):
        fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
        bound = b64encode(self.header.encode() + self.binding).decode()
        without_proof = f"c={bound},r={fields['r']}{extensions}"
        signed = f"{self.bare},{challenge.decode()},{without_proof}".encode()
        salted = hashlib.pbkdf2_hmac(
            self.hash_name, self.password, b64decode(fields["s"]), int(fields["i"])
        )
        client_key = hmac.digest(salted, b"Client Key", self.hash_name)
        stored_key = hashlib.new(self.hash_name, client_key).digest()
        signature = hmac.digest(stored_key, signed, self.hash_name)
        server_key = hmac.digest(salted, b"Server Key", self.hash_name)
        self.server_signature = hmac.digest(server_key, signed, self.hash_name)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{without_proof},p={b64encode(proof).decode()}".encode()


@pytest.mark.parametrize(
    ("mechanism", "nonce", "salt", "client_nonce", "proof", "verifier"),
    [
        (
            "SCRAM-SHA-1",
            "3rfcNHYJY1ZVvWVs7j",
            "QSXCR+Q6sek8bf92",
            "fyko+d2lbbFgONRv9qkxdawL",
            "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (
            "SCRAM-SHA-256",
            "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            "W22ZaJ0SNY7soEsUEjb6gQ==",
            "rOprNGfwEbeRWgbNEkqO",
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ],
)
def test_the_exchanges_of_rfc_5802_and_rfc_7677(
    *, mechanism: str, nonce: str, salt: str, client_nonce: str, proof: str, verifier: str
):
    scram = server(mechanism, nonce=nonce)
    assert scram.first(f"n,,n=user,r={client_nonce}".encode()) == "user"
    challenge = scram.challenge(b64decode(salt), 4096)
    assert challenge == f"r={client_nonce}{nonce},s={salt},i=4096".encode()
    candidate = Candidate("main", *derive_keys("pencil", b64decode(salt), 4096, scram.hash_name))
    result = scram.final(f"c=biws,r={client_nonce}{nonce},p={proof}".encode(), [candidate])
    assert result.message == f"v={verifier}".encode()
    assert (result.label, result.index) == ("main", 0)


def test_one_of_several_passwords_is_found_and_named():
    client = Client("app password")
    scram = server()
    scram.first(client.first())
    final = client.final(scram.challenge(SALT, 2), ",x=an extension,y=more")
    candidates = [keys("other"), keys("app password", label="phone"), keys("third", label="tv")]
    result = scram.final(final, candidates)
    assert (result.label, result.index) == ("phone", 1)
    assert b64decode(result.message[2:]) == client.server_signature


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1))
@settings(deadline=None)
def test_any_right_password_passes_and_a_wrong_one_fails(password: str):
    for stored, passes in ((password, True), (password + "x", False)):
        client = Client(password)
        scram = server()
        scram.first(client.first())
        final = client.final(scram.challenge(SALT, 2))
        if passes:
            assert scram.final(final, [keys(stored)]).label == "main"
        else:
            assert condition(scram.final, final, [keys(stored)]) == "not-authorized"


def condition(act: Callable[..., object], *arguments: object) -> SaslCondition:
    with pytest.raises(SaslError) as caught:
        act(*arguments)
    assert str(caught.value)
    return caught.value.condition


def test_an_unknown_name_and_a_wrong_password_look_alike():
    texts = set()
    for candidates in ([], [keys("other")], [keys("pencil", "sha1")]):
        client = Client("pencil")
        scram = server()
        scram.first(client.first())
        final = client.final(scram.challenge(SALT, 2))
        with pytest.raises(SaslError) as caught:
            scram.final(final, candidates)
        assert caught.value.condition is SaslCondition.NOT_AUTHORIZED
        texts.add(str(caught.value))
    assert len(texts) == 1


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"])
@pytest.mark.parametrize("kind", ["tls-server-end-point", "tls-unique"])
def test_an_exchange_is_bound_to_its_connection(mechanism: str, kind: str):
    hash_name = "sha1" if "SHA-1-" in mechanism else "sha256"
    bindings = {"tls-server-end-point": b"certificate", "tls-unique": b"finished"}
    for data, passes in ((bindings[kind], True), (b"someone else's", False)):
        client = Client("pencil", f"p={kind},,", data, hash_name)
        scram = server(mechanism, bindings=bindings, plus_offered=True)
        scram.first(client.first())
        final = client.final(scram.challenge(SALT, 2))
        if passes:
            assert scram.final(final, [keys("pencil", hash_name)]).index == 0
        else:
            assert condition(scram.final, final, [keys("pencil", hash_name)]) == "not-authorized"


def test_a_binding_may_hold_any_octets():
    client = Client("pencil", "p=tls-server-end-point,,", END_POINT["tls-server-end-point"])
    scram = server("SCRAM-SHA-256-PLUS", bindings=END_POINT, plus_offered=True)
    scram.first(client.first())
    assert scram.final(client.final(scram.challenge(SALT, 2)), [keys("pencil")]).label == "main"


def test_the_header_of_the_last_message_must_be_that_of_the_first():
    client = Client("pencil", "y,,")
    scram = server()
    scram.first(client.first())
    client.header = "n,,"
    final = client.final(scram.challenge(SALT, 2))
    assert condition(scram.final, final, [keys("pencil")]) == "not-authorized"


@pytest.mark.parametrize(
    ("mechanism", "header", "bindings", "refused"),
    [
        ("SCRAM-SHA-256", "y,,", END_POINT, "not-authorized"),  # a downgrade
        ("SCRAM-SHA-256", "p=tls-server-end-point,,", END_POINT, "malformed-request"),
        ("SCRAM-SHA-256-PLUS", "n,,", END_POINT, "malformed-request"),
        ("SCRAM-SHA-256-PLUS", "y,,", END_POINT, "malformed-request"),
        ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", END_POINT, "malformed-request"),
        ("SCRAM-SHA-256-PLUS", "p=,,", END_POINT, "malformed-request"),
        ("SCRAM-SHA-256", "n,,", END_POINT, None),
        ("SCRAM-SHA-256", "y,,", {}, None),
    ],
)
def test_the_rules_of_the_binding_flag(
    mechanism: str, header: str, bindings: dict[str, bytes], refused: str
):
    scram = server(mechanism, bindings=bindings, plus_offered=bool(bindings))
    message = f"{header}n=user,r=abc".encode()
    if refused is None:
        assert scram.first(message) == "user"
    else:
        assert condition(scram.first, message) == refused


def test_names_are_unquoted_and_given_to_policy():
    scram = server()
    assert scram.first("n,a=bob=2C=3D2C@x,n=änn=3D=2C,r=abc".encode()) == "änn=,"
    assert scram.authzid == "bob,=2C@x"
    assert scram.username == "änn=,"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n",
        b"n,",
        b"n,,",
        b"x,,n=user,r=abc",
        b",,n=user,r=abc",
        b"n,user,n=user,r=abc",
        b"n,a=,n=user,r=abc",
        b"n,,n=,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=us=2c,r=abc",
        b"n,,n=user",
        b"n,,r=abc,n=user",
        b"n,,n=user,r=",
        b"n,,n=user,r=a b",
        "n,,n=user,r=ä".encode(),
        b"n,,n=us\xffer,r=abc",
        b"n,,n=us\0er,r=abc",
        b"n,,m=must,n=user,r=abc",
        b"n,,n=user,r=abc,m=must",
        b"n,,n=user,r=abc,r=def",
        b"n,,n=user,r=abc,",
        b"n,,n=user,r=abc,xx=1",
        b"n,,n=user,r=" + b"a" * (NONCE_LIMIT + 1),
        b"n,,n=" + b"a" * (USERNAME_LIMIT + 1) + b",r=abc",
        b"n,,n=user,r=abc,x=" + b"a" * MESSAGE_LIMIT,
    ],
)
def test_a_first_message_that_is_malformed(message: bytes):
    assert condition(server().first, message) == "malformed-request"


def test_the_longest_nonce_and_name():
    assert server().first(b"n,,n=" + b"a" * USERNAME_LIMIT + b",r=" + b"b" * NONCE_LIMIT + b",x=1")


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        (b"", "malformed-request"),
        (b"c=biws,p=AAAA", "malformed-request"),
        (b"c=biws,r=abc" + NONCE.encode(), "malformed-request"),
        (b"c=biws,r=abc,p=AAAA", "malformed-request"),
        (b"x=biws,r=abc" + NONCE.encode() + b",p=AAAA", "malformed-request"),
        (b"c=b,r=abc" + NONCE.encode() + b",p=AAAA", "malformed-request"),
        (b"c=biws,r=abc" + NONCE.encode() + b",p=A", "malformed-request"),
        (b"c=biws,r=abc" + NONCE.encode() + b",m=x,p=AAAA", "malformed-request"),
        (b"c=biws,r=abc" + NONCE.encode() + b",c=x,p=AAAA", "malformed-request"),
        (b"c=biws,r=abc" + NONCE.encode() + b",p=AAAA\xff", "malformed-request"),
        (b"c=eSws,r=abc" + NONCE.encode() + b",p=AAAA", "not-authorized"),
        (b"c=biws,r=abc" + NONCE.encode() + b",p=AAAA", "not-authorized"),
        (b"c=biws,r=abc" + NONCE.encode() + b",p=", "not-authorized"),
        (b"c=biws,r=abc" + NONCE.encode() + b",p=" + b"A" * MESSAGE_LIMIT, "malformed-request"),
    ],
)
def test_a_last_message_that_must_fail(message: bytes, refused: str):
    scram = server()
    scram.first(b"n,,n=user,r=abc")
    scram.challenge(SALT, 2)
    assert condition(scram.final, message, [keys("pencil")]) == refused


def test_steps_come_once_and_in_order():
    scram = server()
    with pytest.raises(UsageError):
        scram.challenge(SALT, 2)
    with pytest.raises(UsageError):
        scram.final(b"", [])
    scram.first(b"n,,n=user,r=abc")
    with pytest.raises(UsageError):
        scram.first(b"n,,n=user,r=abc")
    for salt, iterations in ((b"", 2), (SALT, 0)):
        with pytest.raises(UsageError):
            scram.challenge(salt, iterations)
    scram.challenge(SALT, 2)
    condition(scram.final, b"", [])
    with pytest.raises(UsageError):
        scram.final(b"", [])


def test_a_failed_first_message_ends_the_exchange():
    scram = server()
    condition(scram.first, b"")
    with pytest.raises(UsageError):
        scram.first(b"n,,n=user,r=abc")


@pytest.mark.parametrize("nonce", ["", "a" * (NONCE_MINIMUM - 1), "a" * 20 + ",", "ä" * 20])
def test_our_own_nonce_must_be_fit(nonce: str):
    with pytest.raises(UsageError):
        server(nonce=nonce)


def test_only_scram_is_scram():
    assert condition(server, "PLAIN") is SaslCondition.INVALID_MECHANISM
    assert condition(server, "SCRAM-SHA-512") is SaslCondition.INVALID_MECHANISM


def test_keys_are_not_shown():
    candidate = Candidate("main", b"stored", b"server")
    assert "stored" not in repr(candidate)
    assert "'server'" not in repr(candidate)


def test_what_was_offered_is_in_the_challenge():
    # The example of XEP-0474 section 5.3.
    offered = downgrade_input(
        ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], ["tls-server-end-point", "tls-exporter"]
    )
    assert offered == b"SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1etls-server-end-point"
    machine = ScramServer(
        "SCRAM-SHA-1", nonce="n" * 16, bindings={}, plus_offered=True, advertised=offered
    )
    machine.first(b"n,,n=user,r=abc")
    assert machine.challenge(b"salt", 1).endswith(b",i=1,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=")


def test_without_channel_binding_only_mechanisms_are_told():
    assert downgrade_input(["PLAIN"], []) == b"PLAIN"
