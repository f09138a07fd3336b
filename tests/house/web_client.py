"""The raw client's ways over WebSockets (RFC 7395) and BOSH (XEP-0124, 0206), on plain sockets."""

import base64
import os
import struct
from contextlib import suppress
from xml.etree.ElementTree import Element, fromstring

from house.premises import HOST, PASSWORDS, Premises
from house.raw_client import STREAMS, TIMEOUT, GoneError, RawClient, StreamFailedError

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"


class WebSocketClient(RawClient):
    """A raw client in frames; it shares no code with the server.

    Attributes:
        closed: The status code with which the server closed, or 0.
        opened: The server's last ``<open/>``.

    """

    def __init__(
        self, house: Premises, *, secure: bool = False, headers: str = "", protocol: str = "xmpp"
    ) -> None:
        super().__init__(
            HOST,
            house.ports["https" if secure else "http"],
            "house.example",
            "tls" if secure else "plain",
            ca=house.ca,
            secrets=house.secrets,
            alpn=("http/1.1",),
        )
        self.closed = 0
        self.opened = Element("none")
        self.frames: list[str] = []
        self._bytes = b""
        key = base64.b64encode(os.urandom(16)).decode()
        super().send(
            f"GET /xmpp-websocket HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {protocol}\r\n{headers}\r\n"
        )
        while b"\r\n\r\n" not in self._bytes:
            piece = self.read(TIMEOUT)
            if not piece:
                raise GoneError("no answer to the handshake")
            self._bytes += piece
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        self.handshake = head.decode()

    def send(self, text: str | bytes) -> None:
        """Send one frame."""
        data = text.encode() if isinstance(text, str) else text
        self.send_frame(0x81, data)

    def send_frame(self, first: int, data: bytes) -> None:
        mask = os.urandom(4)
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", first, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", first, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", first, 0x80 | 127, size)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        super().send(head + mask + masked)

    def _feed(self, data: bytes) -> None:
        self._bytes += data
        while (frame := self._frame()) is not None:
            self._framed(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._bytes
        if len(data) < 2:
            return None
        assert not data[1] & 0x80, "a server does not mask"
        size, at = data[1] & 0x7F, 2
        if size >= 126:
            at = 4 if size == 126 else 10
            if len(data) < at:
                return None
            size = int.from_bytes(data[2:at], "big")
        if len(data) < at + size:
            return None
        self._bytes = data[at + size :]
        return data[0], data[at : at + size]

    def _framed(self, first: int, payload: bytes) -> None:
        if first == 0x88:
            self.closed = int.from_bytes(payload[:2], "big")
            if self.answers:
                with suppress(GoneError):
                    self.send_frame(0x88, payload[:2])
            return
        if first == 0x8A:
            self.frames.append(f"pong {payload.decode()}")
            return
        assert first == 0x81, f"{first:x}"
        self.frames.append(payload.decode())
        element = fromstring(payload)
        if element.tag == f"{{{FRAMING}}}open":
            self.opened = element
        elif element.tag != f"{{{FRAMING}}}close":
            self._took(element)

    def _header(self) -> None:
        self.send(f"<open xmlns='{FRAMING}' to='{self.domain}' version='1.0'/>")
        self.features = self.next()
        assert self.features.tag == f"{STREAMS}features", self.features.tag

    def bind(self, resource: str = "web") -> str:
        return super().bind(resource)

    def to_the_end(self) -> str:
        """Read until the server has gone; return the condition of its stream error, or nothing."""
        condition = ""
        while True:
            try:
                self.next()
            except StreamFailedError as error:
                condition = str(error)
            except GoneError:
                return condition

    def close(self) -> None:
        self.send(f"<close xmlns='{FRAMING}'/>")


def over_websocket(house: Premises, local: str, **more: bool) -> WebSocketClient:
    """A client that has logged in and is on line."""
    client = WebSocketClient(house, **more)  # type: ignore[arg-type]  # flags alone
    client.log_in(local, PASSWORDS[local])
    client.bind()
    client.send("<presence xmlns='jabber:client'/>")
    return client
