"""The raw client's ways over WebSockets (RFC 7395) and BOSH (XEP-0124, 0206), on plain sockets."""

import base64
import os
import secrets as randomness
import struct
import time
from contextlib import suppress
from typing import Any
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
        self,
        house: Premises,
        *,
        secure: bool = False,
        headers: str = "",
        protocol: str = "xmpp",
        receive_buffer: int = 0,
    ) -> None:
        super().__init__(
            HOST,
            house.ports["https" if secure else "http"],
            "house.example",
            "tls" if secure else "plain",
            ca=house.ca,
            secrets=house.secrets,
            receive_buffer=receive_buffer,
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


def over_websocket(house: Premises, local: str, **more: Any) -> WebSocketClient:
    """A client that has logged in and is on line."""
    client = WebSocketClient(house, **more)
    client.log_in(local, PASSWORDS[local])
    client.bind()
    client.send("<presence xmlns='jabber:client'/>")
    return client


class BoshClient(RawClient):
    """A raw client whose elements travel in the bodies of HTTP requests.

    It answers with a new request, as long as the server has nothing to say.

    Attributes:
        bodies: The answers so far, the newest last.

    """

    def __init__(self, house: Premises, *, secure: bool = False, wait: int = 1) -> None:
        self._house_secure = secure
        self._host_port = (HOST, house.ports["https" if secure else "http"])
        super().__init__(
            *self._host_port,
            "house.example",
            "tls" if secure else "plain",
            ca=house.ca,
            secrets=house.secrets,
            alpn=("http/1.1",),
        )
        self.sid = ""
        self.rid = randomness.randbelow(2**40) + 1
        self.bodies: list[Element] = []
        self.raw: dict[int, bytes] = {}
        self.wait = wait
        self._bytes = b""
        self._begun = False

    def send(self, text: str | bytes) -> None:
        """Send elements in a request of their own, and take its answer."""
        self.ask(text.decode() if isinstance(text, bytes) else text)

    def ask(self, inner: str = "", more: str = "") -> Element:
        self.rid += 1
        secrets = self._secrets
        if self.sid:
            secrets.add(self.sid)
        return self.exchange(self.rid, inner, more)

    def exchange(self, rid: int, inner: str = "", more: str = "") -> Element:
        sid = f" sid='{self.sid}'" if self.sid else ""
        status, raw = self.post(
            f"<body xmlns='http://jabber.org/protocol/httpbind' rid='{rid}'{sid}{more}"
            f" xmlns:xmpp='urn:xmpp:xbosh'>{inner}</body>"
        )
        assert status == 200, raw
        self.raw[rid] = raw
        body = fromstring(raw)
        self.bodies.append(body)
        for child in body:
            self._took(child)
        return body

    def begin(self, rid: int) -> None:
        """Send an empty request, and wait for nothing."""
        self._request(
            f"<body xmlns='http://jabber.org/protocol/httpbind' rid='{rid}' sid='{self.sid}'/>"
        )

    def post(self, text: str, method: str = "POST", path: str = "/http-bind") -> tuple[int, bytes]:
        self._request(text, method, path)
        while b"\r\n\r\n" not in self._bytes:
            self._more()
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        self.head = head.decode()
        size = 0
        for line in self.head.lower().split("\r\n"):
            if line.startswith("content-length:"):
                size = int(line.partition(":")[2])
        while len(self._bytes) < size:
            self._more()
        body, self._bytes = self._bytes[:size], self._bytes[size:]
        return int(self.head.split()[1]), body

    def _request(self, text: str, method: str = "POST", path: str = "/http-bind") -> None:
        data = text.encode()
        super().send(
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: text/xml\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )

    def _more(self) -> None:
        piece = self.read(TIMEOUT)
        if not piece:
            raise GoneError("the connection has ended")
        self._bytes += piece

    def next(self, timeout: float = TIMEOUT) -> Element:
        deadline = time.monotonic() + timeout
        while not self._elements:
            if self.bodies and self.bodies[-1].get("type") == "terminate":
                raise GoneError(self.bodies[-1].get("condition", "terminated"))
            if time.monotonic() > deadline:
                raise TimeoutError("nothing came")
            self.ask()
        element = self._elements.popleft()
        if element.tag == f"{STREAMS}error":
            raise StreamFailedError(element[0].tag.rpartition("}")[2])
        return element

    def _header(self) -> None:
        if self.sid:
            body = self.ask(more=f" to='{self.domain}' xmpp:restart='true'")
        else:
            body = self.ask(
                more=f" to='{self.domain}' wait='{self.wait}' hold='1' ver='1.6'"
                " xmpp:version='1.0' content='text/xml; charset=utf-8'"
            )
            self.sid = body.get("sid", "")
        self.features = self.next()
        assert self.features.tag == f"{STREAMS}features", self.features.tag


def over_bosh(house: Premises, local: str, **more: bool) -> BoshClient:
    """A client that has logged in and is on line."""
    client = BoshClient(house, **more)
    client.log_in(local, PASSWORDS[local])
    client.bind()
    client.send("<presence xmlns='jabber:client'/>")
    return client
