"""The verbs that look."""

import pytest

from clarion import __version__
from clarion.core.archive import pair_thread
from clarion.core.ledger import Act, Door
from clarion.lib.errors import UsageError
from fakes.organisation import Organisation

ANN, BOB = "ann@corp.example", "bob@corp.example"


async def test_the_ledger_is_shown_by_item_and_by_thread(house: Organisation):
    for address in (ANN, BOB):
        await house.directory.add_person(address)
    first, second = await house.send(ANN, BOB), await house.send(ANN, BOB)
    house.ledger.move(pair_thread(ANN, BOB), BOB, first, 12.5, Door.CHAT, Act.MARKED)
    read = {
        "item": house.seal.seal(first),
        "reader": BOB,
        "state": "read",
        "at": 12.5,
        "door": "chat",
        "act": "marked",
    }
    sent = {"item": house.seal.seal(second), "reader": BOB, "state": "sent"}
    sent |= dict.fromkeys(("at", "door", "act"))
    assert await house.do("ledger.show", item=house.seal.seal(first)) == [read]
    assert await house.do("ledger.show", a=BOB, b=ANN) == [read, sent]
    assert await house.do("ledger.show", a=BOB, b=ANN, limit=1) == [sent]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"a": ANN},
        {"item": "00" * 16, "a": ANN, "b": BOB},
        {"item": "short"},
        {"item": "00" * 16},
        {"a": ANN, "b": "nobody@corp.example"},
        {"a": ANN, "b": ANN, "limit": 0},
        {"a": ANN, "b": ANN, "limit": 1001},
    ],
)
async def test_what_cannot_be_shown_is_refused(house: Organisation, wrong: dict[str, object]):
    await house.directory.add_person(ANN)
    with pytest.raises(UsageError):
        await house.do("ledger.show", **wrong)


async def test_status_counts(house: Organisation):
    await house.do("person.add", address=ANN, department="Sales")
    await house.do("person.disable", address=ANN)
    assert await house.do("status") == {
        "version": __version__,
        "domain": "corp.example",
        "persons": 1,
        "disabled": 1,
        "departments": 1,
    }
