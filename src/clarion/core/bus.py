"""The bus: typed events from those who change something to those who must know.

Events are frozen values, so that one day they can travel to another node.
Delivery is synchronous, in the order of subscription, on the event loop; a
listener that fails is logged and hinders nobody else.
"""

from collections.abc import Callable
from typing import TypeVar

from clarion.lib.log import get_logger

E = TypeVar("E")

log = get_logger("bus")


class Bus:
    """Carries events within one process."""

    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[object], None]]] = {}

    def subscribe(self, kind: type[E], listener: Callable[[E], None]) -> None:
        """Call ``listener`` with every later event of exactly this kind."""
        self._listeners.setdefault(kind, []).append(listener)  # type: ignore[arg-type]  # keyed by kind

    def publish(self, event: object) -> None:
        """Tell every listener of this event's kind."""
        for listener in self._listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception:
                log.exception("listener failed", event_kind=type(event).__name__)
