from typing import Any
from xml.parsers import expat

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clarion.wire.xml import MalformedError, parse
from clarion.wire.xmpp.seams import start_tag_end
from clarion.wire.xmpp.slicer import Slicer
from clarion.wire.xmpp.splice import (
    append_child,
    attributes_of,
    children,
    content,
    drop_children,
    readdress,
    with_namespace,
)
from clarion.wire.xmpp.stanza import Stanza

CLIENT = "jabber:client"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
HEADER = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
# Start tags that mislead a careless search.
STARTS = [
    b"<message",
    b"<message id=\" from='x' to='y' xmlns='z'\"",
    b"<message id='>' ",
    b"<message\n  from = 'evil@x.example'\tto\n=\n\"old@x.example\" id='1'",
    b"<message xml:lang='fr' to='old@x.example' xfrom='a' from=\"it's\"",
    b"<m:message xmlns:m='jabber:client' xmlns:n='u' n:from='n' to='/>'",
    b"<message a='from=' from='x'",
]
BODIES = [b"/>", b" />", b"></%s>", b">/></%s>", b"><a from='1'/>x<b>from='2'</b></%s >"]
RAWS = [
    start + (body % start.split()[0][1:] if b"%s" in body else body)
    for start in STARTS
    for body in BODIES
]


def stanza_of(raw: bytes) -> Stanza:
    slicer = Slicer(stanza_limit=65536)
    slicer.feed(HEADER)
    (stanza,) = slicer.feed(raw)
    assert isinstance(stanza, Stanza)
    return stanza


@pytest.mark.parametrize("raw", RAWS)
@pytest.mark.parametrize("recipient", [None, "new@y.example/'\"<&"])
@pytest.mark.parametrize("lang", [None, "", "de"])
def test_readdress(raw: bytes, recipient: str | None, lang: str | None):
    before = stanza_of(raw)
    after = stanza_of(readdress(before, sender="me@x.example/ü'", recipient=recipient, lang=lang))
    expected = dict(before.attributes) | {"from": "me@x.example/ü'"}
    if recipient:
        expected["to"] = recipient
    if lang:
        expected.setdefault(LANG, lang)
    assert after.attributes == expected
    assert after.children == before.children
    # All but the addresses is as it was, byte for byte.
    assert after.raw.endswith(raw[start_tag_end(raw) - 1 :])


def test_readdress_of_nothing_changes_nothing():
    for raw in RAWS:
        assert readdress(stanza_of(raw), sender=None) == raw


def test_readdress_writes_what_is_expected():
    plain = stanza_of(b"<message to='b'><body>x</body></message>")
    assert readdress(plain, sender="a", lang="de") == (
        b"<message from='a' xml:lang='de' to='b'><body>x</body></message>"
    )
    forged = stanza_of(b"<message id='1' from='x' to='b'/>")
    assert readdress(forged, sender="a", recipient="c") == b"<message from='a' to='c' id='1'/>"


@pytest.mark.parametrize("raw", RAWS)
def test_append_child(raw: bytes):
    before = stanza_of(raw)
    after = stanza_of(append_child(raw, b"<new xmlns='u' a='1'/>"))
    assert after.attributes == before.attributes
    assert after.children == (*before.children, "{u}new")
    assert after.child_attributes[-1] == {"a": "1"}
    assert drop_children(after.raw, lambda tag, _: tag == "{u}new").startswith(
        raw[:-2].rstrip() if raw.endswith(b"/>") else raw
    )


def test_append_child_writes_what_is_expected():
    assert append_child(b"<a/>", b"<b/>") == b"<a><b/></a>"
    assert append_child(b"<x:a b='/' />", b"<b/>") == b"<x:a b='/' ><b/></x:a>"
    assert append_child(b"<a>/></a>", b"<b/>") == b"<a>/><b/></a>"


@pytest.mark.parametrize("raw", RAWS)
def test_content_is_what_the_tags_enclose(raw: bytes):
    found = content(raw)
    tail = raw[start_tag_end(raw) :]
    assert tail.startswith(found)
    assert tail[len(found) :].count(b"<") == (not raw.endswith(b"/>"))
    assert content(append_child(raw, b"<new/>")) == found + b"<new/>"
    assert content(readdress(stanza_of(raw), sender="a", recipient="b", lang="de")) == found


