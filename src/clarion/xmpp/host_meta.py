"""Serves ``/.well-known/host-meta`` and its JSON form to clients that cannot ask the DNS."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from clarion.wire.xmpp.host_meta import as_jrd, as_xrd

PATH: Final = "/.well-known/host-meta"
_ANYBODY: Final = {"Access-Control-Allow-Origin": "*"}  # web clients of any site (section 3)


def routes(ways: Mapping[str, str]) -> list[web.RouteDef]:
    """Return what the web listener is to serve; nothing where there is nothing to tell.

    Args:
        ways: Relations and addresses.

    """
    if not ways:
        return []
    xrd, jrd = as_xrd(ways), as_jrd(ways)

    async def as_xml(request: web.Request) -> web.Response:
        return web.Response(body=xrd, content_type="application/xrd+xml", headers=_ANYBODY)

    async def as_json(request: web.Request) -> web.Response:
        return web.Response(body=jrd, content_type="application/json", headers=_ANYBODY)

    return [web.get(PATH, as_xml), web.get(f"{PATH}.json", as_json)]
