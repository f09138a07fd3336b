"""Whatever comes to a room is answered or refused as documented, never by a fault of the server."""

from contextlib import suppress
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.room_book import AVATAR_LIMIT_BYTES
from clarion.core.rooms import Room, RoomConfig, RoomNumber
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Field, FieldKind, Form, FormKind
from clarion.xmpp.rooms import avatar, configuration
from fakes.world import ROOMS, world

ROOM = Room(RoomNumber(1), f"coven@{ROOMS}", RoomConfig())
MUC = "http://jabber.org/protocol/muc"
CONFIG_NAMES = [field.name for field in configuration.form(ROOM).fields]
VALUES = st.one_of(
    st.sampled_from(["", "0", "1", "true", "none", "anyone", "moderator", "visitor", "9" * 5000]),
    st.text(max_size=20),
)
FIELDS = st.builds(
    Field,
    st.sampled_from([*CONFIG_NAMES, "mam", "x"]),
    st.lists(VALUES, max_size=3).map(tuple),
    st.sampled_from([None, *FieldKind]),
)


@given(st.lists(FIELDS, max_size=12, unique_by=lambda field: field.name))
def test_a_form_is_a_configuration_or_refused(fields: list[Field]):
    with suppress(StanzaError):
        config = configuration.read(ROOM, Form(FormKind.SUBMIT, tuple(fields)))
        assert (
            configuration.read(Room(RoomNumber(1), ROOM.address, config), Form(FormKind.SUBMIT))
            == config
        )


@given(st.text(max_size=60), st.text("ABCabc019+/= \n", max_size=60), st.booleans())
def test_a_vcard_has_a_picture_or_none(kind: str, text: str, known: bool):
    vcard = Element(avatar.VCARD)
    photo = Element("{vcard-temp}PHOTO")
    vcard.append(photo)
    for name, value in (("TYPE", "image/png" if known else kind), ("BINVAL", text)):
        leaf = Element(f"{{vcard-temp}}{name}")
        leaf.text = value
        photo.append(leaf)
    with suppress(StanzaError):
        found = avatar.parse_photo(vcard)
        assert found is None or (found[0] in avatar.TYPES and len(found[1]) <= AVATAR_LIMIT_BYTES)


NAMES = ("query", "x", "item", "field", "value", "invite", "decline", "destroy", "moderate")
LEAVES = ("retract", "reason", "remove", "vCard", "PHOTO", "TYPE", "BINVAL", "password", "continue")
NAMESPACES = (
    *(f"{MUC}#admin", f"{MUC}#owner", f"{MUC}#user", "jabber:x:data", "jabber:iq:register"),
    *("urn:xmpp:message-moderate:1", "urn:xmpp:message-retract:1", "vcard-temp"),
)
KEYS = ("affiliation", "role", "jid", "nick", "to", "type", "var", "id", "thread")
WORDS = (
    *("owner", "admin", "member", "none", "outcast", "moderator", "participant", "visitor"),
    *("ann@corp.example", "bob@corp.example", "corp.example", "@", "bob", "submit", "cancel"),
    *("FORM_TYPE", f"{MUC}#request", "muc#role", "muc#roomnick", "muc#request_allow", "1", ""),
    *("muc#register_roomnick", f"{MUC}#register", f"{MUC}#roomconfig", "muc#roomconfig_whois"),
)
ATTRIBUTES = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(WORDS), max_size=4)
TREES = st.recursive(
    st.tuples(st.sampled_from(NAMES + LEAVES), ATTRIBUTES, st.sampled_from(WORDS)),
    lambda inner: st.tuples(st.sampled_from(NAMES), ATTRIBUTES, st.lists(inner, max_size=4)),
    max_leaves=8,
)


def written(tree: tuple[str, dict[str, str], object]) -> str:
    name, attributes, inner = tree
    told = "".join(f" {key}='{value}'" for key, value in attributes.items())
    content = "".join(map(written, inner)) if isinstance(inner, list) else str(inner)
    return f"<{name}{told}>{content}</{name}>"


@pytest.mark.parametrize("who", ["ann", "bob"])
@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["iq get", "iq set", "message"]),
            st.sampled_from(NAMES + LEAVES),
            st.sampled_from(NAMESPACES),
            st.lists(TREES, max_size=3),
        ),
        min_size=1,
        max_size=8,
    )
)
async def test_no_request_is_a_fault_of_the_server(who, requests):
    async with world("ann", "bob") as here:
        clients = {}
        for name in ("ann", "bob"):
            clients[name] = client = await here.log_in(name)
            entry = f"<x xmlns='{MUC}'/>"
            await client.send(f"<presence to='coven@{ROOMS}/{name}'>{entry}</presence>")
            form = "<x xmlns='jabber:x:data' type='submit'/>"
            await client.send(
                f"<iq type='set' id='o' to='coven@{ROOMS}'>"
                f"<query xmlns='{MUC}#owner'>{form}</query></iq>"
            )
        client = clients[who]
        client.read()
        for kind, name, namespace, trees in requests:
            stanza, _, form = kind.partition(" ")
            typed = f" type='{form}'" if form else ""
            inner = "".join(map(written, trees))
            payload = f"<{name} xmlns='{namespace}'>{inner}</{name}>"
            to = f"to='coven@{ROOMS}'"
            await client.send(f"<{stanza}{typed} id='q' {to}>{payload}</{stanza}>")
            for answer in client.read():
                fault = StanzaCondition.INTERNAL_SERVER_ERROR.value
                assert not any(child.tag.endswith(f"}}{fault}") for child in answer.iter())
        assert not client.gone
