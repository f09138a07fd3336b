"""What is held back for a client that nobody looks at."""

import pytest

from clarion.xmpp.held import HELD_LIMIT_BYTES, Held

FROM = " from='bob@corp.example/desk'"


def presence(rest: str = "", sender: str = "bob@corp.example/desk") -> bytes:
    return f"<presence from='{sender}'{rest}/>".encode()


@pytest.mark.parametrize(
    ("stanza", "held"),
    [
        (presence(), True),
        (presence(" type='unavailable'"), True),
        (
            b'<presence\n type = "unavailable" from="bob@corp.example/desk"><show/></presence>',
            True,
        ),
        (presence(" id=\" type='subscribe' \""), True),
        (presence(" type='subscribe'"), False),
        (presence(" type='unsubscribed'"), False),
        (presence(" type='error'"), False),
        (b"<presence/>", False),
        (b"<presence to='ann@corp.example'/>", False),
        (b"<message from='bob@corp.example/desk'/>", False),
        (b"<iq from='bob@corp.example/desk' type='unavailable'/>", False),
    ],
)
def test_only_news_of_who_is_available_is_held(stanza: bytes, held: bool):
    here = Held(10)
    assert here.takes_presence(stanza) == held
    assert here.clear() == [stanza] * held


def test_the_newest_of_each_takes_the_last_place():
    here = Held(10)
    one, two = presence(), presence(" type='unavailable'")
    other = presence(sender="cai@corp.example/desk")
    for stanza in (one, other, two):
        assert here.takes_presence(stanza)
    assert here.put("state bob@corp.example/desk", b"<message/>")
    assert len(here) == 3
    assert here.clear() == [other, two, b"<message/>"]
    assert here.clear() == []


def test_there_is_room_for_so_many():
    here = Held(2)
    assert [here.put(about, b"<a/>") for about in "abc"] == [True, True, False]
    assert here.put("a", b"<b/>")
    assert here.clear() == [b"<a/>", b"<b/>"]
    assert not Held(0).put("a", b"<a/>")


def test_there_is_room_for_so_many_bytes():
    assert HELD_LIMIT_BYTES == 131_072
    here, half = Held(10), bytes(HELD_LIMIT_BYTES // 2)
    assert here.put("a", half)
    assert here.put("b", half)
    assert not here.put("c", b"x")
    assert here.put("b", half)  # instead of the one before
    assert not here.put("b", half + b"x")
    assert here.clear() == [half]
    assert here.put("c", half)
