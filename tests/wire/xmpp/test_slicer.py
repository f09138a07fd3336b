import tracemalloc
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xml import ATTRIBUTE_LIMIT, DEPTH_LIMIT, parse, serialise
from clarion.wire.xmpp.cutter import PARSER_BUDGET
from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.slicer import Slicer
from clarion.wire.xmpp.slices import Slice, StreamEnd, StreamStart
from clarion.wire.xmpp.stanza import Stanza

C = StreamCondition
STREAMS = "http://etherx.jabber.org/streams"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams' to='a.example' xml:lang='de' version='1.0'>"
)
END = b"</stream:stream>"
# Each is one stanza that has tripped a slicer somewhere.
STANZAS = [
    b"<message to='b@b.example' id='1'><body>hello</body></message>",
    b"<presence/>",
    b"<presence></presence>",
    b"<presence>/></presence>",
    b"<presence a='/>'></presence>",
    b"<presence a=\"'>\" b='\">'  />",
    b"<presence a='&gt;&#62;' ><show>away</show></presence >",
    b"<r xmlns='urn:xmpp:sm:3'/>",
    b"<x:iq xmlns:x='jabber:client' x:a='1' id='2'><x:q/><y xmlns='u'><z/></y></x:iq>",
    b"<message><body>a > b ]] > ' \" \xc3\xa9\xf0\x9f\x98\x80</body></message>",
    b"<message><body><![CDATA[ <' > <!-- no --> <? ]] ></x> ]]></body></message>",
    b"<message><![CDATA[/>]]></message>",
    b"<message><body>stream:line livestream:x</body></message>",
    b"<message xmlns:stream='urn:mine'><stream:x/></message>",
    b"<stream:error><text xmlns='urn:x'/><stream:x/></stream:error>",
    b"<iq type='get'><query xmlns=''/><q xmlns='u' xml:lang='en'/></iq>",
    b"<iq><a><a><a/></a></a><a/></iq>",
    b"<message\n\tto='b'\r\n>text<b/>text</message\n>",
    b"<message><body>" + b"x" * 5000 + b"</body></message>",
    b"<message>&amp;&lt;&#x41;</message>",
]
BLANKS = [b"", b" ", b"\n", b" \t\r\n "]


def fresh(**options: Any):
    return Slicer(stanza_limit=options.pop("stanza_limit", 65536), **options)


def opened(**options: Any):
    slicer = fresh(**options)
    (start,) = slicer.feed(HEADER)
    assert isinstance(start, StreamStart)
    return slicer


def shown(event: Slice):
    if isinstance(event, Stanza):
        return (
            event.tag,
            dict(event.attributes),
            event.children,
            [dict(given) for given in event.child_attributes],
            event.raw,
        )
    return event


def run(data: bytes, cuts: Iterable[int], **options: Any):
    """Feed ``data`` cut at ``cuts``; return all events and the failure's condition."""
    slicer = fresh(**options)
    events = []
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        events += slicer.feed(data[start:end])
        while options.get("step") and (more := slicer.feed(b"")):
            events += more
    return [shown(event) for event in events], slicer.failure and slicer.failure.condition


def every(size: int, data: bytes):
    return range(size, len(data), size)


def test_root_tells_what_it_said():
    (start,) = fresh().feed(HEADER)
    assert start == StreamStart(
        f"{{{STREAMS}}}stream",
        {"to": "a.example", "version": "1.0", LANG: "de"},
        "jabber:client",
    )


def test_root_without_default_namespace():
    (start,) = fresh().feed(b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>")
    assert start.default_namespace == ""


def test_stanza_tells_what_it_holds():
    slicer = opened()
    raw = b"<iq a='1' xml:lang='en'><q xmlns='u' xml:lang='x' v='1'><r/></q><p xmlns=''/></iq>"
    (stanza,) = slicer.feed(raw)
    assert stanza.tag == "{jabber:client}iq"
    assert stanza.attributes == {"a": "1", LANG: "en"}
    assert stanza.children == ("{u}q", "p")
    assert stanza.child_attributes == ({LANG: "x", "v": "1"}, {})
    assert stanza.raw == raw


@pytest.mark.parametrize("raw", STANZAS)
@pytest.mark.parametrize("step", [False, True])
def test_slice_is_exact_wherever_it_is_cut(raw: bytes, step: bool):
    data = HEADER + STANZAS[0] + b"\n" + raw + b" " + STANZAS[1] + END
    whole = run(data, [], step=step)
    assert whole[1] is None
    assert [event[4] for event in whole[0][1:-1]] == [STANZAS[0], raw, STANZAS[1]]
    for cut in range(len(HEADER), min(len(data), len(HEADER) + 400)):
        assert run(data, [cut], step=step) == whole
    for size in (1, 2, 7, 4096):
        assert run(data, every(size, data), step=step) == whole


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_same_events_however_the_bytes_are_cut(data: st.DataObject):
    parts = data.draw(
        st.lists(st.tuples(st.sampled_from(STANZAS), st.sampled_from(BLANKS)), max_size=12)
    )
    whole = HEADER + b"".join(raw + blank for raw, blank in parts) + END
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=40))
    events, failure = run(whole, cuts)
    assert failure is None
    assert (events, failure) == run(whole, []) == run(whole, cuts, step=True)
    assert [event[4] for event in events[1:-1]] == [raw for raw, _ in parts]
    assert events[-1] == StreamEnd()


