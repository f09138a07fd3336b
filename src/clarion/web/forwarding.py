"""Who a request comes from, where proxies stand between (X-Forwarded-For, X-Forwarded-Proto)."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from clarion.config.values import Network

HOPS_LIMIT: Final = 32
"""LIMIT: addresses of X-Forwarded-For that are looked at, from the nearest on."""


def is_among(host: str, networks: Sequence[Network]) -> bool:
    """Say whether an address is in one of these networks; an IPv4 one may be written as IPv6."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def client_of(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the address of the client: the nearest hop that is no trusted proxy.

    What stands behind that hop is the word of somebody who is not trusted.

    Args:
        peer: Who is connected, a trusted proxy.
        forwarded_for: The values of X-Forwarded-For, as the headers stand.
        trusted: The proxies.

    """
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    client = peer
    for hop in reversed(hops[-HOPS_LIMIT:]):
        address = _address(hop)
        if address is None:
            break
        client = address
        if not is_among(address, trusted):
            break
    return client


def _address(hop: str) -> str | None:
    """Read ``192.0.2.1``, ``192.0.2.1:80``, ``2001:db8::1`` or ``[2001:db8::1]:80``."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(hop))
    except ValueError:
        return None
