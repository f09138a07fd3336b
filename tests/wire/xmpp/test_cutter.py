import pytest

from clarion.wire.xmpp.cutter import PARSER_BUDGET, Cutter
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from clarion.wire.xmpp.slices import StreamEnd, StreamStart
from clarion.wire.xmpp.stanza import Stanza

HEADER = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"


def opened(stanza_limit: int = 65536) -> Cutter:
    cutter = Cutter(stanza_limit)
    cutter.parse(HEADER)
    assert [type(event) for event in cutter.events] == [StreamStart]
    cutter.events = []
    return cutter


def test_a_stanza_is_held_until_its_last_piece():
    cutter = opened()
    for piece in (b"<a><b>", b"text</b>"):
        cutter.parse(piece)
        assert (cutter.events, cutter.depth > 1) == ([], True)
    assert cutter.held == b"<a><b>text</b>"
    cutter.parse(b"</a>")
    (stanza,) = cutter.events
    assert isinstance(stanza, Stanza)
    assert stanza.raw == b"<a><b>text</b></a>"
    assert (bytes(cutter.held), cutter.depth) == (b"", 1)


def test_the_limit_counts_what_is_held():
    cutter = opened(stanza_limit=100)
    cutter.parse(b"<a>" + b"<b/>" * 24)
    with pytest.raises(StreamError) as caught:
        cutter.parse(b"<b/>")
    assert caught.value.condition is StreamCondition.POLICY_VIOLATION


def test_a_stanza_of_one_piece_keeps_to_the_limit():
    with pytest.raises(StreamError):
        opened(stanza_limit=100).parse(b"<a>" + b"x" * 94 + b"</a>")


def test_expat_is_made_anew_between_stanzas_only():
    cutter = opened()
    cutter.parse(b"<a>" + b"x" * PARSER_BUDGET + b"<b/>")
    assert cutter.spent > PARSER_BUDGET
    cutter.parse(b"</a>")
    assert cutter.spent == 0
    cutter.parse(b"<c/>")
    assert [event.raw[-4:] for event in cutter.events if isinstance(event, Stanza)] == [
        b"</a>",
        b"<c/>",
    ]


def test_a_piece_that_ends_in_a_tag_is_refused():
    with pytest.raises(StreamError) as caught:
        opened().parse(b"<a/><b")
    assert caught.value.condition is StreamCondition.NOT_WELL_FORMED


def test_after_a_rest_it_reads_on():
    cutter = opened()
    cutter.rest()
    cutter.renew()
    cutter.parse(b"<a/></stream:stream>")
    assert [type(event) for event in cutter.events] == [Stanza, StreamEnd]
    assert cutter.ended
