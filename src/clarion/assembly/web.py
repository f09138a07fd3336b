"""The web door: the listener, and what the other doors have for browsers."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiohttp.web import RouteDef

from clarion.assembly.foundation import Foundation
from clarion.assembly.xmpp import OpenXmpp
from clarion.config.web import WebConfig
from clarion.core.events import PoliciesChanged
from clarion.web.listener import WebListener
from clarion.web.ports import WebPort
from clarion.wire.xmpp.host_meta import BOSH, WEBSOCKET, links
from clarion.xmpp.bosh import PATH as BOSH_PATH
from clarion.xmpp.bosh import Bosh
from clarion.xmpp.host_meta import routes as host_meta
from clarion.xmpp.websocket import PATH as WEBSOCKET_PATH
from clarion.xmpp.websocket import WebSockets

HTTPS_PORT: Final = 443


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
    bosh = Bosh(xmpp.door.connection, xmpp.services, xmpp.door.lifecycle)
    paths = {WEBSOCKET: WEBSOCKET_PATH, BOSH: BOSH_PATH}
    ways = links(_public(config.web, config.domain, ports), paths)
    routes = [*sockets.routes(), *bosh.routes(), *host_meta(ways), *more]
    async with listener.serve(ports, routes, [sockets.goodbye, bosh.goodbye]):
        yield listener


def _public(config: WebConfig, domain: str, ports: Sequence[WebPort]) -> str:
    """Return the address that others reach; where none is given, that of the first listener."""
    if config.public:
        return config.public
    for port in ports:
        if port.kind == "https":
            number = port.socket.getsockname()[1]
            return f"https://{domain}" if number == HTTPS_PORT else f"https://{domain}:{number}"
    return ""
