"""Reads people from CSV (RFC 4180): a header in any order, then a line each.

Commas, semicolons and tabs separate; spreadsheets write all three. Nothing is
judged here but the form: what stands in the columns is the server's to judge.
"""

import csv
import difflib
from collections.abc import Sequence
from typing import Final

from clarion.admin.importing import COLUMNS

SEPARATORS: Final = ",;\t"

Record = dict[str, str | int]
Fault = tuple[int, str]


def read_columns(text: str) -> tuple[Sequence[Record], Sequence[Fault]]:
    """Return a record for each line that has a form, and a fault for each that has none.

    Args:
        text: The whole file.

    """
    lines = text.splitlines(keepends=True)
    head = next((line for line in lines if line.strip()), "")
    separator = max(SEPARATORS, key=head.count)
    rows = csv.reader(lines, delimiter=separator, strict=True)
    records: list[Record] = []
    faults: list[Fault] = []
    header: list[str] | None = None
    start = 1
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            faults.append((start, f"is no CSV: {error}"))
            break
        line, start = start, rows.line_num + 1
        if row is None:
            break
        if not any(cell.strip() for cell in row):
            continue
        if header is None:
            header = [_column(cell) for cell in row]
            faults += [(line, fault) for fault in _header_faults(header)]
            if faults:
                break
        elif len(row) > len(header):
            faults.append((line, f"has {len(row)} columns, the header {len(header)}"))
        else:
            records.append({"line": line, **dict(zip(header, row, strict=False))})
    if header is None and not faults:
        faults.append((1, f"there is no header, such as {','.join(COLUMNS)}"))
    return records, faults


def _column(cell: str) -> str:
    return cell.strip().lower().replace(" ", "_").replace("-", "_")


def _header_faults(header: Sequence[str]) -> list[str]:
    faults = []
    for name in header:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else f" ({', '.join(COLUMNS)})"
            faults.append(f"no such column: {name!r}{meant}")
    faults += [
        f"column {name!r} is there twice"
        for name in dict.fromkeys(header)
        if header.count(name) > 1 and name in COLUMNS
    ]
    if "address" not in header and not faults:
        faults.append("the column 'address' is missing")
    return faults
