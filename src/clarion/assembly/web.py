"""The web door: the listener, with the routes that the other doors hand in."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from clarion.assembly.foundation import Foundation
from clarion.core.events import PoliciesChanged
from clarion.web.listener import WebListener, WebPort


@asynccontextmanager
async def open_web(
    ground: Foundation,
    ports: Sequence[WebPort],
    routes: Iterable[web.RouteDef],
    goodbyes: Iterable[Callable[[], None]] = (),
) -> AsyncGenerator[WebListener, None]:
    """Open the listener; ``[web]`` must be there.

    Args:
        ground: The certificate and the limits.
        ports: Where to listen.
        routes: Of all doors.
        goodbyes: See ``WebListener.serve``.

    """
    config = ground.config
    assert config.web is not None, "the door is on"
    listener = WebListener(
        config.web, config.limits, ground.certificate, ground.clock, config.log.repeats
    )

    def changed(event: PoliciesChanged) -> None:
        listener.limit(event.config.limits)

    ground.bus.subscribe(PoliciesChanged, changed)
    async with listener.serve(ports, routes, goodbyes):
        yield listener
