"""Any bytes: events or a failure, in bounded memory, and the same however they are cut."""

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from clarion.wire.xml import MalformedError, parse
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.slicer import Slicer
from clarion.wire.xmpp.slices import Slice, StreamStart
from clarion.wire.xmpp.splice import (
    append_child,
    children,
    drop_children,
    readdress,
    with_namespace,
)
from clarion.wire.xmpp.stanza import Stanza

LIMIT = 400
HEADER = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
# Scraps that make up almost-XML; random bytes alone never get past the first tag.
SCRAPS = [
    HEADER,
    *b"< > / ' \" = & ; ! ? - [ ] : a".split(),
    b"<a>",
    b"</a>",
    b"<a/>",
    b"<a b='",
    b"'>",
    b'<a b=">"',
    b"<message to='x'>",
    b"</message>",
    b"<body xmlns='u'>",
    b"</body>",
    b"<p:a xmlns:p='u'>",
    b"</p:a>",
    b"<stream:a>",
    b" xmlns:stream='u'",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml version='1.0'?>",
    b"<!DOCTYPE a [",
    b"<!ENTITY x 'y'>",
    b"&amp;",
    b"&#65;",
    b"&x;",
    b" ",
    b"\r\n",
    b"\t",
    b"x" * 150,
    b"\xc3",
    b"\xa9",
    b"\xff",
    b"\x00",
    b"</stream:stream>",
]
JUNK = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(SCRAPS), max_size=25).map(b"".join),
    st.lists(st.sampled_from(SCRAPS), max_size=25).map(lambda scraps: HEADER + b"".join(scraps)),
)


def run(data: bytes, cuts: list[int], *, step: bool = False) -> tuple[list[Slice], Slicer]:
    slicer = Slicer(stanza_limit=LIMIT, step=step)
    events = []
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    for start, end in pairwise(edges):
        events += slicer.feed(data[start:end])
        while step and (more := slicer.feed(b"")):
            events += more
        assert len(slicer.leftover()) <= LIMIT + (end - start)
    return events, slicer


def shown(events: list[Slice]) -> list[object]:
    return [
        (event.tag, event.attributes, event.children, event.child_attributes, event.raw)
        if isinstance(event, Stanza)
        else event
        for event in events
    ]


@settings(deadline=None, max_examples=500)
@given(JUNK, st.lists(st.integers(0, 600), max_size=8))
@example(HEADER + b"<a b='<'/>", [])
@example(HEADER + b"<a><![CDATA[<' ]]></a><a>/></a>", [95])
def test_any_bytes(data: bytes, cuts: list[int]):
    whole, first = run(data, [])
    for other, slicer in (
        run(data, cuts),
        run(data, list(range(1, len(data)))),
        run(data, cuts, step=True),
    ):
        assert shown(other) == shown(whole)
        # What is still unfinished may be refused sooner in small pieces.
        if slicer.failure is None or first.failure is None:
            assert slicer.failure is None or isinstance(slicer.failure, StreamError)
    at = 0
    for event in whole:
        if isinstance(event, Stanza):
            at = data.index(event.raw, at) + len(event.raw)
            assert len(event.raw) <= LIMIT


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(SCRAPS), max_size=25).map(b"".join))
def test_every_stanza_can_be_worked_on(data: bytes):
    events, _ = run(HEADER + data, [])
    assert isinstance(events[0], StreamStart)
    for event in events[1:]:
        if not isinstance(event, Stanza) or "{http://etherx" in event.tag:
            continue
        tree = parse(event.raw, "jabber:client")
        assert tuple(child.tag for child in tree) == event.children
        assert [child.tag for child in children(event)] == list(event.children)
        parse(append_child(event.raw, b"<x/>"), "jabber:client")
        assert len(parse(drop_children(event.raw, lambda *_: True), "jabber:client")) == 0
        moved = parse(readdress(event, sender="a", recipient="b", lang="c"), "jabber:client")
        assert (moved.get("from"), moved.get("to")) == ("a", "b")
        assert parse(with_namespace(event.raw, "jabber:client")).tag == event.tag


@settings(deadline=None, max_examples=1000)
@given(JUNK)
def test_parse_knows_one_refusal(data: bytes):
    try:
        parse(data, "u")
    except MalformedError:
        return
