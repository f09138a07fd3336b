"""Looks at the files that the configuration names, without touching any of them.

Apart from ``load``, because a configuration can be right on a machine that
does not have its files yet (``clarion init``, tests, another host's file).
"""

import os
from pathlib import Path
from typing import Final

from clarion.config.model import Config
from clarion.lib import tls

SOCKET_LIMIT: Final = 107
"""Bytes of a Unix socket's path on Linux: ``sun_path`` of unix(7) less its NUL."""


def check_files(config: Config, now: float) -> tuple[str, ...]:
    """Return what keeps the server from starting, a line each; nothing when all is well.

    Args:
        config: A configuration that ``load`` has accepted.
        now: UNIX seconds, UTC; certificates are judged by it.

    """
    return (*_certificates(config, now), *_data(config.data), *_socket(config.socket))


def needs_tls(config: Config) -> bool:
    """Say whether any listener shows the certificate."""
    xmpp = config.xmpp
    browsers = config.web is not None and config.web.listen
    servers = xmpp.listen_server or xmpp.listen_server_tls
    return bool(xmpp.listen or xmpp.listen_tls or servers or browsers)


def _certificates(config: Config, now: float) -> tuple[str, ...]:
    if not needs_tls(config):
        return ()
    faults = tls.faults(config.tls.certificate, config.tls.key, now)
    return tuple(f"tls.{key}: {text}" for key, text in faults)


def _data(folder: Path) -> tuple[str, ...]:
    """Find the nearest thing that exists and see whether the folder could be made in it."""
    standing = folder
    while not os.path.lexists(standing) and standing != standing.parent:
        try:
            standing.stat()
        except NotADirectoryError:
            pass
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                return (f"data: {folder}: {error.strerror}",)
        standing = standing.parent
    if not standing.is_dir():
        return (f"data: {standing} is not a folder, so nothing can be kept in {folder}",)
    if not os.access(standing, os.W_OK | os.X_OK):
        return (f"data: {standing} cannot be written by this user",)
    return ()


def _socket(path: Path) -> tuple[str, ...]:
    size = len(os.fsencode(path))
    if size <= SOCKET_LIMIT:
        return ()
    most = f"a Unix socket's path may have {SOCKET_LIMIT}"
    return (f"admin.socket: {path} has {size} bytes; {most}: choose a shorter one",)
