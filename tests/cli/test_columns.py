"""People in CSV: a header in any order, separators of every spreadsheet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.cli.columns import read_columns


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_may_come_in_any_order(separator: str):
    text = "Phone,Time Zone,address\n1,UTC,ann\n,,bob\n".replace(",", separator)
    records, faults = read_columns(text)
    assert faults == []
    assert records == [
        {"line": 2, "phone": "1", "time_zone": "UTC", "address": "ann"},
        {"line": 3, "phone": "", "time_zone": "", "address": "bob"},
    ]


def test_lines_are_counted_as_an_editor_does():
    records, _ = read_columns('\naddress,name\n\nann,"A\nB"\n\n   \nbob\n')
    assert [(one["line"], one["address"]) for one in records] == [(4, "ann"), (8, "bob")]
    assert records[0]["name"] == "A\nB"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", [(1, "there is no header")]),
        ("\n\n", [(1, "there is no header")]),
        ("name\nx\n", [(1, "the column 'address' is missing")]),
        ("adress,name\n", [(1, "no such column: 'adress'; did you mean 'address'?")]),
        ("address,shoe size\n", [(1, "no such column: 'shoe_size' (address, ")]),
        ("address,name,name\n", [(1, "column 'name' is there twice")]),
        ("address\na,b\nc\nd,e\n", [(2, "has 2 columns"), (4, "has 2 columns")]),
        ('address\n"a"b\n', [(2, "is no CSV: ")]),
        ('address\nann\n"open', [(3, "is no CSV: ")]),
        ("address\n" + "x" * 200_000, [(2, "is no CSV: ")]),
    ],
)
def test_what_has_no_form_is_told(text: str, faults: list[tuple[int, str]]):
    _, found = read_columns(text)
    assert len(found) == len(faults)
    for (line, told), (expected_line, start) in zip(found, faults, strict=True):
        assert (line, told[: len(start)]) == (expected_line, start)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str):
    records, faults = read_columns(text)
    assert faults or all("address" in record for record in records)


@settings(deadline=None)
@given(st.text(alphabet=',;"\n\r\tab '))
def test_any_rows_are_read_or_refused(text: str):
    records, faults = read_columns("address,name\n" + text)
    lines = [record["line"] for record in records]
    assert lines == sorted(set(lines), key=int)
    assert faults or all(isinstance(record["address"], str) for record in records)
