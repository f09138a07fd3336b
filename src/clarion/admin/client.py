"""The command line's side of the administration door: blocking, one request a connection."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from clarion.admin.lines import LINE_LIMIT, answered, parse, write
from clarion.lib.errors import ClarionError, UnavailableError, UsageError

SILENCE_LIMIT: Final = 120.0
"""LIMIT: seconds without a word from the server, which tells its progress."""


class NoServerError(ClarionError):
    """Nobody listens at the socket."""


def ask(
    path: Path,
    verb: str,
    arguments: Mapping[str, Any],
    progress: Callable[[int, int], None],
    silence: float = SILENCE_LIMIT,
) -> Any:
    """Ask a running server and return the result.

    Args:
        path: The socket.
        verb: One of ``admin/verbs.py``.
        arguments: JSON values.
        progress: Told how much is done, and of how much.
        silence: Seconds to wait for each line.

    Raises:
        NoServerError: Nobody listens; nothing was asked.
        UsageError: The request is too large, or the server says so.
        UnavailableError: The server fell silent or went away.
        ClarionError: The server refused.

    """
    line = write({"verb": verb, "arguments": arguments})
    if len(line) > LINE_LIMIT:
        raise UsageError(f"too much at once (at most {LINE_LIMIT} bytes); split it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(silence)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NoServerError(f"no server listens at {path}") from None
        except OSError as error:
            raise UnavailableError(f"{path}: {error.strerror or error}") from error
        try:
            connection.sendall(line)
            with connection.makefile("rb") as answers:
                return _last(answers.readline, progress)
        except TimeoutError:
            raise UnavailableError("the server does not answer") from None
        except OSError as error:
            raise UnavailableError(f"the server went away: {error.strerror or error}") from error


def _last(readline: Callable[[], bytes], progress: Callable[[int, int], None]) -> Any:
    while line := readline():
        value = parse(line)
        match value:
            case {"progress": [int(done), int(total)]}:
                progress(done, total)
            case _:
                return answered(value)
    raise UnavailableError("the server went away before it answered")
