"""Who may read what must stay secret, and whether the server may write what it must."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from clarion.cli.health.finding import Finding, bad, doubtful, good
from clarion.config.check import needs_tls
from clarion.config.model import Config
from clarion.config.section import Section, is_secret

PART: Final = "permissions"


def look(config: Config, path: Path) -> Iterator[Finding]:
    """Look at the permissions of the key, the database and the configuration.

    Args:
        config: Names them.
        path: Of the configuration.

    """
    findings = [*_looked_at(config, path)]
    yield from findings
    if not findings:
        yield good(PART, "nobody else can read what is secret")


def _looked_at(config: Config, path: Path) -> Iterator[Finding]:
    if needs_tls(config):
        yield from _readable(config.tls.key, "the key", group_may=True)
    for file in (config.database, *_beside(config.database)):
        yield from _readable(file, "the database", group_may=False)
        yield from _foreign(file, config.data)
    yield from _readable(config.socket, "the administration socket", group_may=False)
    if _has_secrets(config):
        yield from _readable(path, "the configuration, with secrets in it", group_may=True)


def _readable(file: Path, what: str, *, group_may: bool) -> Iterator[Finding]:
    mode = _mode(file)
    if mode is None or _sheltered(file):
        return
    if mode & 0o007:
        text = f"everybody on this machine can open {what}, {file}"
        yield bad(PART, text, f"chmod o= {file}")
    elif mode & 0o070 and not group_may:
        yield doubtful(PART, f"a group can open {what}, {file}", f"chmod g= {file}")


def _foreign(file: Path, folder: Path) -> Iterator[Finding]:
    try:
        owner, ours = file.stat().st_uid, folder.stat().st_uid
    except OSError:
        return
    if owner != ours:
        yield bad(
            PART,
            f"{file} belongs to user {owner}, and the data folder to user {ours}",
            f"chown {ours} {file}, and run the commands as the server's user",
        )


def _sheltered(file: Path) -> bool:
    """Say whether a folder above keeps everybody else out."""
    return any((mode := _mode(folder)) is not None and not mode & 0o011 for folder in file.parents)


def _mode(file: Path) -> int | None:
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return None


def _beside(database: Path) -> Iterator[Path]:
    for suffix in ("-wal", "-shm", ".restore"):
        yield database.with_name(database.name + suffix)


def _has_secrets(section: Section) -> bool:
    for name, field in type(section).model_fields.items():
        value: Any = getattr(section, name)
        if isinstance(value, Section):
            if _has_secrets(value):
                return True
        elif is_secret(field) and value not in (field.default, SecretStr(""), ()):
            return True
    return False