@pytest.mark.parametrize("raw", [raw for raw in STANZAS if not raw.startswith(b"<stream:")])
def test_slice_stands_for_itself(raw: bytes):
    tree = parse(raw, "jabber:client")
    again = serialise(tree, "jabber:client")
    assert serialise(parse(again, "jabber:client"), "jabber:client") == again
    (stanza,) = opened().feed(raw)
    assert stanza.tag == tree.tag
    assert stanza.children == tuple(child.tag for child in tree)
    assert stanza.attributes == tree.attrib
    assert list(stanza.child_attributes) == [child.attrib for child in tree]


def test_a_stanza_comes_with_its_last_byte():
    # Expat's reparse deferral would hold it back until the peer says more.
    slicer = opened()
    raw = STANZAS[0]
    for at in range(1, len(raw)):
        assert slicer.feed(raw[:at]) == []
        assert len(slicer.feed(raw[at:])) == 1


@pytest.mark.parametrize(
    ("data", "condition"),
    [
        (b"<a></b>", C.NOT_WELL_FORMED),
        (b"<a b=1/>", C.NOT_WELL_FORMED),
        (b"<a b='1' b='1'/>", C.NOT_WELL_FORMED),
        (b"<a b='<'/><c/>", C.NOT_WELL_FORMED),
        (b"<a b='<c>'/>", C.NOT_WELL_FORMED),
        (b"<a>]]></a>", C.NOT_WELL_FORMED),
        (b"<a>\x00</a>", C.NOT_WELL_FORMED),
        (b"<a>\xff</a>", C.NOT_WELL_FORMED),
        (b"<a>&#0;</a>", C.NOT_WELL_FORMED),
        (b"<a/><?xml version='1.0'?>", C.NOT_WELL_FORMED),
        (b"<a><!-- x --></a>", C.RESTRICTED_XML),
        (b"<!-- x -->", C.RESTRICTED_XML),
        (b"<a><?pi x?></a>", C.RESTRICTED_XML),
        (b"<?pi x?>", C.RESTRICTED_XML),
        (b"<a>&nbsp;</a>", C.RESTRICTED_XML),
        (b"<a b='&x;'/>", C.RESTRICTED_XML),
        (b"<p:a/>", C.BAD_NAMESPACE_PREFIX),
        (b"<a><b p:c='1'/></a>", C.BAD_NAMESPACE_PREFIX),
        (b"<a xmlns:p=''/>", C.BAD_NAMESPACE_PREFIX),
        (b"<a xmlns:xml='u'/>", C.BAD_NAMESPACE_PREFIX),
        (b"<a xmlns:xmlns='u'/>", C.BAD_NAMESPACE_PREFIX),
        (b"<a><stream:b/></a>", C.BAD_NAMESPACE_PREFIX),
        (b"<a stream:b='1'/>", C.BAD_NAMESPACE_PREFIX),
        (b"<a><b><c stream:b='1'/></b></a>", C.BAD_NAMESPACE_PREFIX),
        (b"<a xmlns='http://etherx.jabber.org/streamsX'><stream:b/></a>", C.BAD_NAMESPACE_PREFIX),
        (b"text<a/>", C.BAD_FORMAT),
        (b"<a/>text", C.BAD_FORMAT),
        (b"<a/>text</stream:stream>", C.BAD_FORMAT),
        (b"&#32;<a/>", C.BAD_FORMAT),
        (b"<![CDATA[ ]]><a/>", C.BAD_FORMAT),
    ],
)
def test_what_a_stream_may_not_hold(data: bytes, condition: StreamCondition):
    good = HEADER + STANZAS[0]
    whole = run(good + data, [])
    assert whole[1] is condition
    assert whole[0][1][4] == STANZAS[0], "what came before the error is not lost"
    for size in (1, 7, 4096):
        assert run(good + data, every(size, good + data)) == whole
        assert run(good + data, every(size, good + data), step=True) == whole


