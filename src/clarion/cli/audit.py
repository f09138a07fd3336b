"""``clarion audit``: who has administered what, and whether that record is whole.

It reads the database file itself, beside a running server or without one, so
what it says does not depend on the server that is being judged.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from clarion.cli.output import json_option, moment, print_json, print_table
from clarion.cli.root import DONE, REFUSED
from clarion.cli.settings import config_option, usable
from clarion.core.audit import Head, Verdict, heads_in, parse_head, verify
from clarion.store.audit_reading import AuditRow, chosen_rows, every_row, opened

SHOWN: Final = 50
"""Entries that are listed unless another number is asked for."""
SHOWN_LIMIT: Final = 100_000
"""LIMIT: entries that are listed; ``export`` takes all."""

database_option = click.option(
    "--database",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Another database file, such as a backup.",
)


@click.group("audit", no_args_is_help=False)
def command() -> None:
    """Show who has administered what, and check that the record is whole."""


@command.command("list")
@click.option("--since", metavar="TIME", help="ISO 8601, e.g. 2026-11-01 or 2026-11-01T08:00Z.")
@click.option("--actor", help="cli:UID, an administrator's address, or server.")
@click.option("--verb", help="E.g. person.add; person stands for all that begin so.")
@click.option("--target", help="E.g. the address of a person.")
@click.option(
    "--limit",
    type=click.IntRange(1, SHOWN_LIMIT),
    default=SHOWN,
    show_default=True,
    help="The newest so many.",
)
@database_option
@json_option
@config_option
def listing(
    since: str | None,
    file: Path | None,
    config: Path,
    *,
    as_json: bool,
    **chosen: Any,
) -> None:
    """List entries, oldest first.

    With --json each is an object with number, at (UNIX seconds), actor, verb,
    target, details and hash.
    """
    after = None if since is None else _moment(since)
    with opened(_database(file, config)) as connection:
        rows = chosen_rows(connection, since=after, **chosen)
    if as_json:
        print_json([_record(row) for row in rows])
        return
    print_table(
        ("Number", "At", "Actor", "Verb", "Target", "Details"),
        (
            (str(row[0]), _at(row[1]), str(row[2]), str(row[3]), str(row[4]), _details(row[5]))
            for row in rows
        ),
    )


@command.command("export")
@database_option
@config_option
def export(file: Path | None, config: Path) -> None:
    """Write all entries to standard output, one JSON object a line.

    Each can be checked without Clarion: hash is SHA-256 over the hash of the
    entry before (empty for the first), a space, the number, a space, and the
    JSON list of at, actor, verb, target and details (as a text); see
    docs/operating/audit.md.
    """
    with opened(_database(file, config)) as connection:
        for row in every_row(connection):
            click.echo(json.dumps(_record(row), ensure_ascii=False))


@command.command("verify")
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="NUMBER:HASH",
    help="A head that was written down; may be given again.",
)
@click.option(
    "--log",
    "logs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="A log of the server, which holds heads; - is standard input; may be given again.",
)
@database_option
@json_option
@config_option
def check(
    heads: Sequence[str],
    logs: Sequence[Path],
    file: Path | None,
    config: Path,
    *,
    as_json: bool,
) -> int:
    """Walk the chain and say whether it is whole; exit code 1 when it is not.

    The chain alone shows what was changed, taken out or moved. That its end
    was cut off, or all of it made anew, shows only beside heads that were
    written down elsewhere: give them with --head, or the server's log with
    --log.
    """
    known = [_head(text) for text in heads]
    known += [head for log in logs for head in _heads_of(log)]
    with opened(_database(file, config)) as connection:
        verdict = verify(every_row(connection), known)
    if as_json:
        print_json(_verdict(verdict))
    else:
        _print(verdict)
    return DONE if verdict.good else REFUSED


def _database(file: Path | None, config: Path) -> Path:
    return usable(config).database if file is None else file


def _head(text: str) -> Head:
    head = parse_head(text, "given")
    if head is None:
        raise click.UsageError(
            f"--head {text[:80]!r}: write NUMBER:HASH, the hash with 64 hexadecimal digits"
        )
    return head


def _heads_of(log: Path) -> Iterator[Head]:
    with click.open_file(str(log), encoding="utf-8", errors="replace") as lines:
        yield from heads_in(lines, str(log))


def _moment(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"--since {text[:80]!r}: write it as 2026-11-01 or 2026-11-01T08:00"
        ) from None
    return (at.astimezone() if at.tzinfo is None else at).timestamp()


def _print(verdict: Verdict) -> None:
    for fault in verdict.faults:
        click.echo(f"wrong: {fault}")
    if verdict.more_faults:
        click.echo(f"wrong: and {verdict.more_faults} more")
    if verdict.replaced:
        click.echo(
            f"note: heads of a log that a restored backup replaced: {verdict.replaced}; "
            "check that database, which was kept, with --database"
        )
    count = "1 head" if verdict.heads == 1 else f"{verdict.heads} heads"
    compared = f"{count} compared" if verdict.heads else "no heads to compare with"
    state = "The chain is whole" if verdict.good else "The chain is NOT whole"
    click.echo(f"{state}: {verdict.entries} entries, {compared}.")
    if verdict.head.number:
        click.echo(f"Head: {verdict.head}")


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "good": verdict.good,
        "entries": verdict.entries,
        "head": str(verdict.head) if verdict.head.number else None,
        "heads": verdict.heads,
        "replaced": verdict.replaced,
        "faults": verdict.faults,
        "more_faults": verdict.more_faults,
    }


def _record(row: AuditRow) -> dict[str, Any]:
    names = ("number", "at", "actor", "verb", "target", "details", "hash")
    record = {name: _plain(value) for name, value in zip(names, row, strict=True)}
    at = record["at"]
    if isinstance(at, float):
        record["time"] = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return record


def _plain(value: object) -> Any:
    """Return what JSON can say, whatever somebody put into the file."""
    return value if isinstance(value, str | int | float | None) else repr(value)


def _at(value: object) -> str:
    return moment(value) if isinstance(value, float) else repr(value)


def _details(value: object) -> str:
    """Return ``name=value`` for each detail, for people."""
    try:
        details = json.loads(str(value))
    except ValueError:
        return str(value)
    if not isinstance(details, dict):
        return str(value)
    return " ".join(
        f"{name}={one if isinstance(one, str | int | float) else json.dumps(one)}"
        for name, one in details.items()
    )
