"""Any frame: bytes of a stream or a StreamError; what is accepted is one element to expat too."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xml import MalformedError, parse
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.framing import elements, to_frames, to_stream

SCRAPS = [
    *b"< > / ' \" = & ; ! ? - [ ] : a".split(),
    b"<a>",
    b"</a>",
    b"<a/>",
    b"<a b='",
    b"'>",
    b"'/>",
    b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'",
    b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
    b"<message xmlns='jabber:client'>",
    b"</message>",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml version='1.0'?>",
    b"&amp;",
    b" ",
    b"\xc3\xa9",
    b"\xff",
    b"</stream:stream>",
]
JUNK = st.one_of(
    st.binary(max_size=200), st.lists(st.sampled_from(SCRAPS), max_size=25).map(b"".join)
)


@settings(deadline=None, max_examples=1000)
@given(JUNK)
def test_any_frame(frame: bytes):
    try:
        said = to_stream(frame)
    except StreamError:
        # Nothing that is one element is refused.
        try:
            parse(frame)
        except (MalformedError, UnicodeDecodeError):
            return
        assert not frame.startswith(b"<") or frame != frame.strip()
        return
    if said == frame:
        assert list(elements(frame)) == [frame]


@settings(deadline=None, max_examples=1000)
@given(st.lists(JUNK, max_size=5))
def test_what_is_accepted_comes_out_again(frames: list[bytes]):
    stanzas = []
    for frame in frames:
        try:
            parse(frame, "jabber:client")
            if to_stream(frame) == frame:
                stanzas.append(frame)
        except (MalformedError, StreamError):
            continue
    out = list(to_frames(b"".join(stanzas)))
    assert len(out) == len(stanzas)
    for given_, got in zip(stanzas, out, strict=True):
        assert parse(got).tag == parse(given_, "jabber:client").tag
