"""Bookmarks of rooms in both of their forms, and from one to the other (XEP-0402, XEP-0048).

In the native form each room is an item whose id is the room's JID. In the old
form all are one element, which may hold other things beside them.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from clarion.wire.xml import serialise
from clarion.wire.xmpp.jid import JidError, parse_jid

NS: Final = "urn:xmpp:bookmarks:1"
OLD: Final = "storage:bookmarks"
CONFERENCE: Final = f"{{{NS}}}conference"
STORAGE: Final = f"{{{OLD}}}storage"

_OLD_CONFERENCE: Final = f"{{{OLD}}}conference"
_EXTENSIONS: Final = f"{{{NS}}}extensions"
_TEXTS: Final = ("nick", "password")
_TRUE: Final = frozenset({"1", "true"})


def rooms_in(storage: Element) -> dict[str, Element]:
    """Return the rooms of an old list by their JIDs, each in the native form.

    What others have put into a bookmark goes among its extensions. Of a room
    that is there twice the last one counts.
    """
    return {_room(one): _native(one) for one in storage.findall(_OLD_CONFERENCE) if one.get("jid")}


def others_in(storage: Element) -> list[Element]:
    """Return what an old list holds beside rooms: bookmarks of pages, and what nobody knows."""
    return [one for one in storage if one.tag != _OLD_CONFERENCE or not one.get("jid")]


def old_list(rooms: Mapping[str, Element], others: Iterable[Element] = ()) -> Element:
    """Return an old list of these rooms, which are in the native form, and of others beside."""
    storage = Element(STORAGE)
    for jid, native in rooms.items():
        old = SubElement(storage, _OLD_CONFERENCE, {**native.attrib, "jid": jid})
        for name in _TEXTS:
            text = native.findtext(f"{{{NS}}}{name}")
            if text:
                SubElement(old, f"{{{OLD}}}{name}").text = text
        old.extend(_extensions(native))
    storage.extend(others)
    return storage


def with_extensions(native: Element, before: Element | None) -> Element:
    """Return a bookmark from an old list, with the extensions that the list could not carry.

    Args:
        native: The bookmark.
        before: The same room's bookmark as it is; ``None``: there is none.

    """
    if before is not None and not _extensions(native):
        found = before.find(_EXTENSIONS)
        if found is not None:
            native.append(found)
    return native


def same(one: Element, other: Element) -> bool:
    """Say whether two bookmarks of a room say the same, however they are written."""
    return _said(one) == _said(other)


def _room(old: Element) -> str:
    jid = old.get("jid", "")
    try:
        return parse_jid(jid).bare
    except JidError:
        return jid


def _native(old: Element) -> Element:
    native = Element(CONFERENCE, {key: old.attrib[key] for key in ("name",) if old.get(key)})
    if old.get("autojoin") in _TRUE:
        native.set("autojoin", "true")
    for name in _TEXTS:
        text = old.findtext(f"{{{OLD}}}{name}")
        if text:
            SubElement(native, f"{{{NS}}}{name}").text = text
    foreign = [one for one in old if not one.tag.startswith((f"{{{OLD}}}", f"{{{NS}}}"))]
    if foreign:
        SubElement(native, _EXTENSIONS).extend(foreign)
    return native


def _extensions(native: Element) -> list[Element]:
    found = native.find(_EXTENSIONS)
    return [] if found is None else list(found)


def _said(native: Element) -> tuple[object, ...]:
    return (
        native.get("name", ""),
        native.get("autojoin") in _TRUE,
        *(native.findtext(f"{{{NS}}}{name}") or "" for name in _TEXTS),
        sorted(serialise(one) for one in _extensions(native)),
    )
