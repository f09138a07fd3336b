"""``clarion backup``: everything in one file, while the server runs or not."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from clarion import __version__
from clarion.admin.client import NoServerError, ask
from clarion.cli.asking import answer
from clarion.cli.output import Bar, json_option, print_json
from clarion.cli.settings import config_option, usable
from clarion.config.model import Config
from clarion.lib.clock import SystemClock
from clarion.lib.errors import ClarionError, UnavailableError
from clarion.store.backup import Backup, back_up
from clarion.store.restoring import staged

GENTLE: Final = 10
"""Added to the niceness of this process: whoever chats goes first."""
NOTE_WAIT: Final = 5.0
"""Seconds that the server has to note a backup that is done."""


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@json_option
@config_option
def command(file: Path, config: Path, *, force: bool, as_json: bool) -> None:
    """Write everything into FILE: database, configuration, certificate and key.

    The server may run; it is not disturbed. FILE gets its name only when the
    copy is whole, has been checked, and is on the disk. It is a database file
    of mode 0600 and holds every message and the keys of every password: keep
    it as safe as the original. `clarion restore FILE` puts it back.
    """
    settings = usable(config)
    with suppress(OSError):
        os.nice(GENTLE)
    began = time.monotonic()
    with Bar(f"Writing {file.name}", SystemClock()) as bar:
        done = back_up(
            settings.database,
            file.absolute(),
            domain=settings.domain,
            version=__version__,
            files=files_of(settings, config),
            now=time.time(),
            overwrite=force,
            progress=bar,
        )
    took = time.monotonic() - began
    try:
        _note(settings, config, done)
    except ClarionError as error:  # it is good all the same
        click.echo(f"clarion: not in the audit log: {error}", err=True)
    _print(done, took, as_json=as_json)


def files_of(settings: Config, path: Path) -> dict[str, bytes]:
    """Return what a restore on another machine needs besides the database, by name.

    A name is the path as seen from the configuration's folder, or absolute
    where the file lies elsewhere. What cannot be read is left out: the
    database must not be lost for it.
    """
    folder = path.absolute().parent
    found: dict[str, bytes] = {}
    for name, file in (
        ("clarion.toml", path),
        (_name(settings.tls.certificate, folder), settings.tls.certificate),
        (_name(settings.tls.key, folder), settings.tls.key),
    ):
        with suppress(OSError):
            found[name] = file.read_bytes()
    return found


def _note(settings: Config, config: Path, done: Backup) -> None:
    """Keep an entry in the audit log; right behind, for the copy was made beside the server.

    Raises:
        ClarionError: It cannot be kept.

    """
    arguments = {"file": str(done.file), "size_bytes": done.size_bytes}
    try:
        ask(settings.socket, "backup", arguments, lambda *_: None, NOTE_WAIT)
    except NoServerError:
        if staged(settings.database).exists():
            raise UnavailableError(
                "another database waits to be restored, and opening this one would take it"
            ) from None
        answer(config, "backup", arguments)


def _name(file: Path, folder: Path) -> str:
    return str(file.relative_to(folder) if file.is_relative_to(folder) else file)


def _print(done: Backup, seconds: float, *, as_json: bool) -> None:
    record: dict[str, Any] = {
        "file": str(done.file),
        "size_bytes": done.size_bytes,
        "at": done.manifest.at,
        "version": done.manifest.version,
        "domain": done.manifest.domain,
        "schema": done.manifest.schema,
        "seconds": round(seconds, 3),
    }
    if as_json:
        print_json(record)
    else:
        size = f"{done.size_bytes / (1 << 20):.1f} MiB"
        click.echo(f"Wrote and checked {done.file}: {size} in {seconds:.1f} s.")
