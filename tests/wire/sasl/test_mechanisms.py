"""Which mechanisms a connection is offered."""

import pytest

from clarion.wire.sasl import Mechanism, SaslError, hash_of, offered


def test_with_tls_and_a_binding_everything_is_offered_strongest_first():
    assert offered(tls=True, plain=True, bindings=["tls-server-end-point"]) == [
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-256",
        "SCRAM-SHA-1",
        "PLAIN",
    ]


def test_without_a_binding_there_is_no_plus():
    assert offered(tls=True, plain=False, bindings=()) == ["SCRAM-SHA-256", "SCRAM-SHA-1"]


def test_without_tls_nothing_is_offered_but_on_a_plain_listener():
    assert offered(tls=False, plain=False, bindings=()) == []
    assert offered(tls=False, plain=True, bindings=())[-1] == "PLAIN"


def test_only_what_policy_enables_is_offered():
    enabled = ["PLAIN", "SCRAM-SHA-256", "X-UNKNOWN"]
    assert offered(enabled, tls=True, plain=True, bindings=["tls-unique"]) == [
        "SCRAM-SHA-256",
        "PLAIN",
    ]


def test_the_hash_of_a_mechanism():
    assert hash_of("SCRAM-SHA-256-PLUS") == hash_of(Mechanism.SCRAM_SHA_256) == "sha256"
    assert hash_of("SCRAM-SHA-1") == "sha1"
    for other in ("PLAIN", "SCRAM-MD5", ""):
        with pytest.raises(SaslError):
            hash_of(other)
