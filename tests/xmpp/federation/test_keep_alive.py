import socket

from clarion.xmpp.federation.keep_alive import IDLE_SECONDS, keep_alive


def test_a_socket_notices_that_nobody_is_there():
    with socket.socket() as one:
        keep_alive(one)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == IDLE_SECONDS
