"""Requests from one occupant to another, until they are answered (XEP-0045 section 17.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

RELAYED_LIMIT: Final = 500
"""LIMIT: requests under way in one room; the oldest are forgotten, and their answers lost."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request under way.

    Attributes:
        asker: Full JID of the client that asked.
        asked: Full JID of the client that was asked.
        jid: The occupant JID that was asked.
        id: The request's own ``id``.

    """

    asker: str
    asked: str
    jid: str
    id: str


class Relayed:
    """What is under way, by the ``id`` that the room gave it.

    Args:
        token: Makes unguessable names, so that nobody answers for another.

    """

    __slots__ = ("_requests", "_token")

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token
        self._requests: dict[str, Request] = {}

    def put(self, request: Request) -> str:
        """Remember a request; returns the ``id`` under which it goes on."""
        name = self._token()
        self._requests[name] = request
        if len(self._requests) > RELAYED_LIMIT:
            del self._requests[next(iter(self._requests))]
        return name

    def take(self, name: str, asked: str) -> Request | None:
        """Take what an answer of the client ``asked`` belongs to."""
        request = self._requests.get(name)
        if request is None or request.asked != asked:
            return None
        return self._requests.pop(name)
