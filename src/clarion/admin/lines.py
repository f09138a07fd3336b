"""The administration door's language: JSON objects, one a line.

A request is ``{"verb": "person.add", "arguments": {...}}``. The answer is any
number of ``{"progress": [done, total]}`` and one ``{"result": ...}`` or
``{"error": {"kind": "usage", "text": "..."}}``; further requests may follow.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clarion.lib.errors import (
    ClarionError,
    DeniedError,
    PeerError,
    UnavailableError,
    UsageError,
)

LINE_LIMIT: Final = 4 * 1024 * 1024
"""LIMIT: bytes of a line: an import of about 10,000 persons."""
KINDS: Final[dict[str, type[ClarionError]]] = {
    "peer": PeerError,
    "usage": UsageError,
    "denied": DeniedError,
    "unavailable": UnavailableError,
}
"""The kinds of errors; a kind that is not here is a fault of the server, ``"internal"``."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        verb: E.g. ``"person.add"``.
        arguments: JSON values by name; may hold a password, never logged.

    """

    verb: str
    arguments: Mapping[str, Any]


def parse_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        PeerError: It is none.

    """
    value = parse(line)
    match value:
        case {"verb": str(verb), **rest}:
            arguments = rest.pop("arguments", {})
            if isinstance(arguments, dict) and not rest:
                return Request(verb, arguments)
    raise PeerError('a request is {"verb": "...", "arguments": {...}} and nothing else')


def parse(line: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        PeerError: It is none.

    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise PeerError("this line is no JSON") from None
    if not isinstance(value, dict):
        raise PeerError("this line is no JSON object")
    return value


def write(value: Mapping[str, Any]) -> bytes:
    """Return one line."""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "backslashreplace"
        )
        + b"\n"
    )


def refusal(error: ClarionError) -> dict[str, Any]:
    """Return the answer that says no."""
    for kind, which in KINDS.items():
        if isinstance(error, which):
            return {"error": {"kind": kind, "text": str(error)}}
    return {"error": {"kind": "internal", "text": str(error)}}


def answered(value: Mapping[str, Any]) -> Any:
    """Return the result that an answer holds.

    Raises:
        ClarionError: The answer says no.
        PeerError: It is no answer.

    """
    match value:
        case {"result": result}:
            return result
        case {"error": {"kind": str(kind), "text": str(text)}}:
            raise KINDS.get(kind, ClarionError)(text)
    raise PeerError("the server's answer cannot be understood")
