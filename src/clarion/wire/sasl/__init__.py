"""SASL, the server's side: PLAIN, SCRAM and HT as machines without I/O (RFC 4422)."""

from clarion.wire.sasl.ht import HtMessage, binding_of, hashed_token, offered_ht, parse_ht, prove
from clarion.wire.sasl.keys import PasswordError, derive_keys, password_forms, verify_password
from clarion.wire.sasl.mechanisms import Mechanism, hash_of, offered
from clarion.wire.sasl.payload import decode_base64, encode_base64
from clarion.wire.sasl.plain import PlainMessage, parse_plain
from clarion.wire.sasl.refusal import SaslCondition, SaslError
from clarion.wire.sasl.scram import Candidate, ScramServer, Success, downgrade_input

__all__ = [
    "Candidate",
    "HtMessage",
    "Mechanism",
    "PasswordError",
    "PlainMessage",
    "SaslCondition",
    "SaslError",
    "ScramServer",
    "Success",
    "binding_of",
    "decode_base64",
    "derive_keys",
    "downgrade_input",
    "encode_base64",
    "hash_of",
    "hashed_token",
    "offered",
    "offered_ht",
    "parse_ht",
    "parse_plain",
    "password_forms",
    "prove",
    "verify_password",
]
