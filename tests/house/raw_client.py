"""A small XMPP client on plain sockets, for what no ordinary client does.

TLS, SCRAM with channel binding (RFC 5802, 5929, 7677), XEP-0198. It shares no
code with the server. Everything blocks, with a timeout.
"""

import base64
import hashlib
import hmac
import secrets as random
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from cryptography import x509

Way = Literal["starttls", "tls", "plain"]
CLIENT = "{jabber:client}"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SM = "urn:xmpp:sm:3"
STREAMS = "{http://etherx.jabber.org/streams}"
STREAM_ERRORS = "{urn:ietf:params:xml:ns:xmpp-streams}"
STANZA_ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
SID = "{urn:xmpp:sid:0}"
BODY = f"{CLIENT}body"
STANZAS = frozenset({f"{CLIENT}message", f"{CLIENT}presence", f"{CLIENT}iq"})
TIMEOUT = 10.0


class GoneError(Exception):
    """The server closed the connection, or died."""


class RefusedError(Exception):
    """The log-in was refused; the text is SASL's condition."""


class StreamFailedError(Exception):
    """The server ended the stream; the text is the condition."""


class RawClient:
    """One connection.

    Args:
        host: Where to connect.
        port: Where to connect.
        domain: The stream's ``to``, and the certificate's name.
        way: How TLS begins, if at all.
        ca: Whom to trust.
        secrets: Gets what this client sends and nobody may log.
        newest: Highest version of TLS.
        receive_buffer: Bytes of the kernel's buffer, to fill it early.
        alpn: Protocols offered on direct TLS.

    """

    def __init__(
        self,
        host: str,
        port: int,
        domain: str,
        way: Way,
        *,
        ca: Path | None = None,
        secrets: set[str] | None = None,
        newest: ssl.TLSVersion | None = None,
        receive_buffer: int = 0,
        alpn: tuple[str, ...] = ("xmpp-client",),
    ) -> None:
        self.domain = domain
        self.way = way
        self.full = ""
        self.features = Element("none")
        self.answers = True  # <r/> and pings are answered
        self.handled = 0  # stanzas taken since XEP-0198 was switched on
        self.resumption = ""
        self.managed = False
        self._secrets = secrets if secrets is not None else set()
        self._elements: deque[Element] = deque()
        self._context = ssl.create_default_context(cafile=str(ca)) if ca else None
        if self._context is not None and newest is not None:
            self._context.maximum_version = newest
        plain = socket.socket()
        plain.settimeout(TIMEOUT)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            plain.connect((host, port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            plain.close()
            raise
        self.socket: socket.socket = plain
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0
        self._root: Element | None = None
        if way == "tls":
            assert self._context is not None
            self._context.set_alpn_protocols(list(alpn))
            self._secure()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()

    # -- bytes ----------------------------------------------------------------------------

    def send(self, text: str | bytes) -> None:
        try:
            self.socket.sendall(text.encode() if isinstance(text, str) else text)
        except (ConnectionError, ssl.SSLError) as error:
            raise GoneError(str(error)) from error

    def read(self, timeout: float) -> bytes:
        """Some bytes; an empty answer at the end."""
        self.socket.settimeout(max(timeout, 0.001))
        try:
            return self.socket.recv(65536)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        finally:
            self.socket.settimeout(TIMEOUT)

    def read_to_end(self, timeout: float = TIMEOUT) -> bytes:
        """Everything until the server closes."""
        deadline = time.monotonic() + timeout
        data = b""
        while True:
            piece = self.read(deadline - time.monotonic())
            if not piece:
                return data
            data += piece

    def drop(self) -> None:
        """Close the socket without a word."""
        self.socket.close()

    def leave(self) -> None:
        """Close the stream in an orderly way and wait until the server has."""
        with suppress(GoneError):
            self.send("</stream:stream>")
            self.read_to_end()
        self.drop()

    def _secure(self) -> None:
        assert self._context is not None
        self.socket = self._context.wrap_socket(self.socket, server_hostname=self.domain)

    # -- elements -------------------------------------------------------------------------

    def next(self, timeout: float = TIMEOUT) -> Element:
        """The next first-level element.

        Raises:
            TimeoutError: There is none.
            GoneError: The connection has ended.
            StreamFailedError: The stream has ended, with this error.

        """
        deadline = time.monotonic() + timeout
        while not self._elements:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("nothing came")
            data = self.read(left)
            if not data:
                raise GoneError("the connection has ended")
            self._feed(data)
        element = self._elements.popleft()
        if element.tag == f"{STREAMS}error":
            raise StreamFailedError(element[0].tag.removeprefix(STREAM_ERRORS))
        return element

    def until(self, fits: Callable[[Element], object], timeout: float = TIMEOUT) -> Element:
        """Drop elements until one fits."""
        deadline = time.monotonic() + timeout
        while True:
            element = self.next(deadline - time.monotonic())
            if fits(element):
                return element

    def message(self, body: str | None = None, timeout: float = TIMEOUT) -> Element:
        """The next message with a body; with this one."""
        return self.until(
            lambda e: e.findtext(BODY) is not None and body in (None, e.findtext(BODY)), timeout
        )

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except ParseError as error:
            raise AssertionError(f"the server sent no XML: {data!r}") from error
        for event, element in self._parser.read_events():
            if event == "start":
                self._depth += 1
                if self._depth == 1:
                    self._root = element
                continue
            self._depth -= 1
            if self._depth == 1:
                assert self._root is not None
                self._root.remove(element)
                self._took(element)

    def _took(self, element: Element) -> None:
        if element.tag in STANZAS and self.managed:
            self.handled += 1
        if self.answers:
            if element.tag == f"{{{SM}}}r":
                with suppress(GoneError):
                    self.acknowledge()
                return
            ping = element.find("{urn:xmpp:ping}ping")
            if ping is not None and element.get("type") == "get":
                with suppress(GoneError):
                    sender = element.get("from", self.domain)
                    self.send(f"<iq type='result' id='{element.get('id')}' to='{sender}'/>")
                return
        self._elements.append(element)

    # -- the stream -----------------------------------------------------------------------

    def open(self) -> Element:
        """Begin a stream, over TLS where the way asks for it; returns the features."""
        self._header()
        if self.way == "starttls" and not isinstance(self.socket, ssl.SSLSocket):
            self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            assert self.next().tag == "{urn:ietf:params:xml:ns:xmpp-tls}proceed"
            self._secure()
            self._header()
        return self.features

    def _header(self) -> None:
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0
        self.send(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0'"
            f" xmlns:stream='http://etherx.jabber.org/streams' to='{self.domain}'>"
        )
        self.features = self.next()
        assert self.features.tag == f"{STREAMS}features", self.features.tag

    @property
    def mechanisms(self) -> list[str]:
        return [e.text or "" for e in self.features.iter(f"{{{SASL}}}mechanism")]

    @property
    def bindings(self) -> list[str]:
        """The types of channel binding that XEP-0440 tells."""
        return [
            e.get("type", "") for e in self.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")
        ]

    def log_in(
        self,
        user: str,
        password: str,
        mechanism: str = "SCRAM-SHA-256",
        *,
        binding: str = "",
        flag: str = "",
        binding_data: bytes | None = None,
    ) -> None:
        """Open the stream if need be and log in.

        Args:
            user: Local part.
            password: The password.
            mechanism: SASL's name.
            binding: Type of channel binding, for -PLUS.
            flag: RFC 5802's gs2-cbind-flag in the place of the right one.
            binding_data: A lie about the channel.

        Raises:
            RefusedError: It was refused.

        """
        if self.features.tag == "none":
            self.open()
        if mechanism == "PLAIN":
            self._say("auth", f"\0{user}\0{password}".encode(), mechanism)
            self._success()
        else:
            data = self._channel(binding) if binding_data is None else binding_data
            flag = flag or (f"p={binding}" if binding else "n")
            self._scram(user, password, mechanism, flag, data if flag.startswith("p=") else b"")
        self._header()

    def _scram(self, user: str, password: str, mechanism: str, flag: str, channel: bytes) -> None:
        name = "sha256" if "256" in mechanism else "sha1"
        bare = f"n={user},r={random.token_hex(12)}"
        self._say("auth", f"{flag},,{bare}".encode(), mechanism)
        challenge = self._challenge().decode()
        given = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac(
            name, password.encode(), base64.b64decode(given["s"]), int(given["i"])
        )
        key = hmac.digest(salted, b"Client Key", name)
        stored = hashlib.new(name, key).digest()
        bound = base64.b64encode(f"{flag},,".encode() + channel).decode()
        final = f"c={bound},r={given['r']}"
        signed = f"{bare},{challenge},{final}".encode()
        signature = hmac.digest(stored, signed, name)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
        self._secrets |= {proof, base64.b64encode(stored).decode(), stored.hex()}
        self._say("response", f"{final},p={proof}".encode())
        verifier = hmac.digest(hmac.digest(salted, b"Server Key", name), signed, name)
        assert self._success() == b"v=" + base64.b64encode(verifier), "the server knows no keys"

    def _channel(self, binding: str) -> bytes:
        if not binding:
            return b""
        assert isinstance(self.socket, ssl.SSLSocket)
        if binding == "tls-unique":
            return self.socket.get_channel_binding("tls-unique") or b""
        shown = self.socket.getpeercert(binary_form=True)
        assert shown is not None
        algorithm = x509.load_der_x509_certificate(shown).signature_hash_algorithm
        assert algorithm is not None
        return hashlib.new(algorithm.name, shown).digest()

    def _say(self, element: str, data: bytes, mechanism: str = "") -> None:
        text = base64.b64encode(data).decode()
        self._secrets.add(text)
        attribute = f" mechanism='{mechanism}'" if mechanism else ""
        self.send(f"<{element} xmlns='{SASL}'{attribute}>{text}</{element}>")

    def _challenge(self) -> bytes:
        answer = self.next()
        if answer.tag == f"{{{SASL}}}failure":
            raise RefusedError(answer[0].tag.removeprefix(f"{{{SASL}}}"))
        return base64.b64decode(answer.text or "")

    def _success(self) -> bytes:
        return self._challenge()

    def bind(self, resource: str = "raw") -> str:
        answer = self.iq(
            "set",
            "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<resource>{resource}</resource></bind>",
        )
        self.full = answer.findtext(".//{urn:ietf:params:xml:ns:xmpp-bind}jid", "")
        assert self.full
        return self.full

    # -- what a client does ---------------------------------------------------------------

    def iq(self, kind: str, payload: str, to: str = "", timeout: float = TIMEOUT) -> Element:
        """Ask, and return the answer; what else comes meanwhile stays in order."""
        name = random.token_hex(4)
        where = f" to='{to}'" if to else ""
        self.send(f"<iq type='{kind}' id='{name}'{where}>{payload}</iq>")
        with self._kept():
            return self.until(lambda e: e.tag == f"{CLIENT}iq" and e.get("id") == name, timeout)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep what ``until`` drops."""
        kept: list[Element] = []
        take = self.next

        def keeping(timeout: float = TIMEOUT) -> Element:
            element = take(timeout)
            kept.append(element)
            return element

        self.next = keeping  # type: ignore[method-assign]  # for the length of the block
        try:
            yield
        finally:
            del self.next
            self._elements.extendleft(reversed(kept[:-1]))

    def ping(self, to: str = "", timeout: float = TIMEOUT) -> float:
        """Ping the server, or somebody; returns the seconds."""
        began = time.monotonic()
        answer = self.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to, timeout)
        assert answer.get("type") == "result"
        return time.monotonic() - began

    def write(self, to: str, body: str, name: str = "", more: str = "", kind: str = "chat") -> None:
        """Send a message; ``name`` is its id and origin-id."""
        ids = f" id='{name}'" if name else ""
        origin = f"<origin-id xmlns='urn:xmpp:sid:0' id='{name}'/>" if name else ""
        self.send(
            f"<message type='{kind}' to='{to}'{ids}><body>{body}</body>{origin}{more}</message>"
        )

    # -- XEP-0198 -------------------------------------------------------------------------

    def manage(self, *, resume: bool = False) -> Element:
        asked = " resume='true'" if resume else ""
        self.send(f"<enable xmlns='{SM}'{asked}/>")
        with self._kept():
            answer = self.until(lambda e: e.tag == f"{{{SM}}}enabled")
        self.managed, self.handled = True, 0
        self.resumption = answer.get("id", "")
        return answer

    def acknowledge(self) -> None:
        self.send(f"<a xmlns='{SM}' h='{self.handled}'/>")

    def acknowledged(self, timeout: float = TIMEOUT) -> int:
        """Ask how many stanzas count, and return it; other elements stay."""
        self.send(f"<r xmlns='{SM}'/>")
        with self._kept():
            return int(self.until(lambda e: e.tag == f"{{{SM}}}a", timeout).get("h", ""))

    def resume(self, previous: str, handled: int) -> Element:
        """Resume in the place of ``bind``."""
        self.send(f"<resume xmlns='{SM}' previd='{previous}' h='{handled}'/>")
        answer = self.next()
        if answer.tag == f"{{{SM}}}resumed":
            self.managed, self.handled = True, handled
        return answer

    # -- the archive ----------------------------------------------------------------------

    def archive(self, page: int = 100) -> list[Element]:
        """Every message of the own archive, oldest first (XEP-0313), the inner ones."""
        found: list[Element] = []
        after = ""
        while True:
            query = random.token_hex(4)
            place = f"<after>{after}</after>" if after else ""
            name = random.token_hex(4)
            self.send(
                f"<iq type='set' id='{name}'><query xmlns='urn:xmpp:mam:2' queryid='{query}'>"
                f"<set xmlns='http://jabber.org/protocol/rsm'><max>{page}</max>{place}</set>"
                "</query></iq>"
            )
            while True:
                element = self.next()
                result = element.find("{urn:xmpp:mam:2}result")
                if result is not None and result.get("queryid") == query:
                    inner = result.find(f".//{CLIENT}message")
                    assert inner is not None
                    found.append(inner)
                elif element.get("id") == name:
                    break
            assert element.get("type") == "result", element.get("type")
            fin = element.find("{urn:xmpp:mam:2}fin")
            assert fin is not None
            if fin.get("complete") == "true":
                return found
            after = fin.findtext(".//{http://jabber.org/protocol/rsm}last", "")


def origin(message: Element) -> str:
    """The origin-id of a message, ``""`` where there is none."""
    found = message.find(f"{SID}origin-id")
    return "" if found is None else found.get("id", "")


def condition(stanza: Element) -> str:
    """The condition of a stanza error, ``""`` where there is none."""
    error = stanza.find(f"{CLIENT}error")
    return "" if error is None else error[0].tag.removeprefix(STANZA_ERRORS)
