"""Connections are counted by their network address; strangers, who may be fewer, too."""

from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from clarion.config.server import LimitsConfig
from clarion.lib.log import RateLimited, get_logger
from clarion.xmpp.tally import Tally
from clarion.xmpp.turnstile import Turnstile
from fakes.clock import FakeClock


class Stranger(SimpleNamespace):
    __hash__ = object.__hash__


def stranger(host: str = "192.0.2.1") -> Any:
    return Stranger(host=host)


@pytest.fixture
def turnstile() -> Turnstile:
    limits = LimitsConfig(connections_per_address=3, strangers_per_address=2)
    return Turnstile(limits, Tally(), RateLimited(get_logger("xmpp"), 5), FakeClock())


async def test_strangers_of_one_address_are_so_many_until_they_log_in(turnstile: Turnstile):
    one, two, three = stranger(), stranger(), stranger()
    assert turnstile.joined(one)
    assert turnstile.joined(two)
    with capture_logs() as lines:
        assert not turnstile.joined(three)
    assert lines[0]["limit"] == "limits.strangers_per_address"
    turnstile.carries(one)
    turnstile.carries(one)
    assert turnstile.strangers == 1
    assert turnstile.joined(three)
    assert not turnstile.joined(stranger())  # three connections in all
    assert turnstile.joined(stranger("198.51.100.1"))


async def test_who_has_gone_makes_room(turnstile: Turnstile):
    here = [stranger() for _ in range(2)]
    for one in here:
        assert turnstile.joined(one)
    for one in here:
        turnstile.left(one)
        turnstile.left(one)
    await turnstile.empty()
    assert (turnstile.connections, turnstile.strangers) == (set(), 0)
    assert turnstile.joined(stranger())


async def test_nobody_comes_in_once_it_is_closed(turnstile: Turnstile):
    turnstile.closed = True
    assert not turnstile.joined(stranger())
