"""Entries are kept with what they tell of, and the head is written down."""

import asyncio
import json
from typing import Any

import pytest

from clarion.core.audit import HEAD, SERVER, Head, verify
from clarion.core.auditor import (
    EXPORT_PAUSE,
    RETRY_AFTER,
    SLOWED_LIMIT,
    SLOWED_PAUSE,
    WAITING_LIMIT,
)
from clarion.core.auditor import log as audit_log
from clarion.core.events import AdministrationDone, LogInSlowed
from clarion.lib.errors import UnavailableError, UsageError
from fakes.organisation import Organisation

SQL = "SELECT number, at, actor, verb, target, details, hash FROM audit ORDER BY number"


async def rows(house: Organisation) -> list[Any]:
    found = await house.database.read(SQL)
    assert verify(found).good
    return [(row[2], row[3], row[4], json.loads(str(row[5]))) for row in found]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_entry_is_in_the_transaction_of_the_act(house: Organisation):
    with house.auditor.act("cli:7", "person.add", "ann@corp.example", {}) as act:
        await house.directory.add_person("ann@corp.example")
        await house.directory.add_person("bob@corp.example")
        await house.auditor.finish(act)
    assert await rows(house) == [("cli:7", "person.add", "ann@corp.example", {})]
    _, op = house.database.writes[0]
    assert op.shape.statements[0].startswith("INSERT INTO audit")
    assert any("INSERT INTO person" in sql for sql in op.shape.statements)


async def test_an_act_whose_write_fails_leaves_no_entry_and_another_write_may_take_it(
    house: Organisation,
):
    with house.auditor.act("cli:7", "person.add", "ann@corp.example", {}) as act:
        house.database.fail_next(UnavailableError("full"))
        with pytest.raises(UnavailableError):
            await house.directory.add_person("ann@corp.example")
        assert await rows(house) == []
        await house.directory.add_person("ann@corp.example")
        await house.auditor.finish(act)
    assert len(await rows(house)) == 1


async def test_an_act_that_writes_nothing_gets_its_entry_in_the_end(house: Organisation):
    with house.auditor.act("cli:7", "reload", "", {"a": 1}) as act:
        await house.auditor.finish(act, {"changed": ["x"]})
    assert await rows(house) == [("cli:7", "reload", "", {"changed": ["x"]})]


async def test_tasks_that_an_act_spawns_belong_to_it_and_others_do_not(house: Organisation):
    async def add(name: str) -> None:
        await house.directory.add_person(f"{name}@corp.example")

    with house.auditor.act("cli:7", "person.import", "", {"persons": 2}):
        async with asyncio.TaskGroup() as group:
            group.create_task(add("ann"))
            group.create_task(add("bob"))
    await add("cai")
    assert [row[1] for row in await rows(house)] == ["person.import"]


async def test_commands_over_the_wire_are_noted(house: Organisation):
    house.bus.publish(AdministrationDone("ann@corp.example", "person.disable", "bob@corp.example"))
    assert await rows(house) == [("ann@corp.example", "person.disable", "bob@corp.example", {})]


async def test_what_the_store_refuses_is_tried_again_in_order(house: Organisation):
    house.database.fail_next(UnavailableError("full"))
    house.auditor.note("a", "first")
    await turns()
    house.auditor.note("a", "second")
    assert await rows(house) == []
    house.clock.advance(RETRY_AFTER)
    await turns()
    assert [row[1] for row in await rows(house)] == ["first", "second"]


async def test_no_more_than_so_many_entries_wait(
    house: Organisation, monkeypatch: pytest.MonkeyPatch
):
    lost: list[str] = []
    monkeypatch.setattr(
        "clarion.core.auditor.log",
        type("Log", (), {"error": lambda self, event, **values: lost.append(event)})(),
    )
    house.database.fail_next(UnavailableError("full"))
    for number in range(WAITING_LIMIT + 2):
        house.auditor.note("a", f"v{number}")
        if not number:
            await turns()
    assert lost == ["the audit log waits for the store"] + ["not in the audit log"] * 2
    house.clock.advance(RETRY_AFTER)
    await turns()
    assert len(await rows(house)) == WAITING_LIMIT


async def test_a_refused_entry_is_said_in_the_log(
    house: Organisation, monkeypatch: pytest.MonkeyPatch
):
    lost: list[str] = []
    monkeypatch.setattr(
        "clarion.core.auditor.log",
        type("Log", (), {"error": lambda self, event, **values: lost.append(values["entry"])})(),
    )
    house.database.fail_next(UsageError("no"))
    house.auditor.note("a", "verb", "target")
    await turns()
    assert '"verb","target"' in lost[0]


async def test_failed_log_ins_become_one_entry_a_minute(house: Organisation):
    await house.directory.add_person("ann@corp.example")
    house.auditor.know(house.directory.person)
    for _ in range(3):
        house.bus.publish(LogInSlowed("ann@corp.example", "192.0.2.1"))
    assert await rows(house) == []
    house.clock.advance(SLOWED_PAUSE)
    told = {"attempts": 3, "networks": ["192.0.2.1"], "persons": {"ann@corp.example": 3}}
    assert await rows(house) == [(SERVER, "login.slowed", "ann@corp.example", told)]
    for number in range(SLOWED_LIMIT * 2):
        house.bus.publish(LogInSlowed(f"typed-{number}", f"192.0.2.{number}"))
    house.clock.advance(SLOWED_PAUSE)
    _, (_, _, target, details) = await rows(house)
    assert (target, details["attempts"], details["persons"]) == ("", SLOWED_LIMIT * 2, {})
    assert len(details["networks"]) == SLOWED_LIMIT


async def test_heads_go_to_the_log_at_the_start_at_changes_and_in_the_end(
    house: Organisation, monkeypatch: pytest.MonkeyPatch
):
    lines: list[str] = []

    def info(event: str, **values: Any) -> None:
        assert event == HEAD
        lines.append(values["head"].partition(":")[0])

    monkeypatch.setattr(audit_log, "info", info, raising=False)
    async with house.auditor.serve():
        assert lines == ["0"]
        house.auditor.note("a", "one")
        await turns()
        assert lines == ["0", "1"]
        house.auditor.note("a", "two")
        house.auditor.note("a", "three")
        await turns()
        assert lines == ["0", "1"]
        house.clock.advance(EXPORT_PAUSE)
        await turns()
        assert lines == ["0", "1", "3"]
        house.bus.publish(LogInSlowed("x", "192.0.2.1"))
        await turns()
    assert lines == ["0", "1", "3", "4"]
    assert isinstance(await house.audit.head(), Head)