@pytest.mark.parametrize(
    ("data", "condition"),
    [
        (b"hello", C.NOT_WELL_FORMED),
        (b"\xef\xbb\xbf" + HEADER, C.NOT_WELL_FORMED),
        (HEADER.decode().encode("utf-16"), C.UNSUPPORTED_ENCODING),
        (HEADER.decode().encode("utf-16-le"), C.UNSUPPORTED_ENCODING),
        (HEADER.decode().encode("utf-16-be"), C.UNSUPPORTED_ENCODING),
        (HEADER.replace(b"'1.0'?", b"'1.0' encoding='latin1'?"), C.UNSUPPORTED_ENCODING),
        (HEADER.replace(b"'1.0'?", b"'1.1'?"), C.NOT_WELL_FORMED),
        (b"<!DOCTYPE a>" + HEADER, C.RESTRICTED_XML),
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + HEADER, C.RESTRICTED_XML),
        (b"<!-- x -->" + HEADER, C.RESTRICTED_XML),
        (HEADER.replace(b"stream:stream ", b"stream:stream xmlns:x='u' "), C.BAD_NAMESPACE_PREFIX),
        (HEADER.replace(b"etherx", b"other"), C.INVALID_NAMESPACE),
        (b"<a b='&x;'>", C.RESTRICTED_XML),
    ],
)
def test_what_a_stream_may_not_begin_with(data: bytes, condition: StreamCondition):
    assert run(data, []) == ([], condition)
    for size in (1, 7, 4096):
        assert run(data, every(size, data)) == ([], condition)
        assert run(data, every(size, data), step=True) == ([], condition)


@pytest.mark.parametrize("encoding", [b"UTF-8", b"utf-8"])
def test_declared_utf_8_and_blanks_before_it_are_fine(encoding: bytes):
    header = b" \n" + HEADER.replace(b"'1.0'?", b"'1.0' encoding='%s'?" % encoding)
    assert len(run(header, [])[0]) == 1
    assert run(header, every(1, header)) == run(header, [])


def test_xml_prefix_may_be_declared_on_the_root():
    header = HEADER.replace(
        b"<stream:stream ", b"<stream:stream xmlns:xml='http://www.w3.org/XML/1998/namespace' "
    )
    assert run(header, [])[1] is None


def test_unfinished_comment_is_not_waited_for():
    slicer = opened()
    slicer.feed(b"<a><!-- > ")
    assert slicer.failure.condition is C.RESTRICTED_XML


def test_after_a_failure_nothing_is_read():
    slicer = opened()
    slicer.feed(b"</a>")
    failure = slicer.failure
    assert slicer.feed(STANZAS[0]) == []
    slicer.hold(STANZAS[0])
    assert slicer.feed(b"") == []
    assert slicer.failure is failure
    assert slicer.leftover() == b""


@pytest.mark.parametrize("step", [False, True])
def test_after_the_end_nothing_is_read(step: bool):
    for cuts in ([], every(1, HEADER + END + b"<junk>")):
        events, failure = run(HEADER + END + b"<junk>", cuts, step=step)
        assert events[1:] == [StreamEnd()]
        assert failure is None


def test_a_root_that_ends_at_once():
    events, failure = run(HEADER.replace(b"'1.0'>", b"'1.0'/>"), [])
    assert [type(event) for event in events] == [StreamStart, StreamEnd]
    assert failure is None


# -- limits -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_stanza_limit(size: int):
    fits = b"<a>" + b"x" * (300 - 7) + b"</a>"
    over = b"<a>" + b"x" * (301 - 7) + b"</a>"
    good = HEADER + fits + b"\n" + fits
    events, failure = run(good, every(size, good), stanza_limit=300)
    assert len(events) == 3
    assert failure is None
    events, failure = run(HEADER + over, every(size, HEADER + over), stanza_limit=300)
    assert len(events) == 1
    assert failure is C.POLICY_VIOLATION


