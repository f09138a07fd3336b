"""ejabberd as Debian packages it, without Erlang distribution: no epmd, no open port but one.

It needs no particular user.
"""

import os
from functools import partial
from pathlib import Path
from typing import Final

from packaged import Launch, Packaged, Place
from processes import BenchError

CONFIGURATIONS: Final = Path(__file__).parent / "peers" / "ejabberd"
ARCHIVES: Final = {"off": "none", "mnesia": "Mnesia", "sqlite": "SQLite"}
"""Kinds of archive of ejabberd, and what the tables say of them."""


def ejabberd(kind: str) -> Packaged:
    """Return ejabberd with an archive of this kind, a key of ``ARCHIVES``.

    Raises:
        BenchError: The package, or what this archive needs, is not installed.

    """
    library = _library()
    if kind == "sqlite" and not _has_sqlite(library):
        raise BenchError("the Debian package erlang-p1-sqlite3 is not installed")
    return Packaged("ejabberd", "ejabberd", ARCHIVES, kind, partial(_launch, library))


def _launch(library: Path, place: Place) -> Launch:
    """Start the Erlang machine with the flags that ejabberdctl gives it."""
    command = ["erl", "+K", "true", "+P", "250000", "-noinput"]
    command += ["-mnesia", "dir", f'"{place.spool}"', "-ejabberd", "log_rotate_count", "0"]
    command += ["-s", "ejabberd"]
    environment = {
        "HOME": str(place.folder),
        "ERL_LIBS": ":".join([str(library), *_more_libraries()]),
        "ERL_MAX_PORTS": "32000",
        "ERL_CRASH_DUMP_BYTES": "0",
        "EJABBERD_CONFIG_PATH": str(_configure(place)),
        "EJABBERD_LOG_PATH": str(place.folder / "ejabberd.log"),
    }
    return Launch(command, environment)


def _configure(place: Place) -> Path:
    text = (CONFIGURATIONS / "ejabberd.yml").read_text(encoding="utf-8")
    if place.kind != "off":
        text += (CONFIGURATIONS / f"archive-{place.kind}.yml").read_text(encoding="utf-8")
    made = place.certificates
    paths = f'certfiles:\n  - "{made}/server.pem"\n  - "{made}/server.key"'
    values = {
        "PORT": str(place.port),
        "TLS": "true" if place.tls else "false",
        "CERTIFICATES": paths if place.tls else "",
    }
    return place.write("ejabberd.yml", text, values)


def _library() -> Path:
    """Return the folder that holds ejabberd-VERSION/ebin, as Debian's package lays it out."""
    found = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin"))
    if not found:
        raise BenchError("the Debian package ejabberd is not installed")
    return found[0].parents[1]


def _more_libraries() -> list[str]:
    return [path for path in os.environ.get("ERL_LIBS", "").split(":") if path]


def _has_sqlite(library: Path) -> bool:
    places = [library, Path("/usr/lib/erlang/lib"), *map(Path, _more_libraries())]
    return any(any(place.glob("p1_sqlite3*")) for place in places)
