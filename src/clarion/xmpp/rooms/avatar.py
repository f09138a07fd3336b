"""The avatar of a room: a vcard-temp that its owners set (XEP-0486 0.1.0)."""

import hashlib
from base64 import b64decode, b64encode
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.room_book import AVATAR_LIMIT_BYTES
from clarion.core.rooms import Room
from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.muc import Status
from clarion.xmpp.rooms.asked import Asked
from clarion.xmpp.rooms.standing import require_configurer

NS: Final = "vcard-temp"
VCARD: Final = f"{{{NS}}}vCard"
TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/svg+xml", "image/webp"})
"""What section 5 asks for, and one more; others would be a way to share any file."""


def avatar_hash(room: Room) -> str:
    """Return what names the avatar (XEP-0153 section 3.1); ``""``: there is none."""
    if room.avatar is None:
        return ""
    return hashlib.sha1(room.avatar[1], usedforsecurity=False).hexdigest()


def get(asked: Asked) -> bytes:
    """Answer with the vCard; what is in it, service discovery tells everybody of anyway."""
    avatar = asked.room.room.avatar
    if avatar is None:
        return f"<vCard xmlns='{NS}'/>".encode()
    kind, data = avatar
    photo = f"<PHOTO><TYPE>{escape(kind)}</TYPE><BINVAL>{b64encode(data).decode()}</BINVAL></PHOTO>"
    return f"<vCard xmlns='{NS}'>{photo}</vCard>".encode()


async def change(asked: Asked) -> None:
    """Set the avatar, or take it away with an empty vCard, and tell everybody.

    Raises:
        StanzaError: It is not for who asks, or no picture.
        UnavailableError: The store cannot keep it.

    """
    require_configurer(asked)
    avatar = parse_photo(asked.payload)
    room = asked.room
    if avatar == room.room.avatar:
        return
    await room.book.set_avatar(room.room, avatar)
    room.say_codes(Status.CONFIGURATION_CHANGED)


def parse_photo(vcard: Element) -> tuple[str, bytes] | None:
    """Read the first picture of a vCard: its media type, and the bytes; ``None``: it has none.

    Raises:
        StanzaError: It is too large, of another type, or no base64.

    """
    photo = vcard.find(f"{{{NS}}}PHOTO")
    if photo is None or not len(photo):
        return None
    text = "".join((photo.findtext(f"{{{NS}}}BINVAL") or "").split())
    kind = (photo.findtext(f"{{{NS}}}TYPE") or "").strip().lower()
    if kind not in TYPES:
        raise StanzaError(
            StanzaCondition.NOT_ACCEPTABLE, f"a room's avatar is one of {', '.join(sorted(TYPES))}"
        )
    if len(text) > 4 * (AVATAR_LIMIT_BYTES // 3 + 1):
        raise _too_large()
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "the picture is no base64") from None
    if len(data) > AVATAR_LIMIT_BYTES:
        raise _too_large()
    return (kind, data) if data else None


def _too_large() -> StanzaError:
    return StanzaError(
        StanzaCondition.NOT_ACCEPTABLE,
        f"an avatar of a room has {AVATAR_LIMIT_BYTES} bytes at most",
    )
