"""Where another domain has its server: SRV records and addresses (RFC 6120 3.2, XEP-0368)."""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from clarion.config.values import Endpoint
from clarion.lib.errors import UnavailableError

SERVER_PORT: Final = 5269  # where there is no SRV record (RFC 6120 section 3.2.2)
QUESTION_SECONDS: Final = 5.0  # LIMIT: for one question to the DNS, tries included
TARGETS_LIMIT: Final = 8  # LIMIT: addresses of one domain that are tried


@dataclass(frozen=True, slots=True)
class Service:
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    host: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect.

    Attributes:
        address: An IP address.
        port: Its port.
        direct: TLS comes first (XEP-0368).

    """

    address: str
    port: int
    direct: bool


class Resolver(Protocol):
    """Asks the DNS. Both raise ``UnavailableError`` where nobody answers."""

    async def services(self, name: str) -> Sequence[Service]:
        """Return the SRV records of a name; none is no error."""
        ...

    async def addresses(self, host: str) -> Sequence[str]:
        """Return the IPv6 and IPv4 addresses of a host; none is no error."""
        ...


class DnsResolver:
    """Asks with dnspython.

    Args:
        servers: Whom to ask; empty: as ``/etc/resolv.conf`` says.

    """

    def __init__(self, servers: Sequence[Endpoint] = ()) -> None:
        import dns.asyncresolver  # noqa: PLC0415  # only where servers are looked for: 60 ms
        import dns.nameserver  # noqa: PLC0415  # the same

        self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(server.host, server.port) for server in servers
            ]

    async def services(self, name: str) -> Sequence[Service]:
        """See ``Resolver``."""
        return [
            Service(one.priority, one.weight, one.port, one.target.to_text(omit_final_dot=True))
            for one in await self._ask(name, "SRV")
        ]

    async def addresses(self, host: str) -> Sequence[str]:
        """See ``Resolver``."""
        both = await asyncio.gather(self._ask(host, "AAAA"), self._ask(host, "A"))
        return [one.to_text() for records in both for one in records]

    async def _ask(self, name: str, kind: str) -> Iterable[Any]:
        import dns.exception  # noqa: PLC0415  # see above
        import dns.resolver  # noqa: PLC0415  # the same

        try:
            return await self._resolver.resolve(name, kind, lifetime=QUESTION_SECONDS, search=False)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise UnavailableError(f"the DNS does not answer: {error}") from error


async def targets(
    domain: str, resolver: Resolver, pick: Callable[[int], int] = random.randrange
) -> list[Target]:
    """Return where a domain's server may be, best first.

    Services with TLS at once and with STARTTLS are one list, by their
    priorities (XEP-0368 section 3, rule 4).

    Args:
        domain: In its normal form.
        resolver: Asks the DNS.
        pick: Returns a number from 0 below the one given, for weights.

    Raises:
        UnavailableError: The DNS does not answer, or the domain has no server.

    """
    name = ascii_name(domain)
    direct, begun = await asyncio.gather(
        resolver.services(f"_xmpps-server._tcp.{name}"),
        resolver.services(f"_xmpp-server._tcp.{name}"),
    )
    found = [(service, True) for service in direct] + [(service, False) for service in begun]
    named = [(service, kind) for service, kind in found if service.host not in {"", "."}]
    if found and not named:
        raise UnavailableError(f"{domain} says that it has no server")
    if not named:
        named = [(Service(0, 0, SERVER_PORT, name), False)]
    tried: list[Target] = []
    for service, kind in by_weight(named, pick):
        addresses = await resolver.addresses(service.host)
        tried += [Target(address, service.port, kind) for address in addresses]
        if len(tried) >= TARGETS_LIMIT:
            break
    if not tried:
        raise UnavailableError(f"{domain} has no address")
    return tried[:TARGETS_LIMIT]


def by_weight(
    found: Sequence[tuple[Service, bool]], pick: Callable[[int], int]
) -> list[tuple[Service, bool]]:
    """Return records in the order of RFC 2782: by priority, then drawn by weight."""
    ordered = []
    for priority in sorted({service.priority for service, _ in found}):
        # Those of weight 0 first, so that they have a very small chance.
        rest = sorted(
            (one for one in found if one[0].priority == priority), key=lambda one: one[0].weight
        )
        while rest:
            drawn = pick(sum(service.weight for service, _ in rest) + 1)
            for one in rest:
                drawn -= one[0].weight
                if drawn <= 0:
                    break
            ordered.append(one)
            rest.remove(one)
    return ordered


def ascii_name(domain: str) -> str:
    """Return a domain as the DNS and TLS have it (RFC 5891 section 4.4)."""
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
        for label in domain.split(".")
    )
