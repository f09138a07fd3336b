"""Item ids: 128 bits, ordered by time, unique across nodes without asking.

Layout, most significant first: 48 bits of UNIX milliseconds, 16 bits of a
counter within the millisecond, 16 bits of the node, 48 random bits. The order
of the bytes is the order of minting on one node, even when its wall clock
goes back; the random bits keep two lives of a node apart that share a
millisecond.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Final, NewType

ItemId = NewType("ItemId", bytes)

SIZE_BYTES: Final = 16
FIRST: Final = ItemId(bytes(SIZE_BYTES))
LAST: Final = ItemId(b"\xff" * SIZE_BYTES)
NODE: Final = 0
"""The node in the ids of items, while there is one."""
_COUNTER_BITS: Final = 16
_TAIL_BYTES: Final = 6
_BLOCK: Final = 512  # ids whose random part is drawn at once


def milliseconds(item: ItemId) -> int:
    """Return the UNIX millisecond in which ``item`` was minted."""
    return int.from_bytes(item[:6], "big")


def seconds(item: ItemId) -> float:
    """Return the UNIX second, UTC, in which ``item`` was minted."""
    return milliseconds(item) / 1000


def earliest(at: float) -> ItemId:
    """Return the smallest id that can be minted at the UNIX second ``at``."""
    return ItemId((max(0, round(at * 1000)) << 80).to_bytes(SIZE_BYTES, "big"))


def before(item: ItemId) -> ItemId:
    """Return the largest id below ``item``; ``FIRST`` stays ``FIRST``."""
    number = int.from_bytes(item, "big")
    return ItemId(max(0, number - 1).to_bytes(SIZE_BYTES, "big"))


class Mint:
    """Makes item ids for one node.

    Args:
        node: 0 to 65,535, unlike that of every other node.
        wall: UNIX seconds, UTC.
        after: The newest id known; everything minted is above it, so a wall
            clock that was set back between two lives breaks no order.

    Attributes:
        minted: How many it has made.

    """

    def __init__(self, node: int, wall: Callable[[], float], after: ItemId = FIRST) -> None:
        self._node = node.to_bytes(2, "big")
        self._wall = wall
        self._stamp = int.from_bytes(after[:8], "big")
        self._random: Iterator[bytes] = iter(())
        self.minted = 0

    def item(self) -> ItemId:
        """Mint an id above every earlier one."""
        now = round(self._wall() * 1000) << _COUNTER_BITS  # rounded as in ``earliest``
        self._stamp = max(self._stamp + 1, now)
        self.minted += 1
        tail = next(self._random, None)
        if tail is None:
            # Drawn by the block: a system call for each id costs more than the rest.
            block = secrets.token_bytes(_TAIL_BYTES * _BLOCK)
            self._random = (
                block[at : at + _TAIL_BYTES] for at in range(0, len(block), _TAIL_BYTES)
            )
            tail = next(self._random)
        return ItemId(self._stamp.to_bytes(8, "big") + self._node + tail)
