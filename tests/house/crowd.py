"""Many connections at once, in a process of their own: one line a mode below, told on stdout.

    crowd.py silent PORT NUMBER SECONDS     half a stream header each, then silence
    crowd.py slow PORT NUMBER SECONDS       a byte of it now and then
    crowd.py guess PORT NUMBER SECONDS      wrong passwords for Ann, each from another address

It connects from and to 127.0.0.0/8 only, keeps below its own limit of open
files, and ends when all are closed or SECONDS have passed. Each line on stdout
is a JSON object; the last one counts what became of the connections.
"""

import base64
import json
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from itertools import count

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0'"
    b" xmlns:stream='http://etherx.jabber.org/streams' to='house.example'>"
)
PER_ADDRESS = 200
"""Connections from one address; the server refuses more than 500 strangers from one."""
STEP = 0.2
"""Seconds between two bytes of the slow ones."""
BURST = 100
"""Connections begun at a time, so that the listening socket's queue is enough."""


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


class Crowd:
    """All connections, non-blocking, and what came of each.

    Args:
        port: Of the server.
        number: Connections.
        first: What each sends at once.
        per_address: Connections from one address.

    """

    def __init__(self, port: int, number: int, first: bytes, per_address: int) -> None:
        self.selector = selectors.DefaultSelector()
        self.open: set[socket.socket] = set()
        self.heard: dict[socket.socket, bytes] = {}
        self.outcomes: Counter[str] = Counter()
        self._port, self._number, self._first = port, number, first
        self._per_address = per_address

    def fill(self) -> None:
        """Connect everybody."""
        for place in range(self._number):
            street, house = divmod(place // self._per_address, 250)
            one = socket.socket()
            one.bind((f"127.8.{street}.{house + 1}", 0))
            one.settimeout(10)
            try:
                one.connect(("127.0.0.1", self._port))
                one.sendall(self._first)
            except OSError as error:
                self.outcomes[f"not connected: {error.strerror}"] += 1
                one.close()
                continue
            one.setblocking(False)
            self.open.add(one)
            self.heard[one] = b""
            self.selector.register(one, selectors.EVENT_READ)
            if place % BURST == BURST - 1:
                self.look(0)
        say(connected=len(self.open), lost_already=sum(self.outcomes.values()))

    def look(self, seconds: float) -> list[socket.socket]:
        """Wait for news and read it; returns who has said something."""
        spoke = []
        for key, _ in self.selector.select(seconds):
            one = key.fileobj
            assert isinstance(one, socket.socket)
            try:
                data = one.recv(65536)
            except OSError:
                data = b""
            self.heard[one] += data
            if data:
                spoke.append(one)
            else:
                self.leave(one, self._ending(self.heard[one]))
        return spoke

    def leave(self, one: socket.socket, outcome: str) -> None:
        self.outcomes[outcome] += 1
        self.selector.unregister(one)
        self.open.discard(one)
        del self.heard[one]
        one.close()

    @staticmethod
    def _ending(said: bytes) -> str:
        for word in ("connection-timeout", "policy-violation", "resource-constraint"):
            if word.encode() in said:
                return word
        return "closed"

    def finish(self) -> None:
        say(left_open=len(self.open), outcomes=dict(self.outcomes))


def silent(port: int, number: int, seconds: float) -> None:
    crowd = Crowd(port, number, HEADER[: len(HEADER) // 2], PER_ADDRESS)
    crowd.fill()
    end = time.monotonic() + seconds
    while crowd.open and time.monotonic() < end:
        crowd.look(0.5)
    crowd.finish()


def slow(port: int, number: int, seconds: float) -> None:
    crowd = Crowd(port, number, HEADER[:1], PER_ADDRESS)
    crowd.fill()
    end = time.monotonic() + seconds
    for place in count(1):
        if not crowd.open or time.monotonic() > end:
            break
        for one in list(crowd.open):
            try:
                one.send(HEADER[place : place + 1] or b" ")
            except OSError:
                crowd.leave(one, crowd._ending(crowd.heard[one]))
        due = time.monotonic() + STEP
        while (rest := due - time.monotonic()) > 0:
            crowd.look(rest)
            if not crowd.open:
                break
    crowd.finish()


def guess(port: int, number: int, seconds: float) -> None:
    """Everybody from an address of its own, one guess after the other, until the time is up."""
    crowd = Crowd(port, number, HEADER, 1)
    crowd.fill()
    end = time.monotonic() + seconds
    guesses = judged = 0
    while crowd.open and time.monotonic() < end:
        for one in crowd.look(0.2):
            said = crowd.heard[one]
            if b"<success" in said:
                crowd.leave(one, "let in")
            elif said.endswith((b"</stream:features>", b"</failure>")):
                guesses += b"</failure>" in said
                judged += b"<not-authorized" in said
                crowd.heard[one] = b""
                word = base64.b64encode(b"\0ann\0wrong-" + str(guesses).encode()).decode()
                try:
                    one.send(
                        b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                        + word.encode()
                        + b"</auth>"
                    )
                except OSError:
                    crowd.leave(one, "closed")
    say(guesses=guesses, judged=judged)
    crowd.finish()


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    mode, port, number, seconds = sys.argv[1:]
    {"silent": silent, "slow": slow, "guess": guess}[mode](int(port), int(number), float(seconds))


if __name__ == "__main__":
    main()
