"""Avatars: what an image is called, what metadata shows, and the mark in presence."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse, serialise
from clarion.wire.xmpp.avatars import (
    IMAGE_LIMIT_BYTES,
    METADATA,
    NO_PHOTO,
    UPDATE,
    UPDATE_TAG,
    data_of,
    hash_of,
    image_of,
    mark_of,
    marked,
    metadata_of,
    remarked,
    shown_image,
    type_of,
)
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.stanza import Stanza

PNG = b"\x89PNG\r\n\x1a\n"
MARK = mark_of(hash_of(PNG))


def test_an_image_goes_into_items_and_comes_back():
    assert image_of(data_of(PNG).text or "") == PNG
    metadata = serialise(metadata_of(PNG, "image/gif"))
    assert shown_image(metadata) == (hash_of(PNG), "image/png")


@pytest.mark.parametrize(
    ("start", "said", "name"),
    [
        (b"GIF89a", "image/png", "image/gif"),
        (b"\xff\xd8\xff\xe0", "", "image/jpeg"),
        (b"RIFF....WEBP", "", "image/webp"),
        (b"RIFF....WAVE", "image/x", "image/x"),
        (b"<svg", "image/svg+xml", "image/svg+xml"),
        (b"<svg", "text/html", "image/png"),
    ],
)
def test_the_first_bytes_say_what_an_image_is(start: bytes, said: str, name: str):
    assert type_of(start, said) == name


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("", StanzaCondition.BAD_REQUEST),
        ("!", StanzaCondition.BAD_REQUEST),
        ("\u00e4", StanzaCondition.BAD_REQUEST),
        (
            base64.b64encode(b"x" * (IMAGE_LIMIT_BYTES + 1)).decode(),
            StanzaCondition.POLICY_VIOLATION,
        ),
    ],
)
def test_what_is_no_image_is_refused(text: str, condition: StanzaCondition):
    with pytest.raises(StanzaError) as caught:
        image_of(text)
    assert caught.value.condition is condition


def test_an_image_may_be_so_large():
    assert len(image_of(base64.b64encode(b"x" * IMAGE_LIMIT_BYTES).decode())) == IMAGE_LIMIT_BYTES


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<info/>",
        "<info id='12'/>",
        f"<info id='{'0' * 40}' url='https://x'/>",
        f"<info xmlns='urn:x' id='{'0' * 40}'/>",
        "<pointer/>",
    ],
)
def test_metadata_that_shows_no_image_of_ours(inner: str):
    assert shown_image(f"<metadata xmlns='{METADATA}'>{inner}</metadata>".encode()) is None
    assert shown_image(b"<a/>") is None
    assert shown_image(b"<a") is None


@settings(deadline=None)
@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_is_an_image_or_refused(text: str):
    try:
        image = image_of(text)
    except PeerError:
        return
    assert image
    assert image_of(data_of(image).text or "") == image


INNER = st.lists(
    st.sampled_from(
        [
            "<show>away</show>",
            f"<x xmlns='{UPDATE}'/>",
            f"<x xmlns='{UPDATE}'><photo>abc</photo></x>",
            f"<u:x xmlns:u='{UPDATE}'><u:photo>abc</u:photo></u:x>",
            "<x xmlns='jabber:x:data'/>",
            NO_PHOTO.decode(),
            MARK.decode(),
        ]
    ),
    max_size=4,
)


@settings(deadline=None)
@given(INNER)
def test_presence_has_one_mark_and_all_else_as_before(inner: list[str]):
    raw = f"<presence from='a@b/c'>{''.join(inner)}</presence>".encode()
    done = parse(remarked(raw, MARK), CLIENT)
    (found,) = done.findall(UPDATE_TAG)
    assert serialise(found) == MARK
    others = [one for one in parse(raw, CLIENT) if one.tag != UPDATE_TAG]
    assert [serialise(one) for one in done if one.tag != UPDATE_TAG] == [
        serialise(one) for one in others
    ]


def test_a_client_that_knows_its_avatar_is_left_alone():
    said = f'<x xmlns="{UPDATE}"><photo>{hash_of(PNG)}</photo></x>'
    raw = f"<presence>{said}</presence>".encode()
    stanza = Stanza(f"{{{CLIENT}}}presence", {}, (UPDATE_TAG,), raw)
    assert marked(stanza, raw, MARK) is raw
    other = mark_of("0" * 40)
    assert marked(stanza, raw, other) == b"<presence>" + other + b"</presence>"
    bare = Stanza(f"{{{CLIENT}}}presence", {}, (), b"<presence/>")
    assert marked(bare, bare.raw, MARK) == b"<presence>" + MARK + b"</presence>"


def test_who_shows_no_photo_is_left_alone():
    raw = f"<presence><x xmlns='{UPDATE}'><photo/></x></presence>".encode()
    assert remarked(raw, MARK) is raw
    ours = b"<presence>" + NO_PHOTO + b"</presence>"
    assert MARK in remarked(ours, MARK)
