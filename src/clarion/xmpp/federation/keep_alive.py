"""Sockets between servers: TCP itself notices that nobody is there any more.

Nothing may pass for hours, and a stream that only brings stanzas hears of no
broken way by writing.
"""

import asyncio
import socket
from typing import Final

IDLE_SECONDS: Final = 60  # of silence, before the other side is asked whether it is there
INTERVAL_SECONDS: Final = 20  # between two questions
QUESTIONS: Final = 3  # unanswered ones, after which the connection is broken
UNACKNOWLEDGED_SECONDS: Final = 120  # LIMIT: for the other side to acknowledge what was sent


def keep_alive(one: socket.socket) -> None:
    """Let a socket notice; those that a listener accepts do as the listener."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", IDLE_SECONDS),
        ("TCP_KEEPINTVL", INTERVAL_SECONDS),
        ("TCP_KEEPCNT", QUESTIONS),
        ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_SECONDS * 1000),
    ):
        option = getattr(socket, name, None)  # not every system has all
        if option is not None:
            one.setsockopt(socket.IPPROTO_TCP, option, value)


async def connect(address: str, port: int) -> socket.socket:
    """Connect to an IP address.

    Raises:
        OSError: Nobody answers there.

    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setblocking(False)  # noqa: FBT003  # the loop's
        keep_alive(one)
        await asyncio.get_running_loop().sock_connect(one, (address, port))
    except BaseException:
        one.close()
        raise
    return one
