"""Frames of a WebSocket as a server writes them: whole, not masked (RFC 6455 section 5)."""

import struct
from typing import Final

_TEXT: Final = 0x81  # FIN and the opcode (section 5.2)
_CLOSE: Final = 0x88


def text_frame(payload: bytes) -> bytes:
    """Return a text message in one frame.

    Args:
        payload: UTF-8.

    """
    return _head(_TEXT, len(payload)) + payload


def close_frame(code: int) -> bytes:
    """Return the frame that closes (section 5.5.1).

    Args:
        code: Why, section 7.4.1.

    """
    return _head(_CLOSE, 2) + struct.pack("!H", code)


def _head(first: int, size_bytes: int) -> bytes:
    if size_bytes < 126:
        return struct.pack("!BB", first, size_bytes)
    if size_bytes < 65_536:
        return struct.pack("!BBH", first, 126, size_bytes)
    return struct.pack("!BBQ", first, 127, size_bytes)
