"""Every verb that changes something leaves one entry, without what is secret or personal."""

import json
from dataclasses import replace
from typing import Any

import pytest

from clarion.admin.audited import CHANGES, LOOKING, local_actor
from clarion.admin.verbs import VERBS, perform
from clarion.core.audit import verify
from clarion.lib.errors import ClarionError
from fakes.organisation import Organisation

ANN, BOB = "ann@corp.example", "bob@corp.example"
SALES = "sales@corp.example"
SQL = "SELECT number, at, actor, verb, target, details, hash FROM audit ORDER BY number"


async def entries(house: Organisation) -> list[Any]:
    rows = await house.database.read(SQL)
    assert verify(rows).good
    return [(row[3], row[4], json.loads(str(row[5]))) for row in rows]


def test_every_verb_is_known_to_change_something_or_to_look():
    assert set(VERBS) == set(CHANGES) | LOOKING
    assert not set(CHANGES) & LOOKING


async def test_what_each_verb_leaves(house: Organisation):
    await house.do(
        "person.add",
        address="ANN@corp.example",
        name="Ann Xylophone",
        phone="+4930123456",
        password="very-secret",
        admin=True,
        department=None,
    )
    await house.do("department.add", department="Sales", name="Sales")
    await house.do("department.join", department="Sales", persons=[ANN], title="Boss")
    await house.do("person.set", address=ANN, language="de", admin=False)
    await house.do("person.password", address=ANN, password=None)
    await house.do("person.app_password.add", address=ANN, label="Ann's telephone")
    await house.do("person.disable", address=ANN)
    await house.do("person.enable", address=ANN)
    await house.do("person.import", persons=[{"address": BOB, "name": "Bob"}], dry=True)
    await house.do("person.import", persons=[{"address": BOB, "name": "Bob"}])
    await house.do("department.leave", department=SALES, persons=[ANN])
    await house.do("department.set", department=SALES, name="Sell", parent="")
    await house.do("department.remove", department="Sell", members=False)
    await house.do("backup", file="/b/x.db", size_bytes=7)
    await house.do("person.list")
    assert await entries(house) == [
        ("person.add", ANN, {"admin": True, "given": ["name", "password", "phone"]}),
        ("department.add", "Sales", {"given": ["name"]}),
        ("department.join", SALES, {"given": ["title"], "persons": [ANN]}),
        ("person.set", ANN, {"admin": False, "given": ["language"]}),
        ("person.password", ANN, {"removed": True}),
        ("person.app_password.add", ANN, {"given": ["label"]}),
        ("person.disable", ANN, {}),
        ("person.enable", ANN, {}),
        ("person.import", "", {"persons": 1, "update": False}),
        ("department.leave", SALES, {"persons": [ANN]}),
        ("department.set", SALES, {"given": ["name"], "parent": ""}),
        ("department.remove", SALES, {}),
        ("backup", "/b/x.db", {"size_bytes": 7}),
    ]
    actors = await house.database.read("SELECT DISTINCT actor FROM audit")
    assert actors == [(local_actor(),)]
    assert local_actor(7) == "cli:7"


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("person.add", {"address": "x@elsewhere.example"}),
        ("person.add", {"address": ANN, "phone": "no"}),
        ("person.disable", {"address": BOB}),
        ("department.join", {"department": "nobody", "persons": [BOB]}),
        ("department.join", {"department": "a b@corp.example", "persons": 7}),
        ("person.import", {"persons": [{"address": "nonsense"}]}),
        ("person.import", {"persons": "nonsense"}),
        ("person.offer", {"to": BOB, "contacts": [BOB]}),
        ("person.erase", {"address": BOB}),
        ("retention.run", {}),
        ("no.such.verb", {}),
    ],
)
async def test_what_is_refused_leaves_nothing(
    house: Organisation, verb: str, arguments: dict[str, Any]
):
    with pytest.raises(ClarionError):
        await house.do(verb, **arguments)
    assert await entries(house) == []


async def test_the_entry_is_in_the_first_transaction_of_a_verb(house: Organisation):
    await house.do("person.add", address=ANN, password="secret")
    first = house.database.writes[0][1].shape.statements
    assert "INSERT INTO audit" in first[0]
    assert any("INSERT INTO person" in sql for sql in first)
    assert (
        sum("audit" in sql for _, op in house.database.writes for sql in op.shape.statements) == 1
    )


async def test_who_asks_is_named(house: Organisation):
    await perform(house.desk, "person.add", {"address": ANN}, lambda *_: None, "cli:1234")
    assert await house.database.read("SELECT actor FROM audit") == [("cli:1234",)]


async def test_a_desk_without_these_parts_refuses(house: Organisation):

    house.desk = replace(house.desk, erasure=None, retention=None)
    for verb, arguments in (("person.erase", {"address": ANN}), ("retention.run", {})):
        with pytest.raises(ClarionError, match="here"):
            await house.do(verb, **arguments)
