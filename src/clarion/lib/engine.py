"""The five verbs that every sans-IO stream engine has."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

E_co = TypeVar("E_co", covariant=True)


class Engine(Protocol[E_co]):
    """What a driver needs to know about any stream protocol.

    ``now`` is monotonic seconds and never goes back. After each ``receive``
    or ``wake`` the driver drains ``events`` and ``outbox`` and re-arms its
    timer from ``deadline``.
    """

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the peer; ``b""`` means that the peer hung up."""
        ...

    def wake(self, now: float) -> None:
        """Let timers that fell due by ``now`` act."""
        ...

    def events(self) -> Sequence[E_co]:
        """Hand out, once, each thing that happened since the last call."""
        ...

    def outbox(self) -> bytes:
        """Hand out, once, the bytes that are to go to the peer."""
        ...

    def deadline(self) -> float | None:
        """When ``wake`` wants to be called next; ``None`` for never."""
        ...