def test_content_is_what_is_expected():
    assert content(b"<a b='>' />") == b""
    assert content(b"<a></a>") == b""
    assert content(b"<a b='>'> x<a>/></a></a >") == b" x<a>/></a>"
    with pytest.raises(MalformedError):
        content(b"<a b='></a>")


@pytest.mark.parametrize("raw", RAWS)
def test_with_namespace_makes_it_stand_alone(raw: bytes):
    alone = with_namespace(raw, CLIENT)
    before, after = parse(raw, CLIENT), parse(alone)
    assert after.tag == before.tag
    assert after.attrib == before.attrib
    assert [child.tag for child in after] == [child.tag for child in before]
    assert with_namespace(alone, "other") == alone


@pytest.mark.parametrize(
    ("raw", "alone"),
    [
        (b"<a/>", b"<a xmlns='u'/>"),
        (b"<a xmlns='v'/>", b"<a xmlns='v'/>"),
        (b"<a b='1' xmlns=\"\"/>", b"<a b='1' xmlns=\"\"/>"),
        (b"<a b='>' xmlns='v'/>", b"<a b='>' xmlns='v'/>"),
        (b"<a xmlns:b='v'/>", b"<a xmlns='u' xmlns:b='v'/>"),
        (b"<a><b xmlns='v'/></a>", b"<a xmlns='u'><b xmlns='v'/></a>"),
        (b"<a>xmlns='v'</a>", b"<a xmlns='u'>xmlns='v'</a>"),
        (b"<a b=' xmlns=\"v\"'/>", b"<a xmlns='u' b=' xmlns=\"v\"'/>"),
        (b"<a b=\" xmlns='v'\" xmlns = 'w'/>", b"<a b=\" xmlns='v'\" xmlns = 'w'/>"),
        (b"<xmlns/>", b"<xmlns xmlns='u'/>"),
    ],
)
def test_with_namespace(raw: bytes, alone: bytes):
    assert with_namespace(raw, "u") == alone


BLANKS = st.sampled_from([b" ", b"\n", b"\t ", b" \r\n"])
EQUALS = st.sampled_from([b"=", b" =", b"= ", b"\n=\t"])
NAMES = [b"a", b"xmlns", b"xmlns:x", b"x:xmlns", b"xmlnsa", b"axmlns", b"xml:lang", b"from"]
VALUES = [b"", b"u", b"xmlns", b" xmlns=", b" xmlns:x=", b"/>", b">", b"=", b"&lt;", b"\xc3\xbc"]


@st.composite
def a_value(draw: st.DrawFn) -> bytes:
    """Return a value in either kind of quotes, which may hold a whole attribute in the other."""
    quote, other = draw(st.permutations([b"'", b'"']))
    parts = draw(st.lists(st.sampled_from([*VALUES, other, b" xmlns=%su%s" % (other, other)])))
    return quote + b"".join(parts) + quote


@st.composite
def an_element(draw: st.DrawFn) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """Return an element's name, its attributes as pairs of name and quoted value, and all of it."""
    tag = draw(st.sampled_from([b"message", b"x:message", b"xmlns", b"m"]))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    pairs = [(name, draw(a_value())) for name in names]
    raw = b"<" + tag
    for name, value in pairs:
        raw += draw(BLANKS) + name + draw(EQUALS) + value
    raw += draw(st.sampled_from([b"", b" ", b"\n"]))
    inner = draw(
        st.lists(
            st.sampled_from([*VALUES, b" xmlns='u'", b"<a/>", b"<b xmlns='v' c='>'>xmlns</b>"])
        )
    )
    if not inner and draw(st.booleans()):
        return tag, pairs, raw + b"/>"
    return tag, pairs, raw + b">" + b"".join(inner) + b"</" + tag + b">"


def slowly_with_namespace(raw: bytes, namespace: str) -> bytes:
    """Do as ``with_namespace``: a parser that knows no namespaces says what is declared."""
    seen: list[tuple[str, dict[str, str]]] = []

    def on_start(tag: str, given: dict[str, Any]) -> None:
        seen.append((tag, given))

    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler = on_start
    parser.Parse(raw, True)
    tag, given = seen[0]
    if "xmlns" in given:
        return raw
    start = b"<" + tag.encode()
    return start + f" xmlns='{namespace}'".encode() + raw.removeprefix(start)