@pytest.mark.parametrize(
    "begin", [b"<a>", b"<a><b/>", b"<a b='", b"<a><b>text</b><c d='>>>", b"<a><![CDATA[<'"]
)
def test_stanza_limit_meets_the_unfinished(begin: bytes):
    slicer = opened(stanza_limit=300)
    slicer.feed(begin)
    slicer.feed(b"x" * (300 - len(begin)))
    assert slicer.failure is None
    slicer.feed(b"x")
    assert slicer.failure.condition is C.POLICY_VIOLATION


@pytest.mark.parametrize("step", [False, True])
def test_stanza_limit_is_not_about_what_waits_behind(step: bool):
    # With a used-up parser, or in steps, the bytes go to expat tag by tag.
    slicer = opened(step=step)
    slicer.feed(b"<a>" + b"x" * PARSER_BUDGET + b"</a><a>")
    count = len(slicer.feed(b"<b/></a>" + b"<a><b/></a>" * 10_000))
    while more := slicer.feed(b""):
        count += len(more)
    assert slicer.failure is None
    assert count == 10_001


def test_stanza_limit_holds_for_the_header():
    header = HEADER[21:]
    assert run(header, [], stanza_limit=len(header))[1] is None
    assert run(header, [], stanza_limit=len(header) - 1) == ([], C.POLICY_VIOLATION)
    assert run(header[:-1], [], stanza_limit=len(header) - 2) == ([], C.POLICY_VIOLATION)


@pytest.mark.parametrize("step", [False, True])
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_total_limit(size: int, step: bool):
    data = HEADER + STANZAS[1] * 10 + b"  "
    cuts = every(size, data)
    assert run(data, cuts, total_limit=len(data), step=step)[1] is None
    events, failure = run(data, cuts, total_limit=len(data) - 1, step=step)
    assert len(events) == 11
    assert failure is C.POLICY_VIOLATION


def test_total_limit_counts_restarts_and_ends_with_relax():
    slicer = opened(total_limit=len(HEADER) * 2, step=True)
    slicer.restart()
    slicer.feed(HEADER)
    slicer.relax(65536)
    assert len(slicer.feed(STANZAS[0] * 5)) == 5
    assert slicer.failure is None


def test_relax_changes_the_stanza_limit():
    slicer = opened(stanza_limit=1000)
    slicer.relax(10_000)
    assert len(slicer.feed(b"<a>" + b"x" * 5000 + b"</a>")) == 1


def test_depth_limit():
    # The stanza itself is the first level.
    deep = b"<a>" * DEPTH_LIMIT + b"</a>" * DEPTH_LIMIT
    assert run(HEADER + deep, [])[1] is None
    assert run(HEADER + b"<a>" + deep + b"</a>", [])[1] is C.POLICY_VIOLATION


@pytest.mark.parametrize("form", [b"<a%s/>", b"<a><b><c%s/></b></a>"])
def test_attribute_limit(form: bytes):
    def attributes(count: int):
        return b"".join(b" a%d=''" % number for number in range(count))

    assert run(HEADER + form % attributes(ATTRIBUTE_LIMIT), [])[1] is None
    assert run(HEADER + form % attributes(ATTRIBUTE_LIMIT + 1), [])[1] is C.POLICY_VIOLATION


@pytest.mark.parametrize("size", [1, 4096, 1 << 20])
def test_keepalives_leave_no_trace(size: int):
    slicer = opened()
    slicer.relax(100)
    for _ in range(20):
        assert slicer.feed(b" " * size) == []
    assert slicer.failure is None
    assert slicer.leftover() == b""
    assert len(slicer.feed(STANZAS[0])) == 1


def names(count: int):
    return [b"<n%d xmlns:p%d='u'><p%d:x%d/></n%d>" % ((n,) * 5) for n in range(count)]


@pytest.mark.parametrize("apart", [True, False])
def test_new_names_are_not_kept_for_ever(apart: bool):
    # In the second form every packet ends inside of a stanza.
    data = b"".join(names(10_000))
    packets = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    if apart:
        packets = names(10_000)
    slicer = opened()
    tracemalloc.start()
    try:
        count = sum(len(slicer.feed(packet)) for packet in packets)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 10_000
    assert slicer._cutter.spent < PARSER_BUDGET + 2000
    assert kept < 1_000_000


