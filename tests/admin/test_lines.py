"""The administration door's language."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.admin.lines import Request, answered, parse_request, refusal, write
from clarion.lib.errors import (
    ClarionError,
    DeniedError,
    PeerError,
    UnavailableError,
    UsageError,
)


def test_a_request_is_a_verb_and_arguments():
    assert parse_request(b'{"verb": "status"}\n') == Request("status", {})
    line = write({"verb": "person.show", "arguments": {"address": "ann@corp.example"}})
    assert line.endswith(b"\n")
    assert parse_request(line) == Request("person.show", {"address": "ann@corp.example"})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"nonsense",
        b"[]",
        b"1",
        b"{}",
        b'{"verb": 1}',
        b'{"verb": "a", "extra": 1}',
        b'{"verb": "a", "arguments": []}',
        b"\xff\xfe",
        b"[" * 100000,
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_anything_else_is_refused(line: bytes):
    with pytest.raises(PeerError):
        parse_request(line)


@settings(deadline=None)
@given(st.binary())
def test_any_line_is_read_or_refused(line: bytes):
    with suppress(PeerError):
        parse_request(line)


@pytest.mark.parametrize("kind", [PeerError, UsageError, DeniedError, UnavailableError])
def test_a_refusal_arrives_as_what_it_is(kind: type[ClarionError]):
    line = write(refusal(kind("wörds\nof two lines")))
    assert line.count(b"\n") == 1
    with pytest.raises(kind, match="wörds\nof two lines"):
        answered(json.loads(line))


def test_a_fault_of_the_server_arrives_as_an_error():
    assert refusal(ClarionError("odd"))["error"]["kind"] == "internal"
    with pytest.raises(ClarionError, match="odd"):
        answered(refusal(ClarionError("odd")))


def test_an_answer_that_is_none_is_refused():
    with pytest.raises(PeerError):
        answered({"outcome": 1})
    assert answered({"result": None}) is None


def test_half_a_character_is_written_all_the_same():
    assert json.loads(write({"name": "\ud800"}))
