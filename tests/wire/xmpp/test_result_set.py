"""Result set management as XEP-0059 shows it."""

from xml.etree.ElementTree import fromstring, tostring

import pytest

from clarion.lib.errors import PeerError
from clarion.wire.xmpp.result_set import (
    NUMBER_LIMIT,
    RsmAnswer,
    RsmRequest,
    find_request,
    parse_request,
)


def read(inner: str) -> RsmRequest:
    return parse_request(fromstring(f"<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>"))


@pytest.mark.parametrize(
    ("inner", "request_"),
    [
        ("", RsmRequest()),
        ("<max>10</max>", RsmRequest(10)),
        ("<max> 0\n</max>", RsmRequest(0)),
        ("<max>10</max><after>x</after>", RsmRequest(10, after="x")),
        ("<max>10</max><after/>", RsmRequest(10)),
        ("<max>10</max><before/>", RsmRequest(10, before="")),
        ("<max>10</max><before>y</before>", RsmRequest(10, before="y")),
        ("<after>x</after><before>y</before>", RsmRequest(None, "x", "y")),
        ("<max>10</max><index>371</index>", RsmRequest(10, index=371)),
        (f"<max>{NUMBER_LIMIT - 1}</max>", RsmRequest(NUMBER_LIMIT - 1)),
    ],
)
def test_requests(inner: str, request_: RsmRequest):
    assert read(inner) == request_
    assert read(inner).backwards == ("<before" in inner)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "ten", "+1", "\u0663", "9" * 5000])
@pytest.mark.parametrize("name", ["max", "index"])
def test_a_bad_number_is_named(name: str, text: str):
    with pytest.raises(PeerError, match=f"the {name} of a result set request must be"):
        read(f"<{name}>{text}</{name}>")


def test_a_number_is_bounded():
    with pytest.raises(PeerError, match=str(NUMBER_LIMIT)):
        read(f"<max>{NUMBER_LIMIT}</max>")


@pytest.mark.parametrize("other", ["<after>x</after>", "<before/>"])
def test_an_index_beside_a_place_is_refused(other: str):
    with pytest.raises(PeerError, match="not both"):
        read(f"<index>1</index>{other}")


def test_a_request_is_found_in_its_query():
    query = "<query><set xmlns='http://jabber.org/protocol/rsm'><max>3</max></set></query>"
    assert find_request(fromstring(query)) == RsmRequest(3)
    assert find_request(fromstring("<query><set/></query>")) is None
    with pytest.raises(PeerError):
        parse_request(fromstring("<set/>"))


@pytest.mark.parametrize(
    ("answer", "inner"),
    [
        (
            RsmAnswer("a", "b", 800, 0),
            b'<r:first index="0">a</r:first><r:last>b</r:last><r:count>800</r:count>',
        ),
        (RsmAnswer("a", "a"), b"<r:first>a</r:first><r:last>a</r:last>"),
        (RsmAnswer(count=790), b"<r:count>790</r:count>"),
        (RsmAnswer(count=0, index=0), b"<r:count>0</r:count>"),
    ],
)
def test_answers(answer: RsmAnswer, inner: str):
    written = tostring(answer.to_element()).replace(b"ns0", b"r")
    start = b'<r:set xmlns:r="http://jabber.org/protocol/rsm">'
    assert written == start + inner + b"</r:set>"