def test_a_new_parser_knows_the_old_root():
    slicer = opened()
    raw = b"<a><b xmlns='u'>" + b"x" * 500 + b"</b></a>"
    for _ in range(4 * PARSER_BUDGET // len(raw)):
        (stanza,) = slicer.feed(raw)
        assert (stanza.tag, stanza.children, stanza.raw) == ("{jabber:client}a", ("{u}b",), raw)
    assert len(slicer.feed(b"<stream:error/>")) == 1
    assert slicer.feed(END) == [StreamEnd()]


def test_bytes_are_looked_at_once():
    # Quadratic work would take minutes here: a value of 1 MiB, byte by byte, each a ">".
    slicer = opened(stanza_limit=1 << 20)
    slicer.feed(b"<a b='")
    for _ in range(100_000):
        slicer.feed(b">")
    assert len(slicer.feed(b"'/>")) == 1


# -- steps ----------------------------------------------------------------------------


def test_one_event_at_a_time():
    slicer = fresh(step=True)
    assert isinstance(slicer.feed(HEADER + STANZAS[0] + STANZAS[1])[0], StreamStart)
    assert slicer.leftover() == STANZAS[0] + STANZAS[1]
    assert [event.raw for event in slicer.feed(b"")] == [STANZAS[0]]
    assert slicer.leftover() == STANZAS[1]
    assert [event.raw for event in slicer.feed(b"")] == [STANZAS[1]]
    assert slicer.feed(b"") == []
    assert slicer.leftover() == b""


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_pipelined_restart(size: int):
    slicer = fresh(step=True)
    data = HEADER + b"<auth xmlns='u'>x</auth>\n" + HEADER + b"<iq/>"
    seen = []
    for start in range(0, len(data), size):
        slicer.hold(data[start : start + size])
        while events := slicer.feed(b""):
            seen += events
            if isinstance(events[0], Stanza) and events[0].tag == "{u}auth":
                slicer.restart()
    assert [type(event) for event in seen] == [StreamStart, Stanza, StreamStart, Stanza]
    assert slicer.failure is None


def test_without_a_restart_a_second_declaration_is_refused():
    slicer = opened(step=True)
    slicer.feed(b"<auth xmlns='u'/>" + HEADER)
    slicer.feed(b"")
    assert slicer.failure.condition is C.NOT_WELL_FORMED


def test_restart_takes_the_started_stanza_along():
    slicer = opened()
    assert slicer.feed(HEADER[21:] + b"<iq><a/><b") == []
    slicer.restart()
    events = slicer.feed(b"/></iq>")
    assert [type(event) for event in events] == [StreamStart, Stanza]
    assert events[1].raw == b"<iq><a/><b/></iq>"


def test_leftover_is_what_was_not_consumed():
    slicer = opened(step=True)
    slicer.feed(b"<starttls/> \n")
    assert slicer.leftover() == b""
    slicer.feed(b"<a>x<b/")
    assert slicer.leftover() == b"<a>x<b/"


def test_relax_leaves_what_waits_to_the_next_feed():
    slicer = opened(step=True)
    assert len(slicer.feed(STANZAS[0] * 3)) == 1
    slicer.relax(65536)
    assert len(slicer.feed(STANZAS[1])) == 3


def test_a_closed_slicer_is_silent():
    slicer = opened()
    slicer.close()
    assert slicer.feed(STANZAS[0]) == []
    assert slicer.failure is None


@pytest.mark.parametrize(
    "answer",
    [b"<a xmlns='urn:xmpp:sm:3' h='12'/>", b'<a xmlns="urn:xmpp:sm:3" h="12" />'],
)
def test_a_stream_at_rest_reads_an_acknowledgement_like_any_other(answer: bytes):
    resting, awake = opened(), opened()
    for _ in range(2):
        resting.rest()
        seen = [
            (event.tag, event.attributes, event.children, event.child_attributes, event.raw)
            for slicer in (resting, awake)
            for event in slicer.feed(answer)
            if isinstance(event, Stanza)
        ]
        assert len(seen) == 2
        assert seen[0] == seen[1]
        assert shown(resting.feed(STANZAS[0])[0]) == shown(awake.feed(STANZAS[0])[0])


def test_a_stream_at_rest_is_as_strict_with_what_looks_like_an_acknowledgement():
    for wrong in (b"<a xmlns='urn:xmpp:sm:3' h='12'/", b"<a xmlns='urn:xmpp:sm:3' h=\"1'/>"):
        slicer = opened()
        slicer.rest()
        assert slicer.feed(wrong) == []
    slicer = opened()
    slicer.rest()
    (event,) = slicer.feed(b"<a xmlns='urn:xmpp:sm:3' h='-1'/>")
    assert isinstance(event, Stanza)
    assert event.attributes == {"h": "-1"}
