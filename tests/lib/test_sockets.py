"""Why nothing can listen somewhere, in words that every door uses."""

import errno
import socket

import pytest

from clarion.lib.sockets import bound, refusal, written

BUSY = "is Clarion running already? `ss -ltnp` shows by whom"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "no right to listen on [::]:443: ports below 1024 need root or CAP_NET_BIND_SERVICE",
        ),
        (
            OSError(errno.EADDRINUSE, "Address already in use"),
            f"cannot listen on [::]:443: address already in use; {BUSY}",
        ),
        (
            OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"),
            "cannot listen on [::]:443: cannot assign requested address",
        ),
        (socket.gaierror("no such host"), "cannot listen on [::]:443: no such host"),
    ],
)
def test_a_refusal_says_what_to_do(error: OSError, told: str):
    assert str(refusal("web", "[::]:443", error)) == f"web: {told}"


def test_a_port_that_somebody_has_is_not_bound_again():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert written(taken) == f"127.0.0.1:{port}"
        with pytest.raises(OSError, match="in use"):
            list(bound("127.0.0.1", port))
