"""Avatars as items and in vCards, and their mark in presence (XEP-0084, XEP-0153, XEP-0398)."""

import base64
import binascii
import hashlib
import re
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from clarion.lib.errors import PeerError
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.splice import append_child, drop_children
from clarion.wire.xmpp.stanza import Stanza

DATA: Final = "urn:xmpp:avatar:data"
METADATA: Final = "urn:xmpp:avatar:metadata"
DATA_TAG: Final = f"{{{DATA}}}data"
METADATA_TAG: Final = f"{{{METADATA}}}metadata"
UPDATE: Final = "vcard-temp:x:update"
UPDATE_TAG: Final = f"{{{UPDATE}}}x"

IMAGE_LIMIT_BYTES: Final = 128 * 1024
"""LIMIT: an avatar's image; it goes out in one stanza, in base64 and with the rest of a vCard."""

_START: Final = f"<x xmlns='{UPDATE}'><photo>"
_HASH: Final = slice(len(_START), len(_START) + 40)
NO_PHOTO: Final = f"{_START}</photo></x>".encode()
"""The mark of somebody who has an avatar no longer, as only this server writes it."""

_PHOTO: Final = f"{{{UPDATE}}}photo"
_SHA1: Final = re.compile("[0-9A-Fa-f]{40}")
_TYPES: Final = (
    (b"\x89PNG", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_RIFF: Final = b"RIFF"
_WEBP: Final = b"WEBP"


def image_of(text: str) -> bytes:
    """Read an image in base64; line feeds and spaces are passed over.

    Raises:
        StanzaError: It is none, or larger than ``IMAGE_LIMIT_BYTES``.

    """
    try:
        image = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise StanzaError(StanzaCondition.BAD_REQUEST, "the image is not in base64") from None
    if not image:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "there is nothing in the image")
    if len(image) > IMAGE_LIMIT_BYTES:
        raise StanzaError(
            StanzaCondition.POLICY_VIOLATION,
            f"an avatar has {IMAGE_LIMIT_BYTES} bytes at most, this one has {len(image)}:"
            " take a smaller picture",
        )
    return image


def hash_of(image: bytes) -> str:
    """Return what names an image: its SHA-1 in lower-case hexadecimal (XEP-0084 section 3.1)."""
    return hashlib.sha1(image, usedforsecurity=False).hexdigest()


def type_of(image: bytes, said: str = "") -> str:
    """Return an image's type as its first bytes tell (XEP-0153 section 5), else what was said."""
    for start, name in _TYPES:
        if image.startswith(start):
            return name
    if image.startswith(_RIFF) and image[8:12] == _WEBP:
        return "image/webp"
    return said if said.startswith("image/") else "image/png"


def data_of(image: bytes) -> Element:
    """Return the payload of an item of the data node."""
    data = Element(DATA_TAG)
    data.text = base64.b64encode(image).decode()
    return data


def metadata_of(image: bytes, said: str = "") -> Element:
    """Return the payload of an item of the metadata node (XEP-0398 section 3.2)."""
    metadata = Element(METADATA_TAG)
    told = {"bytes": str(len(image)), "id": hash_of(image), "type": type_of(image, said)}
    SubElement(metadata, f"{{{METADATA}}}info", told)
    return metadata


def shown_image(metadata: bytes) -> tuple[str, str] | None:
    """Return id and type of the image that metadata names and that is in the data node.

    The one that is elsewhere on the web is not it (XEP-0398 section 3.1).

    Args:
        metadata: The payload of an item, as somebody published it.

    """
    try:
        element = parse(metadata)
    except PeerError:
        return None
    if element.tag != METADATA_TAG:
        return None
    for info in element.findall(f"{{{METADATA}}}info"):
        name = info.get("id", "")
        if not info.get("url") and _SHA1.fullmatch(name):
            return name, info.get("type", "")
    return None


def mark_of(name: str) -> bytes:
    """Return the mark of an avatar in presence (XEP-0153 section 3.1).

    Args:
        name: The image's hash.

    """
    return f"{_START}{name.lower()}</photo></x>".encode()


def marked(stanza: Stanza, raw: bytes, mark: bytes) -> bytes:
    """Return presence with the mark of its sender's avatar (XEP-0398 section 4).

    Args:
        stanza: The presence as it came, which tells what is in it.
        raw: The presence as it goes out.
        mark: See ``mark_of``.

    """
    if UPDATE_TAG not in stanza.children:
        return append_child(raw, mark)
    if mark[_HASH] in raw:
        return raw  # most clients know it: no need to look closer, which takes 100 us
    return remarked(raw, mark)


def remarked(raw: bytes, mark: bytes) -> bytes:
    """Return presence with this mark in place of the one that it has.

    Who says that they show no avatar is left alone: an empty ``<photo/>``
    means that, unless it is ours.
    """
    if NO_PHOTO not in raw:
        found = parse(raw, CLIENT).find(f"{UPDATE_TAG}/{_PHOTO}")
        if found is not None and not (found.text or "").strip():
            return raw
    return append_child(drop_children(raw, lambda tag, _: tag == UPDATE_TAG), mark)
