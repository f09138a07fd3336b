"""Makes of whatever a client calls a file a name that is safe in addresses and folders."""

import unicodedata
from typing import Final

NAME_BYTES: Final = 200
"""LIMIT: bytes of a name in UTF-8; most file systems have 255, and browsers add to it."""
ENDING_BYTES: Final = 32
"""LIMIT: bytes of the ending that is kept when a name is cut."""
NAMELESS: Final = "file"

# Control characters, those that turn the writing direction or are not seen, half characters.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES: Final = frozenset({"Zs", "Zl", "Zp"})
# Windows takes none of these in a name; a colon would name a stream.
_FORBIDDEN: Final = frozenset('<>:"|?*')


def safe_name(text: str) -> str:
    """Return a name for a file, of 1 to ``NAME_BYTES`` bytes.

    What stands before the last slash or backslash goes, as do characters
    that are not seen; the ending stays. Nothing in it leads out of a folder.
    """
    last = text.replace("\\", "/").rpartition("/")[2]
    kept = "".join(_written(c) for c in unicodedata.normalize("NFC", last))
    name = " ".join(kept.split()).strip(". ")
    name = _cut(unicodedata.normalize("NFC", name)).strip(". ")
    return name or NAMELESS


def _written(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r\v\f" or category in _SPACES:
        return " "
    if category in _HIDDEN:
        return ""
    return "_" if character in _FORBIDDEN else character


def _cut(name: str) -> str:
    if len(name.encode()) <= NAME_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    tail = dot + ending
    if not stem or len(tail.encode()) > ENDING_BYTES:
        stem, tail = name, ""
    room = NAME_BYTES - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore") + tail
