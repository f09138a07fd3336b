"""What waits for a client that nobody looks at (XEP-0352): the newest of each kind, in order."""

from typing import Final

from clarion.wire.xmpp.splice import attributes_of

HELD_LIMIT_BYTES: Final = 131_072
"""LIMIT: bytes held back for one client; some 500 ordinary presence stanzas. Beyond it, as
beyond the number of ``[limits] held_stanzas``, everything is sent."""

_PRESENCE: Final = b"<presence"
_HELD_TYPES: Final = frozenset({b"", b"unavailable"})


class Held:
    """Stanzas by what they tell of; a newer one takes the place of the one before, at the end.

    Args:
        most: How many there may be.

    """

    __slots__ = ("_most", "_size_bytes", "_stanzas")

    def __init__(self, most: int) -> None:
        self._most = most
        self._size_bytes = 0
        self._stanzas: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._stanzas)

    def takes_presence(self, stanza: bytes) -> bool:
        """Hold ``stanza`` if it says who is available and there is room; ``False``: it was not."""
        if not stanza.startswith(_PRESENCE):
            return False
        kind = sender = b""
        for found in attributes_of(stanza, len(_PRESENCE)):
            name = found[1]
            if name == b"from":
                sender = found[2][1:-1]
            elif name == b"type":
                kind = found[2][1:-1]
        # Who asks for or ends a subscription, or reports an error, wants an eye on it.
        if kind not in _HELD_TYPES or not sender:
            return False
        return self.put(f"presence {sender.decode()}", stanza)

    def put(self, about: str, stanza: bytes) -> bool:
        """Hold ``stanza`` if there is room; ``False``: it was not."""
        before = self._stanzas.pop(about, b"")
        self._size_bytes += len(stanza) - len(before)
        if len(self._stanzas) >= self._most or self._size_bytes > HELD_LIMIT_BYTES:
            self._size_bytes -= len(stanza)  # the newer one is sent behind all others
            return False
        self._stanzas[about] = stanza
        return True

    def clear(self) -> list[bytes]:
        """Take everything out, in order."""
        stanzas = list(self._stanzas.values())
        self._stanzas.clear()
        self._size_bytes = 0
        return stanzas
