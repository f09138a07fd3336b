"""Frames of RFC 7395 to a stream's bytes and back."""

import pytest

from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.framing import close_code, elements, to_frames, to_stream

OPEN = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'"
HEADER = "<?xml version='1.0'?><stream:stream xmlns='jabber:client'"
STREAMS = " xmlns:stream='http://etherx.jabber.org/streams'"


def stream(frame: str) -> str:
    return to_stream(frame.encode()).decode()


def frames(said: str) -> list[str]:
    return [frame.decode() for frame in to_frames(said.encode())]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (f"{OPEN} to='a.example' version='1.0'/>", " to='a.example' version='1.0'"),
        (f"{OPEN} version='1.0' from='x@a' id='5'></open>", " from='x@a' version='1.0'"),
        (f"{OPEN} xml:lang='de' to='&apos;'/>", " to='&apos;' xml:lang='de'"),
        ("<f:open xmlns:f='urn:ietf:params:xml:ns:xmpp-framing' to=\">\"/>", " to='&gt;'"),
    ],
)
def test_open_is_the_start_of_a_stream(frame: str, said: str):
    assert stream(frame) == f"{HEADER}{STREAMS}{said}>"


def test_close_is_its_end():
    assert stream("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>") == "</stream:stream>"
    other = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://b.example/'/>"
    assert stream(other) == "</stream:stream>"


@pytest.mark.parametrize(
    "frame",
    [
        "<message xmlns='jabber:client'><body>a &lt; b</body></message>",
        "<presence xmlns='jabber:client'/>",
        "<presence/>",
        "<a><a/><a b='/>'/><![CDATA[</a><a>]]></a>",
        "<other xmlns='urn:x' about='urn:ietf:params:xml:ns:xmpp-framing'/>",
    ],
)
def test_every_other_element_passes_as_it_is(frame: str):
    assert stream(frame) == frame


@pytest.mark.parametrize(
    ("frame", "condition"),
    [
        ("", "bad-format"),
        (" ", "bad-format"),
        ("text", "bad-format"),
        ("<a/>text", "bad-format"),
        (" <a/>", "bad-format"),
        ("<a/> ", "bad-format"),
        ("<a/><b/>", "bad-format"),
        ("<a></a><b>", "bad-format"),
        ("<a>", "bad-format"),
        ("<a><b></b>", "bad-format"),
        ("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", "bad-format"),
        ("</stream:stream>", "not-well-formed"),
        ("<a", "not-well-formed"),
        ("<a b='<'/>", "not-well-formed"),
        ("<a <b/>", "not-well-formed"),
        ("<a><![CDATA[</a>", "not-well-formed"),
        ("<?xml version='1.0'?><a/>", "restricted-xml"),
        ("<a><!-- --></a>", "restricted-xml"),
        ("<![CDATA[x]]>", "restricted-xml"),
        ("<!DOCTYPE a><a/>", "restricted-xml"),
        ("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='&x;'/>", "not-well-formed"),
    ],
)
def test_what_is_not_one_element_is_refused(frame: str, condition: str):
    with pytest.raises(StreamError) as caught:
        to_stream(frame.encode())
    assert caught.value.condition == condition


def test_what_a_server_says_is_cut_into_frames_with_their_namespaces():
    header = f"{HEADER}{STREAMS} from='a.example' to='x@a' id='7' version='1.0' xml:lang='en'>"
    features = "<stream:features><bind xmlns='urn:b'/></stream:features>"
    assert frames(
        f"<success xmlns='urn:s'>dj0=</success>{header}{features}"
        "<message from='x'><body>hi</body></message><presence/><r xmlns='urn:xmpp:sm:3'/>"
        "<iq xmlns='jabber:client' type='get'><![CDATA[<?xml version='1.0'?><b>]]></iq>"
    ) == [
        "<success xmlns='urn:s'>dj0=</success>",
        f"{OPEN} from='a.example' to='x@a' id='7' version='1.0' xml:lang='en'/>",
        f"<stream:features{STREAMS}><bind xmlns='urn:b'/></stream:features>",
        "<message xmlns='jabber:client' from='x'><body>hi</body></message>",
        "<presence xmlns='jabber:client'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<iq xmlns='jabber:client' type='get'><![CDATA[<?xml version='1.0'?><b>]]></iq>",
    ]


def test_an_error_and_the_end():
    said = "<stream:error><reset xmlns='urn:e'/></stream:error></stream:stream>"
    assert frames(said) == [
        f"<stream:error{STREAMS}><reset xmlns='urn:e'/></stream:error>",
        "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
    ]
    assert frames("") == []


def test_white_space_between_elements_is_free():
    assert list(elements(b"<a/>\n <b></b> ")) == [b"<a/>", b"<b></b>"]


@pytest.mark.parametrize("scrap", [b"<", b"<a", b"<![CDATA[", b"<a '", b"<a>", b"</a>", b"\"'<"])
def test_time_is_linear(scrap: bytes):
    with pytest.raises(StreamError):
        to_stream(b"<a>" + scrap * 100_000)


@pytest.mark.parametrize(
    ("condition", "code"),
    [("system-shutdown", 1001), ("policy-violation", 1008), ("bad-format", 1002), ("", 1002)],
)
def test_the_status_code_tells_why(condition: str, code: int):
    inner = f"<{condition} xmlns='urn:e'/>" if condition else ""
    (frame,) = to_frames(f"<stream:error>{inner}</stream:error>".encode())
    assert close_code(frame) == code


def test_an_orderly_end_has_its_own_code():
    assert close_code(b"<message xmlns='jabber:client'><reset/></message>") == 1000
    assert close_code(b"") == 1000
