"""Everybody's push devices in memory: limits, order, and the record of each."""

from dataclasses import replace

import pytest

from clarion.core.push import (
    DEVICES_LIMIT,
    OPTIONS_LIMIT_BYTES,
    RECORD_LIMIT,
    Device,
    Noted,
    PushDevices,
)
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store.push import DatabasePush
from fakes.organisation import Organisation

SERVICE = "push.client.example"


async def test_an_old_place_makes_room_one_that_was_given_up_first(house: Organisation):
    ann = (await house.directory.add_person("ann@corp.example")).number
    devices = house.devices
    assert not devices.any
    for number in range(DEVICES_LIMIT):
        await devices.enable(Device(ann, SERVICE, str(number), since=float(number)))
    await devices.give_up((ann, SERVICE, "7"), "gone", 99.0)
    await devices.enable(Device(ann, SERVICE, "new", since=100.0))
    nodes = [one.node for one in devices.of(ann)]
    assert len(nodes) == DEVICES_LIMIT
    assert "7" not in nodes
    await devices.enable(Device(ann, SERVICE, "newer", since=101.0))
    assert next(one.node for one in devices.of(ann)) == "1"
    fresh = PushDevices(DatabasePush(house.database))
    await fresh.load()
    assert fresh.of(ann) == devices.of(ann)


async def test_options_have_a_limit(house: Organisation):
    ann = (await house.directory.add_person("ann@corp.example")).number
    with pytest.raises(UsageError, match=str(OPTIONS_LIMIT_BYTES)):
        await house.devices.enable(Device(ann, SERVICE, "", b"x" * (OPTIONS_LIMIT_BYTES + 1)))
    assert house.devices.of(ann) == ()


async def test_what_went_alike_is_one_line_and_the_oldest_lines_go(house: Organisation):
    ann = (await house.directory.add_person("ann@corp.example")).number
    device = Device(ann, SERVICE, "")
    house.devices.note(device.key, Noted(0.0, "sent", "nobody has it"))
    assert house.devices.record(device.key) == ()
    await house.devices.enable(device)
    for at in (1.0, 2.0):
        house.devices.note(device.key, Noted(at, "held back", "desk was active"))
    assert house.devices.record(device.key) == (Noted(2.0, "held back", "desk was active", 2),)
    for at in range(RECORD_LIMIT):
        house.devices.note(device.key, Noted(at, "sent", str(at)))
    assert [one.why for one in house.devices.record(device.key)] == [
        str(at) for at in range(RECORD_LIMIT)
    ]


async def test_what_the_store_cannot_keep_did_not_happen(house: Organisation):
    ann = (await house.directory.add_person("ann@corp.example")).number
    device = Device(ann, SERVICE, "")
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.devices.enable(device)
    assert house.devices.of(ann) == ()
    await house.devices.enable(device)
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.devices.disable([device.key])
    assert house.devices.of(ann) == (device,)
    # A place that does not work is left alone even when that cannot be kept.
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.devices.give_up(device.key, "gone", 5.0)
    assert house.devices.of(ann) == (replace(device, error="gone", failed_at=5.0),)


async def test_who_is_deleted_has_none(house: Organisation):
    person = await house.directory.add_person("ann@corp.example")
    await house.devices.enable(Device(person.number, SERVICE, ""))
    house.devices.forget(person)
    assert not house.devices.any


async def test_nobody_sees_the_secret(house: Organisation):
    person = await house.directory.add_person("ann@corp.example")
    device = Device(person.number, SERVICE, "node", b"hush-hush", 10.0)
    assert "hush" not in repr(device)
    await house.devices.enable(device)
    house.devices.note(device.key, Noted(11.0, "sent", "nobody looked"))
    shown = await house.do("person.show", address=person.address)
    assert "hush" not in str(shown)
    assert shown["push"] == [
        {
            "service": SERVICE,
            "node": "node",
            "since": 10.0,
            "error": None,
            "failed_at": None,
            "record": [{"at": 11.0, "what": "sent", "why": "nobody looked", "times": 1}],
        }
    ]
