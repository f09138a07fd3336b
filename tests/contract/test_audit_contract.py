"""What every engine promises of ``core.audit.AuditStore``."""

import pytest

from clarion.core.audit import Entry, Head, entry, verify
from clarion.core.ports import Database, EntityId, Shape, WriteOp
from clarion.lib.errors import UsageError
from clarion.store.audit import DatabaseAudit

SQL = "SELECT number, at, actor, verb, target, details, hash FROM audit ORDER BY number"


def one(number: int) -> Entry:
    return entry(
        1_750_000_000.0 + number, "cli:0", "person.add", "\u00e4@corp.example", {"n": number}
    )


async def test_entries_are_chained_in_the_order_of_their_transactions(database: Database):
    audit = DatabaseAudit(database)
    assert await audit.head() == Head(0, "")
    for future in [audit.append(one(number)) for number in range(20)]:
        await future
    rows = await database.read(SQL)
    head = await audit.head()
    verdict = verify(rows, [head])
    assert (verdict.good, verdict.entries, head.number) == (True, 20, 20)
    assert [row[1] for row in rows] == [1_750_000_000.0 + number for number in range(20)]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit WHERE number = 2",
        "INSERT INTO audit VALUES (9, 1.0, 'a', 'v', 't', '{}', 'h')",
        "INSERT OR REPLACE INTO audit VALUES (1, 1.0, 'a', 'v', 't', '{}', 'h')",
    ],
)
async def test_the_log_is_only_appended_to(database: Database, sql: str):
    audit = DatabaseAudit(database)
    await audit.append(one(1))
    await audit.append(one(2))
    before = await database.read(SQL)
    with pytest.raises(UsageError, match="the audit log is only appended to"):
        await database.put(EntityId("x"), WriteOp(Shape((sql,)), ((),)))
    assert await database.read(SQL) == before
