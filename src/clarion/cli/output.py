"""What commands print: JSON for programs, tables for people, a bar for those who wait."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from clarion.lib.clock import Clock

BAR_AFTER: Final = 1.0
"""Seconds of waiting before a bar is worth its line."""

_UNBOUNDED: Final = 1_000_000

F = TypeVar("F", bound=Callable[..., Any])

json_option: Callable[[F], F] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


def print_json(value: Any) -> None:
    """Print ``value`` for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table for people; whatever stands in a cell is shown as it is."""
    table = Table(
        *headers, box=None, pad_edge=False, header_style="bold", show_header=bool(headers)
    )
    for row in rows:
        table.add_row(*(Text(_visible(cell)) for cell in row))
    console = Console(file=sys.stdout)
    if not console.is_terminal:  # a file or pipe has no width: nothing is cut or wrapped
        console.width = _UNBOUNDED
        console.width = max(1, console.measure(table).maximum)
    console.print(table)


def moment(at: float | None) -> str:
    """Return UNIX seconds as local time; empty for none."""
    if at is None:
        return ""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


class Bar(AbstractContextManager["Bar"]):
    """A progress bar on standard error that shows up when something takes long.

    Only on a terminal. Call it with how much is done, and of how much.

    Args:
        label: What takes long, e.g. ``"Importing"``.
        clock: Tells how long it takes.
        terminal: Whether standard error is one; ``None``: find out.

    """

    def __init__(self, label: str, clock: Clock, *, terminal: bool | None = None) -> None:
        self._label = label
        self._clock = clock
        self._wanted = sys.stderr.isatty() if terminal is None else terminal
        self._begin = clock.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        if not self._wanted:
            return
        if self._progress is None:
            if self._clock.monotonic() - self._begin < BAR_AFTER:
                return
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                console=Console(file=sys.stderr, force_terminal=True),
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task(self._label, total=total)
        assert self._task is not None
        self._progress.update(self._task, completed=done, total=total)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()


def _visible(text: str) -> str:
    """Show control characters, which could move the terminal's cursor, as what they are."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
