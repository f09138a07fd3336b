from xml.etree.ElementTree import Element, SubElement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import PeerError
from clarion.wire.xml import (
    ATTRIBUTE_LIMIT,
    DEPTH_LIMIT,
    PARSE_LIMIT,
    MalformedError,
    escape,
    parse,
    serialise,
)

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# What XML 1.0 can carry; a parser turns no character of it into another.
TEXT = st.text(
    st.one_of(
        st.sampled_from("&<>'\"\t\n\r ]"),
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    )
)
NAMES = st.sampled_from(["a", "body", "x-y.z", "_é", "हिंदी"])
NAMESPACES = st.sampled_from(["", "jabber:client", "urn:x", "http://www.w3.org/XML/1998/namespace"])


def tag(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}" if namespace else name


TAGS = st.builds(tag, NAMESPACES, NAMES)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> Element:
    element = Element(draw(TAGS), draw(st.dictionaries(TAGS, TEXT, max_size=3)))
    element.text = draw(TEXT) or None
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        child = draw(trees(depth - 1))
        child.tail = draw(TEXT) or None
        element.append(child)
    return element


def same(one: Element, two: Element) -> bool:
    return (
        (one.tag, one.attrib, one.text or "", one.tail or "")
        == (two.tag, two.attrib, two.text or "", two.tail or "")
        and len(one) == len(two)
        and all(same(*pair) for pair in zip(one, two, strict=True))
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain é", "plain é"),
        ("<a b='c' d=\"e\">&", "&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp;"),
        ("a\tb\nc\rd", "a&#9;b&#10;c&#13;d"),
        ("a\x00b\x1bc\ufffed\ud800e", "abcde"),
    ],
)
def test_escape(text: str, written: str):
    assert escape(text) == written


@settings(deadline=None)
@given(TEXT, TEXT)
def test_escaped_text_comes_back(value: str, text: str):
    tree = parse(f"<a b='{escape(value)}' c=\"{escape(value)}\">{escape(text)}</a>".encode())
    assert tree.get("b") == tree.get("c") == value
    assert (tree.text or "") == text


@settings(deadline=None)
@given(st.text(), st.sampled_from("'\""))
def test_escaped_text_never_breaks_out(text: str, quote: str):
    text = text.encode("utf-8", "replace").decode()
    tree = parse(f"<a b={quote}{escape(text)}{quote}>{escape(text)}</a>".encode())
    assert len(tree) == 0
    assert list(tree.attrib) == ["b"]


@settings(deadline=None)
@given(trees(), NAMESPACES.filter(lambda namespace: not namespace.startswith("http")))
def test_what_was_written_reads_the_same(tree: Element, default: str):
    raw = serialise(tree, default)
    assert same(parse(raw, default), tree)
    assert serialise(parse(raw, default), default) == raw


def test_namespaces_are_declared_where_they_change():
    iq = Element("{jabber:client}iq", {LANG: "en", "id": "1"})
    query = SubElement(iq, "{urn:q}query", {"{urn:a}b": "<"})
    SubElement(query, "{urn:q}item").tail = "\n"
    SubElement(query, "bare")
    SubElement(iq, "{jabber:client}error").text = "a\n>"
    assert serialise(iq, "jabber:client") == (
        b"<iq xml:lang='en' id='1'><query xmlns='urn:q' xmlns:a0='urn:a' a0:b='&lt;'><item/>\n"
        b"<bare xmlns=''/></query><error>a\n&gt;</error></iq>"
    )
    assert serialise(iq).startswith(b"<iq xmlns='jabber:client' ")


def test_the_tail_is_not_written():
    element = Element("a")
    element.tail = "no"
    assert serialise(element) == b"<a/>"


@pytest.mark.parametrize(
    "element",
    [Element("a b"), Element(""), Element("{u}"), Element("a", {"b='": "c"}), Element("a><b")],
)
def test_what_is_no_name_is_not_written(element: Element):
    with pytest.raises(ValueError, match="no XML name"):
        serialise(element)


def test_mixed_content():
    tree = parse(b" <a>one<b>two</b>three<![CDATA[<4>]]><c/>5</a>\n", "u")
    assert (tree.tag, tree.text, tree.tail) == ("{u}a", "one", None)
    assert [(child.tag, child.text, child.tail) for child in tree] == [
        ("{u}b", "two", "three<4>"),
        ("{u}c", None, "5"),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text",
        b"<a/>text",
        b"<a/><b/>",
        b"<a>",
        b"</w>",
        b"</w><w>",
        b"<a/></w><w>",
        b"<a/></w><!--",
        b"<a/><!--",
        b"<a b='",
        b"<a/><x:b",
        b"<x:a/>",
        b"<a x:b=''/>",
        b"<stream:error/>",
        b"<a>\xff</a>",
        b"<a>&x;</a>",
        b"<a><!-- x --></a>",
        b"<a><?x y?></a>",
        b"<?xml version='1.0'?><a/>",
        b"<!DOCTYPE a><a/>",
    ],
)
def test_garbage_is_refused(raw: bytes):
    with pytest.raises(MalformedError):
        parse(raw, "jabber:client")


def test_a_refusal_is_the_peers_fault():
    assert issubclass(MalformedError, PeerError)


def test_size_limit():
    room = PARSE_LIMIT - len(b"<a></a>")
    assert parse(b"<a>" + b" " * room + b"</a>").text == " " * room
    with pytest.raises(MalformedError, match="bytes"):
        parse(b"<a>" + b" " * (room + 1) + b"</a>")


def test_depth_limit():
    deep = b"<a>" * DEPTH_LIMIT + b"</a>" * DEPTH_LIMIT
    parse(deep)
    with pytest.raises(MalformedError, match="levels"):
        parse(b"<a>" + deep + b"</a>")


def test_attribute_limit():
    def element(count: int) -> bytes:
        return b"<a" + b"".join(b" a%d=''" % number for number in range(count)) + b"/>"

    assert len(parse(element(ATTRIBUTE_LIMIT)).attrib) == ATTRIBUTE_LIMIT
    with pytest.raises(MalformedError, match="attributes"):
        parse(element(ATTRIBUTE_LIMIT + 1))
