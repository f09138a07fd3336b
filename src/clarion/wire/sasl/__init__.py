"""SASL, the server's side: PLAIN and SCRAM as machines without I/O (RFC 4422)."""

from clarion.wire.sasl.keys import PasswordError, derive_keys, password_forms, verify_password
from clarion.wire.sasl.mechanisms import Mechanism, hash_of, offered
from clarion.wire.sasl.payload import decode_base64, encode_base64
from clarion.wire.sasl.plain import PlainMessage, parse_plain
from clarion.wire.sasl.refusal import SaslCondition, SaslError
from clarion.wire.sasl.scram import Candidate, ScramServer, Success

__all__ = [
    "Candidate",
    "Mechanism",
    "PasswordError",
    "PlainMessage",
    "SaslCondition",
    "SaslError",
    "ScramServer",
    "Success",
    "decode_base64",
    "derive_keys",
    "encode_base64",
    "hash_of",
    "offered",
    "parse_plain",
    "password_forms",
    "verify_password",
]
