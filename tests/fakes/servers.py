"""Two ends of a stream between servers, joined without sockets."""

from collections.abc import Callable
from itertools import count

from clarion.wire.xmpp.dialback import dialback_key
from clarion.wire.xmpp.server_events import PeerEvent, PeerRules, PeerSecureWanted
from clarion.wire.xmpp.server_incoming import IncomingStream
from clarion.wire.xmpp.server_outgoing import OutgoingStream

A = "alpha.example"
B = "beta.example"


def rules(
    domain: str, *, denied: str = "", secret: bytes = b"", early_stanza: int = 10_240
) -> PeerRules:
    """The rules of the server of one domain."""

    def key(receiving: str, originating: str, stream: str) -> str:
        return dialback_key(secret or domain.encode(), receiving, originating, stream)

    return PeerRules(
        serves=lambda other: other == domain,
        admits=lambda other: bool(other) and other not in {denied, domain},
        key=key,
        early_stanza_bytes=early_stanza,
    )


class Street:
    """``alpha`` opens a stream to ``beta``; bytes flow as soon as somebody says ``flow``.

    Attributes:
        out: Alpha's end.
        into: Beta's end.
        sent: What alpha heard of its stream.
        came: What beta heard.

    """

    def __init__(
        self,
        *,
        certified: str = "",
        alpha: PeerRules | None = None,
        beta: PeerRules | None = None,
        chunk: int = 0,
    ) -> None:
        tokens = count(1)
        self.out = OutgoingStream(alpha or rules(A), A, B, now=0.0)
        self.into = IncomingStream(beta or rules(B), token=lambda: f"stream{next(tokens)}", now=0.0)
        self.sent: list[PeerEvent] = []
        self.came: list[PeerEvent] = []
        self.wires: list[bytes] = []
        self._certified = certified
        self._chunk = chunk

    def flow(self) -> None:
        """Carry bytes until neither has more to say; TLS is a word."""
        while True:
            forth, back = self.out.outbox(), self.into.outbox()
            if not forth and not back and not self._events():
                return
            self.wires += [forth, back]
            self._carry(forth, self.into.receive)
            self._carry(back, self.out.receive)

    def _carry(self, data: bytes, receive: Callable[[bytes, float], None]) -> None:
        size = self._chunk or max(len(data), 1)
        for start in range(0, len(data), size):
            receive(data[start : start + size], 0.0)

    def _events(self) -> bool:
        told, came = self.out.events(), self.into.events()
        for event in told:
            if isinstance(event, PeerSecureWanted):
                self.out.secured()
            else:
                self.sent.append(event)
        for event in came:
            if isinstance(event, PeerSecureWanted):
                self.into.secured(lambda domain: domain == self._certified)
            else:
                self.came.append(event)
        return bool(told or came)
