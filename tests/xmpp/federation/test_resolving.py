"""RFC 6120 section 3.2, RFC 2782, XEP-0368."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.lib.errors import UnavailableError
from clarion.xmpp.federation.resolving import (
    SERVER_PORT,
    TARGETS_LIMIT,
    Service,
    Target,
    ascii_name,
    by_weight,
    targets,
)


class Names:
    """Knows what it is told."""

    def __init__(
        self, services: dict[str, list[Service]], addresses: dict[str, list[str]] | None = None
    ) -> None:
        self._services = services
        self._addresses = addresses or {}

    async def services(self, name: str) -> Sequence[Service]:
        return self._services.get(name, [])

    async def addresses(self, host: str) -> Sequence[str]:
        return self._addresses.get(host, [])


ADDRESSES = {
    "one.b.example": ["192.0.2.1"],
    "two.b.example": ["2001:db8::2", "192.0.2.2"],
    "b.example": ["192.0.2.9"],
}


def lowest(_: int) -> int:
    return 0


async def test_both_kinds_of_records_are_one_list_by_priority():
    names = Names(
        {
            "_xmpp-server._tcp.b.example": [Service(10, 0, 5269, "one.b.example")],
            "_xmpps-server._tcp.b.example": [
                Service(20, 0, 443, "one.b.example"),
                Service(5, 0, 5270, "two.b.example"),
            ],
        },
        ADDRESSES,
    )
    assert await targets("b.example", names, lowest) == [
        Target("2001:db8::2", 5270, direct=True),
        Target("192.0.2.2", 5270, direct=True),
        Target("192.0.2.1", 5269, direct=False),
        Target("192.0.2.1", 443, direct=True),
    ]


async def test_without_records_the_domain_itself_is_tried():
    found = await targets("b.example", Names({}, ADDRESSES), lowest)
    assert found == [Target("192.0.2.9", SERVER_PORT, direct=False)]


async def test_a_dot_says_that_there_is_no_server():
    names = Names({"_xmpp-server._tcp.b.example": [Service(0, 0, 0, ".")]}, ADDRESSES)
    with pytest.raises(UnavailableError, match="has no server"):
        await targets("b.example", names, lowest)


async def test_a_domain_without_an_address_has_no_server():
    with pytest.raises(UnavailableError, match="no address"):
        await targets("nowhere.example", Names({}), lowest)


async def test_only_so_many_addresses_are_tried():
    many = [f"192.0.2.{number}" for number in range(50)]
    names = Names({}, {"b.example": many})
    assert len(await targets("b.example", names, lowest)) == TARGETS_LIMIT


def test_an_international_domain_is_asked_for_as_the_dns_has_it():
    assert ascii_name("bücher.example") == "xn--bcher-kva.example"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=8), st.randoms())
def test_every_record_comes_once_and_priorities_rise(found, chance):
    records = [(Service(p, w, n, "h"), False) for n, (p, w) in enumerate(found)]
    ordered = by_weight(records, chance.randrange)
    assert sorted(ordered, key=lambda one: one[0].port) == records
    priorities = [service.priority for service, _ in ordered]
    assert priorities == sorted(priorities)


def test_weight_decides_who_is_first():
    light, heavy = (Service(0, 1, 1, "a"), False), (Service(0, 3, 2, "b"), False)
    firsts = [by_weight([heavy, light], lambda _, n=n: min(n, _ - 1))[0] for n in range(5)]
    assert firsts == [light, light, heavy, heavy, heavy]
