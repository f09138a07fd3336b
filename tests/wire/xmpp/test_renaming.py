import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.names import BODY, CLIENT, MESSAGE, SERVER
from clarion.wire.xmpp.renaming import as_client, for_stream
from clarion.wire.xmpp.slicer import Slicer
from clarion.wire.xmpp.stanza import Stanza

ROOT = f"<stream:stream xmlns='{SERVER}' xmlns:stream='http://etherx.jabber.org/streams'>"
ASSUMED = ROOT.replace(SERVER, CLIENT).encode()


def cut(raw: bytes) -> Stanza:
    slicer = Slicer(stanza_limit=10_000, step=True, dialback=True)
    slicer.feed(ROOT.encode())
    slicer.assume(ASSUMED)
    (event,) = slicer.feed(raw)
    assert isinstance(event, Stanza)
    return event


def test_a_stanza_that_names_no_namespace_is_left_as_it_is():
    stanza = cut(b"<message to='a@b'><body>jabber:client</body></message>")
    assert (stanza.tag, stanza.children) == (MESSAGE, (BODY,))
    assert as_client(stanza, SERVER) is stanza


@pytest.mark.parametrize(
    "raw",
    [
        b"<message xmlns='jabber:server' to='a@b'><body>x</body></message>",
        b"<message to='a@b'><body xmlns='jabber:server'>x</body></message>",
        b'<message xmlns="jabber:server"><body xmlns="jabber:server">x</body></message>',
    ],
)
def test_what_names_the_servers_namespace_is_rewritten(raw: bytes):
    stanza = as_client(cut(raw), SERVER)
    assert (stanza.tag, stanza.children) == (MESSAGE, (BODY,))
    assert parse(stanza.raw, CLIENT).find(BODY) is not None
    assert b"jabber:server" not in stanza.raw


def test_what_is_deeper_stays():
    raw = b"<message><x xmlns='urn:x'><message xmlns='jabber:server'/></x></message>"
    assert as_client(cut(raw), SERVER).raw == raw


def test_a_prefix_for_the_content_is_refused():
    with pytest.raises(StreamError):
        as_client(cut(b"<s:message xmlns:s='jabber:server'/>"), SERVER)
    assert for_stream(b"<c:message xmlns:c='jabber:client'/>") is None


def test_a_clients_stanza_takes_the_namespace_of_the_stream():
    raw = b"<message xmlns='jabber:client' to='a@b'><body>x</body></message>"
    assert for_stream(raw) == b"<message to='a@b'><body>x</body></message>"
    assert for_stream(b"<iq/>") == b"<iq/>"


@settings(deadline=None)
@given(st.sampled_from(["'", '"']), st.booleans(), st.booleans(), st.text(alphabet="ab<&' "))
def test_whatever_is_written_out_the_text_stays(quote: str, outer: bool, inner: bool, text: str):
    given_ = text.replace("&", "&amp;").replace("<", "&lt;")
    declared = f" xmlns={quote}jabber:server{quote}"
    raw = (
        f"<message{declared if outer else ''}>"
        f"<body{declared if inner else ''}>{given_}</body></message>"
    )
    stanza = as_client(cut(raw.encode()), SERVER)
    body = parse(stanza.raw, CLIENT).find(BODY)
    assert body is not None
    assert (body.text or "") == text
