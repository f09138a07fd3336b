"""Headers of streams, taken and refused (RFC 6120 sections 4.2, 4.3, 4.7 and 4.9)."""

import re

import pytest

from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.names import CLIENT, STREAMS
from clarion.wire.xmpp.stream_events import Closed
from fakes.stream_peer import DOMAIN, END, HEADER, Peer, auth

C = StreamCondition


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
    assert peer.stream.greeting.lang == "de"
    again = peer.say(auth(), HEADER)
    assert " to='" not in again
    ids = re.findall(r" id='([^']*)'", told + again)
    assert len(set(ids)) == 2
    assert peer.stream.greeting.lang == ""


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
