import ipaddress

import pytest

from clarion.web.forwarding import HOPS_LIMIT, client_of, is_among

PROXIES = (ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("2001:db8::/64"))


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["203.0.113.9, 192.0.2.7"], "192.0.2.7"),  # the first is only said
        ("10.0.0.1", ["203.0.113.9", "192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
        ("10.0.0.1", ["[2001:db8:1::7]:4711"], "2001:db8:1::7"),
        ("10.0.0.1", ["2001:db8:1::7"], "2001:db8:1::7"),
        ("10.0.0.1", ["192.0.2.7, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["192.0.2.7, "], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7," + "10.0.0.2," * 100 + "10.0.0.2"], "10.0.0.2"),
    ],
)
def test_the_nearest_hop_that_is_no_proxy(peer: str, headers: list[str], client: str):
    assert client_of(peer, headers, PROXIES) == client


def test_only_so_many_hops_are_looked_at():
    assert client_of("10.0.0.1", ["192.0.2.7" + ",10.0.0.2" * (HOPS_LIMIT - 1)], PROXIES) == (
        "192.0.2.7"
    )
    assert client_of("10.0.0.1", ["192.0.2.7" + ",10.0.0.2" * HOPS_LIMIT], PROXIES) == "10.0.0.2"


def test_who_is_a_proxy():
    assert is_among("::ffff:10.0.0.7", PROXIES)
    assert is_among("2001:db8::1%eth0", PROXIES)
    assert not is_among("10.0.1.7", PROXIES)
    assert not is_among("local", PROXIES)
