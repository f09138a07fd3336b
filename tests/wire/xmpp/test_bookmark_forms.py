"""Bookmarks in both forms: nothing is lost from one to the other (XEP-0402 section 6)."""

from xml.etree.ElementTree import Element, SubElement

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xml import parse
from clarion.wire.xmpp.bookmarks import (
    CONFERENCE,
    NS,
    STORAGE,
    old_list,
    others_in,
    rooms_in,
    same,
    with_extensions,
)

TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=8)


def native(name: str, nick: str, password: str, note: str, *, autojoin: bool) -> Element:
    room = Element(CONFERENCE, {"name": name} if name else {})
    if autojoin:
        room.set("autojoin", "1")
    for tag, text in (("nick", nick), ("password", password)):
        if text:
            SubElement(room, f"{{{NS}}}{tag}").text = text
    if note:
        extensions = SubElement(room, f"{{{NS}}}extensions")
        SubElement(extensions, "{urn:x}note").text = note
    return room


ROOMS = st.dictionaries(
    st.sampled_from([f"room{number}@rooms.corp.example" for number in range(5)]),
    st.builds(native, TEXTS, TEXTS, TEXTS, TEXTS, autojoin=st.booleans()),
)


@settings(deadline=None)
@given(ROOMS)
def test_there_and_back_again(rooms: dict[str, Element]):
    page = Element("{storage:bookmarks}url", {"url": "https://corp.example/"})
    old = old_list(rooms, [page])
    assert old.tag == STORAGE
    back = rooms_in(old)
    assert list(back) == list(rooms)
    assert all(same(back[jid], rooms[jid]) for jid in rooms)
    assert others_in(old) == [page]


def test_what_names_no_room_is_none():
    storage = parse(
        b"<storage xmlns='storage:bookmarks'><conference name='n'/><conference jid='@x'/>"
        b"<url/><a xmlns='urn:x'/></storage>"
    )
    assert list(rooms_in(storage)) == ["@x"]
    assert [one.tag for one in others_in(storage)] == [
        "{storage:bookmarks}conference",
        "{storage:bookmarks}url",
        "{urn:x}a",
    ]


def test_an_old_list_leaves_extensions_as_they_are():
    before = native("Old", "", "", "kept", autojoin=False)
    bare = native("New", "", "", "", autojoin=False)
    merged = with_extensions(bare, before)
    assert merged.get("name") == "New"
    assert merged.findtext(f"{{{NS}}}extensions/{{urn:x}}note") == "kept"
    other = native("New", "", "", "own", autojoin=False)
    assert with_extensions(other, before).findtext(f"{{{NS}}}extensions/{{urn:x}}note") == "own"
    assert with_extensions(bare, None) is bare
