"""Any element is a form, a command, a page's request ... or is refused as documented."""

from contextlib import suppress
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse, serialise
from clarion.wire.xmpp import (
    avatars,
    bookmarks,
    caps,
    commands,
    external_services,
    forms,
    invitations,
    muc,
    muc_admin,
    pubsub,
    pubsub_owner,
    push,
    result_set,
    stamps,
)
from clarion.wire.xmpp.errors import StanzaError
from clarion.xmpp import avatars as images
from clarion.xmpp import private_storage, vcard4

NAMESPACES = (
    "jabber:x:data",
    "http://jabber.org/protocol/rsm",
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/commands",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/pubsub",
    "http://jabber.org/protocol/pubsub#owner",
    "http://jabber.org/protocol/muc",
    "http://jabber.org/protocol/muc#user",
    "http://jabber.org/protocol/muc#admin",
    "http://jabber.org/protocol/muc#owner",
    "urn:xmpp:push:0",
    "urn:xmpp:extdisco:2",
    "storage:bookmarks",
    "urn:xmpp:bookmarks:1",
    "urn:xmpp:avatar:metadata",
    "vcard-temp",
    "urn:ietf:params:xml:ns:vcard-4.0",
    "urn:x",
    "",
)
NAMES = (
    *("x", "field", "value", "option", "title", "instructions", "item", "reported", "required"),
    *("set", "max", "after", "before", "index", "c", "command", "query", "identity", "feature"),
    *("pubsub", "publish", "publish-options", "retract", "items", "create", "configure", "delete"),
    *("purge", "default", "subscriptions", "affiliations", "subscribe", "unsubscribe"),
    *("history", "password", "invite", "decline", "reason", "continue", "destroy"),
    *("enable", "disable", "service", "credentials"),
    *("subscription", "affiliation", "conference", "extensions", "nick", "storage", "info"),
    *("PHOTO", "BINVAL", "TYPE", "parameters", "text"),
)
KEYS = (
    *("type", "var", "label", "node", "ver", "hash", "action", "sessionid", "category", "name"),
    *("to", "thread", "maxchars", "maxstanzas", "seconds", "since", "nick", "role", "affiliation"),
    *("id", "max_items", "notify", "jid", "token", "host", "subscription", "autojoin", "url"),
    "{http://www.w3.org/XML/1998/namespace}lang",
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            *("form", "submit", "result", "cancel", "boolean", "hidden", "list-multi", "FORM_TYPE"),
            *(
                "1",
                "0",
                "-1",
                "99999999999999999999",
                "٣",
                "1e3",
                "true",
                "sha-1",
                "execute",
                "next",
            ),
            *("member", "outcast", "visitor", "ann@corp.example/x", "@"),
            *("2026-02-30T00:00:00Z", "2026-06-15T15:06:40.123Z", "", " ", "\U0010ffff"),
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
)
TAGS = st.builds(
    lambda namespace, name: f"{{{namespace}}}{name}" if namespace else name,
    st.sampled_from(NAMESPACES),
    st.sampled_from(NAMES),
)


def element(tag: str, attributes: dict[str, str], text: str | None, children: list[Any]) -> Element:
    made = Element(tag, attributes)
    made.text = text
    made.extend(children)
    return made


