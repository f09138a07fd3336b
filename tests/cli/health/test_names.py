from collections.abc import Mapping, Sequence
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest

from clarion.cli.health.finding import Finding
from clarion.cli.health.names import CouldNotAskError, SystemResolver, look
from clarion.config.load import from_mapping

CLIENT, CLIENTS = "_xmpp-client._tcp.corp.org", "_xmpps-client._tcp.corp.org"
GOOD = {
    (CLIENT, "SRV"): ("5 0 5222 chat.corp.org.",),
    (CLIENTS, "SRV"): ("5 0 5223 chat.corp.org.",),
    ("chat.corp.org", "A"): ("192.0.2.1",),
    ("chat.corp.org", "AAAA"): ("2001:db8::1",),
}


class Zone:
    """Implements ``Resolver``."""

    def __init__(self, records: Mapping[tuple[str, str], Sequence[str]]) -> None:
        self.records = records

    async def ask(self, name: str, kind: str) -> Sequence[str]:
        return self.records.get((name, kind), ())


class Silence:
    """Implements ``Resolver`` where there is no network."""

    async def ask(self, name: str, kind: str) -> Sequence[str]:
        raise CouldNotAskError("nobody answers")


async def found(
    records: Mapping[tuple[str, str], Sequence[str]], domain: str = "corp.org", **xmpp: list[str]
) -> list[Finding]:
    config = from_mapping({"domain": domain, "xmpp": xmpp}, Path("/etc/clarion"), {})
    return await look(config, Zone(records))


async def told(records: Mapping[tuple[str, str], Sequence[str]], **xmpp: list[str]) -> list[str]:
    return [f"{one.verdict}: {one.text}" for one in await found(records, **xmpp)]


async def test_all_records_are_there():
    assert await told(GOOD) == [
        f"good: {CLIENT} leads to chat.corp.org:5222",
        f"good: {CLIENTS} leads to chat.corp.org:5223",
        "good: chat.corp.org is 192.0.2.1, 2001:db8::1",
    ]


async def test_one_service_lacks_its_record():
    some = {key: value for key, value in GOOD.items() if key[0] != CLIENTS}
    assert f"doubtful: {CLIENTS} has no SRV record" in await told(some)


async def test_a_service_that_is_off_needs_no_record():
    some = {key: value for key, value in GOOD.items() if key[0] != CLIENTS}
    assert len(await told(some, listen_tls=[])) == 2


async def test_another_port_is_doubtful():
    lines = await told(GOOD, listen=["0.0.0.0:5999"])
    assert lines[0] == f"doubtful: {CLIENT} leads to port 5222, and the listeners are on 5999"


async def test_a_record_that_says_no():
    lines = await told(GOOD | {(CLIENT, "SRV"): ("0 0 0 .",)})
    assert lines[0] == f"bad: {CLIENT} says that there is no such service"


async def test_a_target_without_an_address():
    lines = await told({key: value for key, value in GOOD.items() if key[1] == "SRV"})
    assert lines[-1] == "bad: chat.corp.org has no address"


async def test_without_records_the_domain_itself_must_do():
    assert (await told({}))[0].startswith("bad: corp.org has neither SRV records nor an address")
    only = {("corp.org", "A"): ("192.0.2.1",)}
    assert (await told(only))[0].startswith("doubtful: corp.org has no SRV records; clients try")
    assert (await told(only, listen=["0.0.0.0:5999"]))[0].startswith("bad: ")


@pytest.mark.parametrize("domain", ["192.0.2.1", "localhost", "corp.example", "chat.corp.test"])
async def test_names_that_no_public_dns_knows(domain: str):
    (finding,) = await found({}, domain)
    assert finding.verdict == "good"


async def test_without_a_network_it_could_not_ask():
    config = from_mapping({"domain": "corp.org"}, Path("/etc/clarion"), {})
    (finding,) = await look(config, Silence())
    assert (finding.verdict, finding.text) == ("doubtful", "could not ask: nobody answers")


async def test_the_systems_resolver(monkeypatch: pytest.MonkeyPatch):
    answers: list[object] = [["192.0.2.1"], dns.resolver.NXDOMAIN(), dns.exception.Timeout()]

    async def resolve(name: str, kind: str, lifetime: float) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(dns.asyncresolver, "resolve", resolve)
    resolver = SystemResolver()
    assert await resolver.ask("x.example", "A") == ("192.0.2.1",)
    assert await resolver.ask("x.example", "A") == ()
    with pytest.raises(CouldNotAskError):
        await resolver.ask("x.example", "A")


async def test_other_servers_find_this_one_by_records_of_their_own():
    records = GOOD | {("_xmpp-server._tcp.corp.org", "SRV"): ("5 0 5269 chat.corp.org.",)}
    lines = await told(records, listen_server=["0.0.0.0:5269"], listen_server_tls=["0.0.0.0:5270"])
    assert "good: _xmpp-server._tcp.corp.org leads to chat.corp.org:5269" in lines
    assert "doubtful: _xmpps-server._tcp.corp.org has no SRV record" in lines
