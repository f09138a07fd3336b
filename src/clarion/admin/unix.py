"""The Unix socket ``DATA/clarion.sock``: made so that only this user can reach it."""

import contextlib
import errno
import os
import socket
import stat
import sys
from pathlib import Path
from typing import Final

from clarion.lib.errors import UsageError

PATH_LIMIT: Final = 107 if sys.platform == "linux" else 103
"""LIMIT: bytes of the path: ``sun_path`` of unix(7) and of the BSDs, less its NUL."""
BACKLOG: Final = 16
MODE: Final = 0o600


def open_socket(path: Path) -> socket.socket:
    """Make the socket and listen; a dead server's is replaced.

    It is made under another name and renamed, so that nobody ever meets it
    half made, and with a umask, so that it is never open to others.

    Raises:
        UsageError: A server listens there, something else is in the way, or
            it cannot be made there.

    """
    if len(os.fsencode(path)) > PATH_LIMIT:
        raise UsageError(f"{path}: the path of a Unix socket has at most {PATH_LIMIT} bytes")
    # No longer than the name itself, so that the limit holds for both.
    fresh = path.with_name(("_" if path.name.startswith(".") else ".") + path.name[1:])
    _make_way(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        fresh.unlink(missing_ok=True)
        before = os.umask(0o777 & ~MODE)
        try:
            listener.bind(str(fresh))
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
        listener.settimeout(0)
        fresh.replace(path)
    except OSError as error:
        listener.close()
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise UsageError(f"{path} cannot be made: {error.strerror}") from error
    return listener


def close_socket(path: Path, listener: socket.socket) -> None:
    """Stop listening and remove the file."""
    listener.close()
    with contextlib.suppress(OSError):
        path.unlink()


def is_alive(path: Path) -> bool:
    """Whether a server listens at ``path``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError as error:
            # Anything but these two is a server too busy to answer, or not ours to reach.
            return error.errno not in {errno.ECONNREFUSED, errno.ENOENT}
    return True


def _make_way(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} cannot be made: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise UsageError(f"{path} is no socket; move it away")
    if is_alive(path):
        raise UsageError(f"another server listens at {path}")
