"""The web door: the listener, and what the other doors have for browsers."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager

from aiohttp.web import RouteDef

from clarion.assembly.foundation import Foundation
from clarion.assembly.xmpp import OpenXmpp
from clarion.core.events import PoliciesChanged
from clarion.web.listener import WebListener
from clarion.web.ports import WebPort
from clarion.xmpp.websocket import WebSockets


@asynccontextmanager
async def open_web(
    ground: Foundation, xmpp: OpenXmpp, ports: Sequence[WebPort], more: Iterable[RouteDef] = ()
) -> AsyncGenerator[WebListener, None]:
    """Open the listener; ``[web]`` must be there.

    Args:
        ground: The certificate and the limits.
        xmpp: Speaks with browsers over WebSockets.
        ports: Where to listen.
        more: Routes of the doors that need nothing else here.

    """
    config = ground.config
    assert config.web is not None, "the door is on"
    listener = WebListener(
        config.web, config.limits, ground.certificate, ground.clock, config.log.repeats
    )

    def changed(event: PoliciesChanged) -> None:
        listener.limit(event.config.limits)

    ground.bus.subscribe(PoliciesChanged, changed)
    sockets = WebSockets(xmpp.door.connection, xmpp.services, xmpp.door.lifecycle)
    routes = [*sockets.routes(), *more]
    async with listener.serve(ports, routes, [sockets.goodbye]):
        yield listener
