"""XEP-0156: where a domain's other ways in are, for ``/.well-known/host-meta`` (RFC 6415)."""

import json
from collections.abc import Mapping
from typing import Final

from clarion.wire.xml import escape

BOSH: Final = "urn:xmpp:alt-connections:xbosh"
WEBSOCKET: Final = "urn:xmpp:alt-connections:websocket"


def links(public: str, paths: Mapping[str, str]) -> dict[str, str]:
    """Return relation and address of every way in; nothing without TLS (section 2.2).

    Args:
        public: The address that others reach, e.g. ``"https://chat.corp.example"``.
        paths: Path of each relation.

    """
    scheme, _, rest = public.partition("://")
    if scheme != "https":
        return {}
    schemes = {WEBSOCKET: "wss"}
    return {
        relation: f"{schemes.get(relation, 'https')}://{rest}{path}"
        for relation, path in paths.items()
    }


def as_xrd(ways: Mapping[str, str]) -> bytes:
    """Write the Extensible Resource Descriptor."""
    inner = "".join(
        f"<Link rel='{escape(relation)}' href='{escape(where)}'/>"
        for relation, where in ways.items()
    )
    return (
        "<?xml version='1.0' encoding='utf-8'?>"
        f"<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>{inner}</XRD>"
    ).encode()


def as_jrd(ways: Mapping[str, str]) -> bytes:
    """Write the same in JSON (RFC 6415 appendix A)."""
    listed = [{"rel": relation, "href": where} for relation, where in ways.items()]
    return json.dumps({"links": listed}).encode()