@settings(deadline=None, max_examples=400)
@given(an_element())
@example((b"m", [], b"<m a='>' xmlns='v'>x</m>"))
@example((b"m", [], b"<m a=\"' xmlns='\" xmlns:x='u'/>"))
def test_with_namespace_finds_what_a_parser_finds(
    element: tuple[bytes, list[tuple[bytes, bytes]], bytes],
):
    raw = element[2]
    assert with_namespace(raw, CLIENT) == slowly_with_namespace(raw, CLIENT)


@settings(deadline=None)
@given(an_element())
def test_attributes_are_found_as_they_were_written(
    element: tuple[bytes, list[tuple[bytes, bytes]], bytes],
):
    tag, pairs, raw = element
    at = len(tag) + 1
    found = list(attributes_of(raw, at))
    assert [(each[1], each[2]) for each in found] == pairs
    # They follow each other without a gap, each with the white space before it.
    assert [at, *(each.end() for each in found)][: len(found)] == [each.start() for each in found]


def test_children():
    raw = (
        b"<message xmlns:p='u'>one<displayed xmlns='urn:m' id='7'/> <body>t&lt;<i>no</i>o</body>"
        b"<p:x p:y='1' xml:lang='en'></p:x><q>/></q></message>"
    )
    found = children(stanza_of(raw))
    assert [(child.tag, child.attributes, child.text) for child in found] == [
        ("{urn:m}displayed", {"id": "7"}, ""),
        ("{jabber:client}body", {}, "t<o"),
        ("{u}x", {"{u}y": "1", LANG: "en"}, ""),
        ("{jabber:client}q", {}, "/>"),
    ]
    assert [raw[child.start : child.end] for child in found] == [
        b"<displayed xmlns='urn:m' id='7'/>",
        b"<body>t&lt;<i>no</i>o</body>",
        b"<p:x p:y='1' xml:lang='en'></p:x>",
        b"<q>/></q>",
    ]


def test_children_of_a_stream_error():
    (child,) = children(stanza_of(b"<stream:error><conflict xmlns='u'/></stream:error>"))
    assert child.tag == "{u}conflict"


def test_a_private_thing_is_not_shown():
    stanza = stanza_of(b"<message><body>secret</body></message>")
    assert "secret" not in repr(children(stanza))


CHILDREN = [
    b"<body>x</body>",
    b"<stanza-id xmlns='urn:xmpp:sid:0' by='us' id='1'/>",
    b"<stanza-id xmlns='urn:xmpp:sid:0' by='us' id='1'></stanza-id>",
    b"<stanza-id xmlns='urn:xmpp:sid:0' by='them' id='1'/>",
    b"<a><stanza-id xmlns='urn:xmpp:sid:0' by='us' id='1'/></a>",
    b" text /> ",
    b"<a/>",
    b"<x:stanza-id xmlns:x='urn:xmpp:sid:0' by='&#117;s'>/></x:stanza-id>",
]
FORGED = {1, 2, 7}


@settings(deadline=None)
@given(st.lists(st.integers(0, len(CHILDREN) - 1), max_size=8), st.sampled_from(STARTS))
def test_drop_children(numbers: list[int], start: bytes):
    end = b"</%s>" % start.split()[0][1:]

    def message(of: list[int]) -> bytes:
        return start + b">" + b"".join(CHILDREN[number] for number in of) + end

    cut = drop_children(
        message(numbers),
        lambda tag, given: tag == "{urn:xmpp:sid:0}stanza-id" and given.get("by") == "us",
    )
    assert cut == message([number for number in numbers if number not in FORGED])


def test_drop_children_takes_the_default_namespace_of_its_stream():
    raw = b"<message><body/></message>"
    assert drop_children(raw, lambda tag, _: tag == "{s}body", "s") == b"<message></message>"
    assert drop_children(raw, lambda tag, _: tag == "{s}body") == raw


@pytest.mark.parametrize("raw", [b"<a>", b"<a><b></a>", b"<x:a/>"])
def test_what_is_no_slice_has_no_children(raw: bytes):
    with pytest.raises(MalformedError):
        drop_children(raw, lambda _tag, _given: True)


@pytest.mark.parametrize("raw", [b"", b"text"])
def test_what_is_no_slice_has_no_start_tag(raw: bytes):
    with pytest.raises(MalformedError):
        with_namespace(raw, "u")
