"""``clarion restore``: puts a backup in the database's place, now or at the server's next start."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from clarion.admin.audited import local_actor
from clarion.admin.unix import is_alive
from clarion.cli.output import Bar, json_option, moment, print_json, print_table
from clarion.cli.settings import config_option, usable
from clarion.config.model import Config
from clarion.lib.clock import SystemClock
from clarion.lib.errors import UnavailableError, UsageError
from clarion.store.backup import Manifest, read_files, read_manifest, verify
from clarion.store.opening import lock
from clarion.store.restoring import prepare, stage, staged, swap


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--look", is_flag=True, help="Check FILE, say what it is of, and change nothing.")
@click.option("--at-restart", is_flag=True, help="Let a running server take it at its next start.")
@click.option("--cancel", is_flag=True, help="Take back what --at-restart has prepared.")
@click.option(
    "--settings",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Only write the configuration, certificate and key of FILE into DIR.",
)
@click.option("--force", is_flag=True, help="Take the backup of another domain.")
@json_option
@config_option
def command(
    file: Path | None,
    folder: Path | None,
    config: Path,
    *,
    look: bool,
    at_restart: bool,
    cancel: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Put the database of FILE, which `clarion backup` wrote, in the place of the present one.

    The server must not run; with --at-restart it may, and takes FILE when it
    is next started. The present database is kept beside the new one. The
    configuration and the certificate are left alone; on a new machine begin
    with --settings DIR, which writes those of FILE.
    """
    if cancel:
        if file is not None or look or at_restart or folder is not None:
            raise click.UsageError("--cancel stands alone")
        _cancel(usable(config), as_json=as_json)
        return
    if file is None:
        raise click.UsageError("missing argument 'FILE'")
    if look + at_restart + (folder is not None) > 1:
        raise click.UsageError("--look, --at-restart and --settings exclude each other")
    manifest = read_manifest(file)
    if folder is not None:
        _settings(file, folder, as_json=as_json)
    elif look:
        verify(file)
        _show(file, manifest, as_json=as_json)
    else:
        _restore(file, manifest, usable(config), at_restart, force=force, as_json=as_json)


def _restore(
    file: Path,
    manifest: Manifest | None,
    settings: Config,
    at_restart: bool,  # noqa: FBT001  # as click hands it over
    *,
    force: bool,
    as_json: bool,
) -> None:
    if manifest is not None and manifest.domain != settings.domain and not force:
        raise UsageError(
            f"{file} is of {manifest.domain}, and this configuration is for {settings.domain}; "
            "--force takes it all the same"
        )
    database = settings.database
    if at_restart:
        with Bar(f"Reading {file.name} (MiB)", SystemClock()) as bar:
            waiting = stage(prepare(file, database, bar), database)
        _tell(
            {"restored": False, "waiting": str(waiting), "previous": None},
            f"{file} is checked and waits; restart the server to take it.\n"
            "`clarion restore --cancel` takes that back.",
            as_json=as_json,
        )
        return
    if is_alive(settings.socket):
        raise UnavailableError(
            "the server is running: stop it and try again, or use --at-restart, and it takes "
            "the backup at its next start"
        )
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock(database.parent), Bar(f"Reading {file.name} (MiB)", SystemClock()) as bar:
        before = swap(prepare(file, database, bar), database, time.time(), local_actor())
        staged(database).unlink(missing_ok=True)  # an earlier wish, which this one replaces
    kept = f"\nThe database as it was is kept as {before}." if before is not None else ""
    _tell(
        {"restored": True, "waiting": None, "previous": None if before is None else str(before)},
        f"Restored {file} to {database}.{kept}",
        as_json=as_json,
    )


def _cancel(settings: Config, *, as_json: bool) -> None:
    waiting = staged(settings.database)
    if not waiting.exists():
        raise UsageError("nothing waits to be restored")
    waiting.unlink()
    _tell({"cancelled": True}, "Nothing will be restored.", as_json=as_json)


def _settings(file: Path, folder: Path, *, as_json: bool) -> None:
    contents = {name: data for name, data in read_files(file).items() if name != "manifest.json"}
    if not contents:
        raise UsageError(f"{file} holds no configuration")
    targets = {folder / _inside(name): data for name, data in contents.items()}
    for target in targets:
        if os.path.lexists(target):
            raise UsageError(f"{target}: exists already and is not overwritten")
    try:
        for target, data in targets.items():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(
                os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as out:
                out.write(data)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
    moved = [name for name in contents if _inside(name) != Path(name)]
    lines = [f"Wrote {target}" for target in targets]
    lines += [f"The configuration names {name}: put it there, or change it." for name in moved]
    lines.append(f"Next: clarion restore {file} --config {folder / 'clarion.toml'}")
    _tell({"written": [str(target) for target in targets]}, "\n".join(lines), as_json=as_json)


def _inside(name: str) -> Path:
    """Return a name that stays inside of a folder, whatever a backup says."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        return Path("certs") / path.name
    return path


def _show(file: Path, manifest: Manifest | None, *, as_json: bool) -> None:
    size_bytes = file.stat().st_size
    if as_json:
        told = None if manifest is None else asdict(manifest)
        print_json({"file": str(file), "size_bytes": size_bytes, "good": True, "manifest": told})
        return
    rows = [("File", str(file)), ("Size", f"{size_bytes / (1 << 20):.1f} MiB"), ("Checked", "good")]
    if manifest is None:
        rows.append(("Taken", "by other means than clarion backup"))
    else:
        rows += [
            ("Taken", moment(manifest.at)),
            ("Domain", manifest.domain),
            ("Version", f"{manifest.version}, schema {manifest.schema}"),
        ]
    print_table((), rows)


def _tell(record: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(record)
    else:
        click.echo(text)
