"""DNS: how clients and other servers find this one (RFC 6120 section 3.2, XEP-0368)."""

import asyncio
import ipaddress
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from clarion.cli.health.finding import Finding, bad, doubtful, good
from clarion.config.model import Config
from clarion.config.values import Endpoint

PART: Final = "dns"
TIME_LIMIT: Final = 3.0
"""LIMIT: seconds for one question, all servers and tries together."""
XMPP_PORT: Final = 5222
"""Where clients go when there are no SRV records (RFC 6120 section 3.2.2)."""
_RESERVED: Final = ("localhost", "test", "example", "invalid", "local", "internal")
# RFC 6761, RFC 6762 and ICANN: names that no public DNS knows.
_ADVICE: Final = "docs/operating/dns.md shows the records"


class CouldNotAskError(Exception):
    """No answer, good or bad, could be had."""


class Resolver(Protocol):
    """Asks the DNS."""

    async def ask(self, name: str, kind: str) -> Sequence[str]:
        """Return the records of a kind (``SRV``, ``A``, ``AAAA``) as text; none is no error.

        Raises:
            CouldNotAskError: Nobody answered.

        """
        ...


class SystemResolver:
    """Asks as ``/etc/resolv.conf`` says."""

    async def ask(self, name: str, kind: str) -> Sequence[str]:
        """See ``Resolver``."""
        import dns.asyncresolver  # noqa: PLC0415  # only where something is asked: 60 ms
        import dns.exception  # noqa: PLC0415  # the same
        import dns.resolver  # noqa: PLC0415  # the same

        try:
            answer = await dns.asyncresolver.resolve(name, kind, lifetime=TIME_LIMIT)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise CouldNotAskError(str(error) or type(error).__name__) from error
        return tuple(str(record) for record in answer)


async def look(config: Config, resolver: Resolver) -> list[Finding]:
    """Look for what clients and other servers look for.

    Args:
        config: Says which listeners there are.
        resolver: Asks the DNS.

    """
    domain = config.domain
    if _is_address(domain):
        return [good(PART, f"{domain} is an address and needs no records")]
    if domain.rpartition(".")[2] in _RESERVED or "." not in domain:
        text = f"{domain} is a name of this machine or network; no public DNS knows it"
        return [good(PART, text)]
    wanted = [
        ("_xmpp-client._tcp", config.xmpp.listen),
        ("_xmpps-client._tcp", config.xmpp.listen_tls),
        ("_xmpp-server._tcp", config.xmpp.listen_server),
        ("_xmpps-server._tcp", config.xmpp.listen_server_tls),
    ]
    asked = [(f"{name}.{domain}", endpoints) for name, endpoints in wanted if endpoints]
    try:
        found = await asyncio.gather(*(resolver.ask(name, "SRV") for name, _ in asked))
        addresses = await _addresses(resolver, domain)
        targets = sorted({_target(record) for records in found for record in records} - {""})
        known = {target: await _addresses(resolver, target) for target in targets}
    except CouldNotAskError as error:
        return [doubtful(PART, f"could not ask: {error}", "try again where the network is there")]
    findings: list[Finding] = []
    anything = any(found)
    for (name, endpoints), records in zip(asked, found, strict=True):
        findings += _service(name, endpoints, records, anything=anything)
    for target in targets:
        findings.append(_host(target, known[target]))
    if not anything:
        findings.append(_fallback(config, addresses))
    return findings


def _service(
    name: str, endpoints: Sequence[Endpoint], records: Sequence[str], *, anything: bool
) -> Iterator[Finding]:
    if not records:
        if anything:
            yield doubtful(PART, f"{name} has no SRV record", f"add one; {_ADVICE}")
        return
    ours = {endpoint.port for endpoint in endpoints} - {0}
    for record in records:
        port, target = _port(record), _target(record)
        if not target:
            yield bad(PART, f"{name} says that there is no such service", f"change it; {_ADVICE}")
        elif port not in ours:
            yield doubtful(
                PART,
                f"{name} leads to port {port}, and the listeners are on "
                f"{', '.join(map(str, sorted(ours))) or 'a free one'}",
                "right only where a router in between changes the port",
            )
        else:
            yield good(PART, f"{name} leads to {target}:{port}")


def _host(name: str, addresses: Sequence[str]) -> Finding:
    if not addresses:
        return bad(PART, f"{name} has no address", "add an A or AAAA record for it")
    return good(PART, f"{name} is {', '.join(addresses)}")


def _fallback(config: Config, addresses: Sequence[str]) -> Finding:
    if not addresses:
        return bad(
            PART,
            f"{config.domain} has neither SRV records nor an address: clients cannot find it",
            _ADVICE,
        )
    if any(endpoint.port == XMPP_PORT for endpoint in config.xmpp.listen):
        return doubtful(
            PART,
            f"{config.domain} has no SRV records; clients try {', '.join(addresses)} port 5222",
            f"add them, so that direct TLS is found as well; {_ADVICE}",
        )
    return bad(
        PART,
        f"{config.domain} has no SRV records, and no listener is on port 5222",
        _ADVICE,
    )


async def _addresses(resolver: Resolver, name: str) -> list[str]:
    both = await asyncio.gather(resolver.ask(name, "A"), resolver.ask(name, "AAAA"))
    return [address for records in both for address in records]


def _port(record: str) -> int:
    words = record.split()
    return int(words[2]) if len(words) == 4 and words[2].isdecimal() else 0


def _target(record: str) -> str:
    return record.rsplit(maxsplit=1)[-1].rstrip(".")


def _is_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        return False
    return True
