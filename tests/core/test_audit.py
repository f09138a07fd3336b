"""The chain: whatever is done to it afterwards is found, and it is said where."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.audit import (
    FAULTS_LIMIT,
    TEXT_LIMIT,
    Head,
    entry,
    heads_in,
    link,
    parse_head,
    verify,
)

Row = tuple[Any, ...]


def chain(count: int, start: float = 1_750_000_000.0) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, count + 1):
        one = entry(start + number, "cli:0", "person.add", f"p{number}@corp.example", {"n": number})
        previous = rows[-1][6] if rows else ""
        hash_ = link(previous, number, one.canonical)
        rows.append((number, one.at, one.actor, one.verb, one.target, one.details, hash_))
    return rows


def head_of(rows: list[Row]) -> Head:
    return Head(rows[-1][0], rows[-1][6], "the log")


def test_a_whole_chain_is_good():
    rows = chain(5)
    verdict = verify(rows, [head_of(rows), head_of(rows[:2])])
    assert (verdict.good, verdict.entries, verdict.heads) == (True, 5, 2)
    assert str(verdict.head) == f"5:{rows[4][6]}"
    assert verify([]).good


@pytest.mark.parametrize("column", range(1, 7))
def test_one_changed_field_is_named_and_nothing_else(column: int):
    rows = chain(5)
    row = list(rows[2])
    row[column] = 1.5 if column == 1 else ("0" * 64 if column == 6 else "{}")
    rows[2] = tuple(row)
    assert verify(rows).faults == ["entry 3 was changed: its hash does not fit"]


def test_another_type_is_a_change():
    rows = chain(3)
    for column, value in ((1, 1_750_000_002), (2, b"cli:0"), (5, None)):
        row = list(rows[1])
        row[column] = value
        changed = [rows[0], tuple(row), rows[2]]
        assert "entry 2 was changed" in verify(changed).faults[0]


def test_what_is_missing_is_counted():
    rows = chain(6)
    assert verify([rows[0], *rows[2:]]).faults == ["entry 2 is missing"]
    assert verify([rows[0], *rows[4:]]).faults == ["entries 2 to 4 are missing"]
    assert verify(rows[1:]).faults == ["entry 1 is missing"]
    (fault,) = verify(rows[:4], [head_of(rows)]).faults
    assert fault == (
        "2 entries are missing at the end: the log ends with 4, and 6 was written down (the log)"
    )
    (fault,) = verify(rows[:5], [head_of(rows)]).faults
    assert fault.startswith("1 entry is missing at the end")
    assert not verify([], [head_of(rows)]).good


def test_a_chain_made_anew_does_not_fit_the_heads():
    rows, anew = chain(4), chain(4, start=1.0)
    assert verify(anew).good  # by itself nothing is wrong with it
    (fault,) = verify(anew, [head_of(rows)]).faults
    assert "entry 4 is not the one that was written down as the head (the log)" in fault


def test_a_restored_backup_explains_heads_of_the_log_that_it_replaced():
    rows = chain(6)
    kept = rows[:3]
    one = entry(2e9, "cli:0", "restore", "clarion.db", {"replaced": str(head_of(rows))})
    kept.append((4, one.at, one.actor, one.verb, one.target, one.details,
                 link(kept[-1][6], 4, one.canonical)))  # fmt: skip
    verdict = verify(kept, [head_of(rows), head_of(rows[:4]), head_of(rows[:2])])
    assert (verdict.good, verdict.replaced) == (True, 2)
    later = Head(7, "0" * 64)
    assert not verify(kept, [later]).good


def test_faults_are_bounded():
    rows = [(*row[:4], "x", *row[5:]) for row in chain(FAULTS_LIMIT + 5)]
    verdict = verify(rows)
    assert (len(verdict.faults), verdict.more_faults) == (FAULTS_LIMIT, 5)


def test_heads_are_found_in_logs_of_both_formats():
    hash_ = "ab" * 32
    lines = [
        f'{{"event":"audit head","head":"12:{hash_}"}}',
        f"2026-11-22T10:00:00.000Z info audit: audit head head=13:{hash_}",
        f"something else 14:{hash_}",
        "audit head head=0:",
    ]
    assert [(head.number, head.source) for head in heads_in(lines, "x.log")] == [
        (12, "x.log, line 1"),
        (13, "x.log, line 2"),
    ]
    assert parse_head(f"1:{hash_}") == Head(1, hash_)
    assert parse_head("1:abc") is None
    assert parse_head(f"{'9' * 19}:{hash_}") is None


def test_texts_are_cut_and_can_be_stored():
    one = entry(1.23456, "a" * 2000, "v", "\ud800", {"b": 1, "a": "\u00e9"})
    assert (one.at, len(one.actor), one.target) == (1.235, TEXT_LIMIT, "\\ud800")
    assert one.details == '{"a":"\\u00e9","b":1}'


texts = st.text(max_size=8)


@settings(deadline=None, max_examples=300)
@given(data=st.data(), count=st.integers(1, 12))
def test_any_change_deletion_or_reordering_is_found(data: st.DataObject, count: int):
    rows = chain(count)
    head = head_of(rows)
    kind = data.draw(st.sampled_from(("change", "delete", "swap", "repeat", "insert")))
    at = data.draw(st.integers(0, count - 1))
    changed = list(rows)
    if kind == "change":
        column = data.draw(st.integers(0, 6))
        value = data.draw(
            st.one_of(
                texts, st.floats(allow_nan=False), st.integers(), st.binary(max_size=8), st.none()
            )
        )
        row = list(changed[at])
        row[column] = value
        changed[at] = tuple(row)
    elif kind == "delete":
        del changed[at : at + data.draw(st.integers(1, count))]
    elif kind == "swap":
        other = data.draw(st.integers(0, count - 1))
        # In the places of each other, numbers and all, or under each other's number.
        a, b = changed[at], changed[other]
        if data.draw(st.booleans()):
            changed[at], changed[other] = b, a
        else:
            changed[at], changed[other] = (a[0], *b[1:]), (b[0], *a[1:])
    elif kind == "repeat":
        changed.insert(at, changed[at])
    else:
        changed.insert(at, (at + 1, *changed[at][1:6], "f" * 64))
    same = changed == rows and [[type(v) for v in row] for row in changed] == [
        [type(v) for v in row] for row in rows
    ]
    assert verify(changed, [head]).good is same