ATTRIBUTES = st.dictionaries(st.sampled_from(KEYS), TEXTS, max_size=4)
LEAVES = st.builds(element, TAGS, ATTRIBUTES, st.none() | TEXTS, st.just([]))
ELEMENTS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        element, TAGS, ATTRIBUTES, st.none() | TEXTS, st.lists(inner, max_size=5)
    ),
    max_leaves=20,
)
READERS = {
    "a form": (forms.parse_form, forms.TAG, (PeerError,)),
    "a page": (result_set.parse_request, result_set.TAG, (PeerError,)),
    "a page inside": (result_set.find_request, "", (PeerError,)),
    "capabilities": (caps.parse_caps, "{http://jabber.org/protocol/caps}c", (PeerError,)),
    "what a client can do": (
        caps.parse_info,
        "{http://jabber.org/protocol/disco#info}query",
        (PeerError,),
    ),
    "a command": (
        commands.parse_request,
        "{http://jabber.org/protocol/commands}command",
        (commands.CommandError, StanzaError),
    ),
    "who enters a room": (muc.parse_entry, muc.ENTRY, (StanzaError,)),
    "an invitation": (muc.parse_user, muc.USER_X, (StanzaError,)),
    "a list of a room": (muc_admin.parse_listing, muc_admin.ADMIN_QUERY, (StanzaError,)),
    "a change in a room": (muc_admin.parse_changes, muc_admin.ADMIN_QUERY, (StanzaError,)),
    **{
        f"a {kind} of a room's owner": (
            lambda found, kind=kind: muc_admin.parse_owner(kind, found),
            muc_admin.OWNER_QUERY,
            (StanzaError,),
        )
        for kind in ("get", "set")
    },
    "a token of an invitation": (invitations.parse_preauth, invitations.PREAUTH, (StanzaError,)),
    "whose credentials": (
        external_services.parse_wanted,
        external_services.CREDENTIALS,
        (StanzaError,),
    ),
    "a place for notifications": (push.parse_enable, push.ENABLE, (PeerError,)),
    "the end of one": (push.parse_disable, push.DISABLE, (PeerError,)),
    **{
        f"a {kind} of pubsub": (
            lambda found, kind=kind: pubsub.parse_request(kind, found),
            "{http://jabber.org/protocol/pubsub}pubsub",
            (StanzaError,),
        )
        for kind in ("get", "set")
    },
    **{
        f"a {kind} of a node's owner": (
            lambda found, kind=kind: pubsub_owner.parse_owner_request(kind, found),
            "{http://jabber.org/protocol/pubsub#owner}pubsub",
            (StanzaError,),
        )
        for kind in ("get", "set")
    },
    "an old list of bookmarks": (
        lambda found: bookmarks.old_list(bookmarks.rooms_in(found), bookmarks.others_in(found)),
        bookmarks.STORAGE,
        (),
    ),
    "what is kept with XEP-0049": (private_storage.asked, private_storage.QUERY, (StanzaError,)),
    "the photo in a vCard": (images.photo_in, "{vcard-temp}vCard", (StanzaError,)),
    "an avatar's metadata": (
        lambda found: avatars.shown_image(serialise(found)) if _writable(found) else None,
        avatars.METADATA_TAG,
        (),
    ),
    "a property of a vCard": (vcard4.ruled, f"{{{vcard4.NS}}}email", ()),
}


@pytest.mark.parametrize("name", READERS)
@given(found=ELEMENTS, right=st.booleans())
@settings(deadline=None, max_examples=150)
def test_any_element_is_read_or_refused(name: str, found: Element, right: bool):
    reader, tag, refusals = READERS[name]
    if right and tag:
        found.tag = tag  # else most of them end at the first look
    before = serialise(found) if _writable(found) else None
    with suppress(*refusals):
        reader(found)
    if before is not None:
        assert serialise(found) == before  # reading changes nothing


@given(found=ELEMENTS)
@settings(deadline=None, max_examples=150)
def test_what_is_a_form_reads_back_as_itself(found: Element):
    found.tag = forms.TAG
    found.set("type", "form")
    assume(_writable(found))
    found = parse(serialise(found), "urn:x")  # as it comes: without what XML cannot carry
    try:
        form = forms.parse_form(found)
    except PeerError:
        return
    assert forms.parse_form(form.to_element()) == form


@given(text=TEXTS | st.text(max_size=40))
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_time_or_is_refused(text: str):
    try:
        moment = stamps.microseconds(text)
    except PeerError:
        return
    assert isinstance(moment, int)


def _writable(found: Element) -> bool:
    """Whether it could have come over the wire: XML has no place for most control characters."""
    try:
        parse(serialise(found), "urn:x")
    except (PeerError, ValueError):
        return False
    return True
