"""What many are sent, each with their own address in it, and what is kept once for all of them."""

from typing import Protocol


class Pattern(Protocol):
    """A stanza without ``to``. It never changes, and is compared by identity."""

    def __len__(self) -> int:
        """Return its bytes without ``to``."""
        ...

    def to(self, address: str) -> bytes:
        """Return the stanza addressed to ``address``."""
        ...
