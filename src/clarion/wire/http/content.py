"""What a file is and what it is called, in header fields (RFC 9110 section 8.3, RFC 6266)."""

import re
from typing import Final
from urllib.parse import quote

OCTETS: Final = "application/octet-stream"
TYPE_LIMIT: Final = 255
"""LIMIT: characters of a media type: 127 of each of its names (RFC 6838 section 4.2), and "/"."""

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"  # RFC 6838 section 4.2
_TYPE: Final = re.compile(rf"{_NAME}/{_NAME}")
# What a browser may show by itself. SVG is a document that can hold scripts.
_SHOWN: Final = ("image/", "audio/", "video/")
_SCRIPTED: Final = frozenset({"image/svg+xml"})
_PLAIN: Final = "text/plain"


class MediaTypeError(ValueError):
    """It is no media type."""


def media_type(text: str) -> str:
    """Return the media type without parameters, in small letters; ``""`` for nothing.

    Raises:
        MediaTypeError: It is none.

    """
    name = text.partition(";")[0].strip().lower()
    if name and (len(name) > TYPE_LIMIT or not _TYPE.fullmatch(name)):
        raise MediaTypeError("this is no media type")
    return name


def type_fits(name: str, patterns: tuple[str, ...]) -> bool:
    """Say whether a media type is one of ``patterns``, such as ``image/*``; none: all are."""
    family = name.partition("/")[0] + "/*"
    return not patterns or name in patterns or family in patterns or "*/*" in patterns


def written_type(name: str) -> str:
    """Return ``Content-Type`` for a file; plain text is taken to be UTF-8."""
    return f"{_PLAIN}; charset=utf-8" if name == _PLAIN else name or OCTETS


def disposition(name: str, kind: str) -> str:
    """Return ``Content-Disposition``: shown only where it can do nothing, else a download.

    Args:
        name: Of the file, without control characters.
        kind: Its media type.

    """
    shown = kind == _PLAIN or (kind.startswith(_SHOWN) and kind not in _SCRIPTED)
    # RFC 6266 appendix D: a form for old clients first; "%" and "\" mislead some of them.
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    star = quote(name, safe="")
    return f"{'inline' if shown else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{star}"
