"""What the door tells Prometheus, and what an operator changes while it is open."""

from pathlib import Path
from typing import Any

import pytest

from clarion.config.load import from_mapping
from clarion.config.server import LimitsConfig
from clarion.core.events import PoliciesChanged
from clarion.xmpp.figures import door_figures
from fakes.world import DOMAIN, HEADER, World, world


def told(here: World) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix("clarion_"), *sample.labels.values()): sample.value
        for family in door_figures(here.door, here.services)
        for sample in family.samples
    }


def change(here: World, **raw: Any) -> None:
    config = from_mapping({"domain": DOMAIN, **raw}, Path("/etc/clarion"), {})
    here.services.bus.publish(PoliciesChanged(config, ()))


async def test_connections_sessions_and_stanzas_are_counted():
    async with world("ann", "bob") as here:
        stranger = here.connect()
        ann, bob = here.connect(), here.connect()
        await ann.log_in("ann")
        await bob.log_in("bob")
        for client in (ann, bob):
            await client.send("<presence/>")
        before = told(here)
        await ann.send(f"<message to='bob@{DOMAIN}' type='chat'><body>x</body></message>")
        await ann.send("<iq type='get' id='1'><query xmlns='nobody:knows'/></iq>")
        seen = told(here)
        assert seen["connections", "logging_in"] == 1
        assert seen["connections", "logged_in"] == 2
        assert seen["sessions", "connected"] == 2
        assert seen["sessions_begun_total", "bound"] == 2
        assert seen["log_ins_total", "good"] == 2
        assert seen["stanzas_total", "in"] - before["stanzas_total", "in"] == 2
        assert seen["stanzas_total", "out"] - before["stanzas_total", "out"] == 2
        assert seen["deliveries_total",] == 1
        assert seen["unacknowledged_stanzas",] == 1  # no ping has proved it yet
        assert seen["refusals_total", "service-unavailable"] == 1
        await bob.hang_up()
        after = told(here)
        assert after["sessions", "connected"] == 1
        assert after["deliveries_total",] == 1
        assert after["stanzas_total", "out"] >= seen["stanzas_total", "out"]
        await stranger.hang_up()


async def test_a_connection_that_is_cut_is_counted_by_its_limit():
    async with world(limits=LimitsConfig(strangers_per_address=1)) as here:
        here.connect()
        here.connect()
        assert told(here)["connections_refused_total", "strangers_per_address"] == 1


async def test_new_limits_hold_for_new_connections():
    async with world("ann") as here:
        before = here.connect()
        change(here, limits={"login_total_bytes": 10_240, "login_attempts": 2})
        after = here.connect()
        assert before.connection._ways.rules.login_attempts == 5
        assert after.connection._ways.rules.login_attempts == 2
        assert here.services.limits.login_attempts == 2
        await after.send(HEADER)
        await after.authenticate("ann", "secret")


@pytest.mark.parametrize("asked", [True, False])
async def test_new_policies_hold_for_everybody(asked: bool):
    async with world("ann", "bob") as here:
        ann, bob = here.connect(), here.connect()
        await ann.log_in("ann")
        await bob.log_in("bob")
        await bob.send("<presence/>")
        change(
            here,
            ledger={"ask": asked, "sync_counts": True, "relay_marks": 7},
            xmpp={"contact": {"admin": ["mailto:a@corp.example"]}},
        )
        bob.read()
        await ann.send(f"<message to='bob@{DOMAIN}' id='1' type='chat'><body>x</body></message>")
        (message,) = [one for one in bob.read() if one.tag.endswith("message")]
        assert (message.find("{urn:xmpp:chat-markers:0}markable") is not None) is asked
        assert here.services.sync_counts is True
        assert here.services.relay_marks == 7
        assert len(here.services.features.forms) == 1


async def test_fewer_failures_are_forgiven_at_once():
    async with world("ann") as here:
        change(here, limits={"login_failures_person": 1})
        assert here.door.throttle._person.free == 1
