"""What a page of a large archive takes at the socket: a person with 1,000 threads, 1,000,000 items.

Fills a data directory through the store's own code, starts the server, and
asks like a client: from either end, in the middle, with and without ``with``.
Exit code 1: a page of everything took more than ``LIMIT_MS``; 2: not measured.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import random
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from clarion.core.archive import Item, Owner, pair_thread
from clarion.core.model import PersonNumber
from clarion.lib.clock import SystemClock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.ids import LAST, Mint
from clarion.store.archive import DatabaseArchive
from clarion.store.sqlite import open_database
from machine import facts
from processes import BenchError
from servers import DOMAIN, Clarion

RESULTS: Final = Path(__file__).parent / "results" / "archive_page.json"
LIMIT_MS: Final = 10.0
"""What a page of everything may take, from either end, at the median."""
CHUNK: Final = 5_000
"""Items that are put into the store's queue at a time."""
SPAN: Final = 365 * 86_400.0
"""Seconds over which the items are spread."""
OTHERS: Final = 1_000_000
"""Numbers of those whom the person talks with begin here; they have no accounts."""
WORDS: Final = ("shall we meet at nine", "yes", "the figures are in the folder", "thank you", "no")
ME: Final = f"u0@{DOMAIN}"


def main(words: Sequence[str] | None = None) -> int:
    """Measure; 0: done, 1: a page is too slow, 2: nothing could be measured."""
    options = _options(words)
    command = options.clarion or Clarion.default_command()
    if command is None:
        print(f"skipped: there is no clarion command beside {sys.executable}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="clarion-bench-", dir=options.folder) as name:
        folder = Path(name)
        server = Clarion(command)
        try:
            server.prepare(folder, 1)
            began = time.monotonic()
            asyncio.run(_fill(folder / "data" / "clarion.db", options.items, options.threads))
            filled = time.monotonic() - began
            size = (folder / "data" / "clarion.db").stat().st_size
            print(f"{options.items} items in {filled:.0f} s, {size // 2**20} MiB")
            machine = facts()
            server.start()
            try:
                with closing(Client(server.port)) as client:
                    figures = _measure(client, options)
            finally:
                server.stop()
        except BenchError as error:
            print(f"skipped: {error}", file=sys.stderr)
            return 2
    slow = [name for name in _ENDS if figures[name]["median_ms"] > LIMIT_MS]
    if not options.no_write:
        document = {
            "machine": {**machine, "load_after": round(os.getloadavg()[0], 2)},
            "clarion": server.version,
            "items": options.items,
            "threads": options.threads,
            "page": options.page,
            "file_mib": size // 2**20,
            "limit_ms": LIMIT_MS,
            "figures": figures,
        }
        RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for name in slow:
        print(f"{name} takes more than {LIMIT_MS:g} ms")
    return 1 if slow else 0


_ENDS: Final = ("first page", "last page")


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000, help="in the archive (1000000)")
    parser.add_argument("--threads", type=int, default=1_000, help="whom they are with (1000)")
    parser.add_argument("--page", type=int, default=50, help="items of a page (50)")
    parser.add_argument("--rounds", type=int, default=50, help="queries of each kind (50)")
    parser.add_argument("--folder", help="where the data directory is made (the system's)")
    parser.add_argument("--clarion", help="command line of Clarion (the one beside this Python)")
    parser.add_argument("--no-write", action="store_true", help="print, but write no file")
    return parser.parse_args(words)


# -- filling -----------------------------------------------------------------------------


async def _fill(path: Path, items: int, threads: int) -> None:
    """Keep ``items`` messages of the person, sent and received, threads at random."""
    chance = random.Random(313)  # the same archive at every run
    start = time.time() - SPAN - 1
    moment = start
    mint = Mint(0, lambda: moment)
    opening = open_database(
        path, clock=SystemClock(), crash_points=CrashPoints(), queue_limit=2 * CHUNK
    )
    async with opening as database:
        archive = DatabaseArchive(database)
        ((number,),) = await database.read("SELECT number FROM party WHERE address = ?", (ME,))
        assert isinstance(number, int)
        kept: asyncio.Future[Any] | None = None
        for place in range(items):
            moment = start + SPAN * place / items
            other = chance.randrange(threads)
            incoming = chance.random() < 0.5
            item = _message(mint, f"v{other}@{DOMAIN}", place, chance, incoming=incoming)
            owners = [
                Owner(PersonNumber(number), incoming=incoming),
                Owner(PersonNumber(OTHERS + other), incoming=not incoming),
            ]
            kept = archive.append(item, owners)
            if place % CHUNK == CHUNK - 1:
                await kept
        if kept is not None:
            await kept
        await archive.set_received_up_to(PersonNumber(number), LAST)


def _message(mint: Mint, other: str, place: int, chance: random.Random, *, incoming: bool) -> Item:
    resource = chance.choice(("phone", "desk"))
    sender = f"{other}/{resource}" if incoming else f"{ME}/{resource}"
    recipient = ME if incoming else other
    name = f"b3c1d9f2-{place:012x}"
    stanza = (
        f"<message from='{sender}' to='{recipient}' type='chat' id='{name}'>"
        f"<body>{' '.join(chance.choices(WORDS, k=4))}</body>"
        "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/></message>"
    )
    thread = pair_thread(ME, other)
    return Item(mint.item(), thread, sender, recipient, name, "", stanza.encode(), countable=True)


# -- asking ------------------------------------------------------------------------------


class Client:
    """One connection, logged in, with XEP-0198 on; everything is done in turn."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._handled = 0
        self._number = 0
        self._open(b"</stream:features>")
        self._authenticate("u0", "pwu0")
        self._open(b"</stream:features>")
        bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        self._say(bind, b"</iq>")
        self._say("<enable xmlns='urn:xmpp:sm:3'/>", b"/>")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, payload: str, *, kind: str = "set") -> tuple[float, bytes]:
        """Send a request; returns milliseconds until its answer was read, and what came."""
        self._number += 1
        name = f"q{self._number}"
        request = f"<iq type='{kind}' id='{name}'>{payload}</iq>".encode()
        began = time.perf_counter()
        self._socket.sendall(request)
        came = self._until(b"</iq>", b"id='%s'" % name.encode())
        took = (time.perf_counter() - began) * 1000
        if b"type='error'" in came:
            raise BenchError(f"refused: {came[-500:].decode()}")
        self._handled += came.count(b"<result ") + 1
        self._socket.sendall(f"<a xmlns='urn:xmpp:sm:3' h='{self._handled}'/>".encode())
        return took, came

    def _open(self, end: bytes) -> None:
        header = (
            f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' xmlns='jabber:client'"
            " xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        )
        self._say(header, end)

    def _say(self, text: str, end: bytes) -> bytes:
        self._socket.sendall(text.encode())
        return self._until(end)

    def _until(self, end: bytes, also: bytes = b"") -> bytes:
        came = bytearray()
        # Requests for an acknowledgement may come behind an answer.
        while came.find(end, max(0, came.find(also))) < 0 or also not in came:
            data = self._socket.recv(1 << 18)
            if not data:
                raise BenchError(f"the server hung up: {bytes(came[-500:]).decode()}")
            came += data
        return bytes(came)

    def _authenticate(self, user: str, password: str) -> None:
        sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        bare = f"n={user},r=bench"
        first = base64.b64encode(f"n,,{bare}".encode()).decode()
        auth = f"<auth xmlns='{sasl}' mechanism='SCRAM-SHA-256'>{first}</auth>"
        answer = self._say(auth, b"</challenge>")
        challenge = base64.b64decode(re.sub(rb"<[^>]*>", b"", answer)).decode()
        given = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", password.encode(), base64.b64decode(given["s"]), int(given["i"])
        )
        key = hmac.digest(salted, b"Client Key", "sha256")
        last = f"c=biws,r={given['r']}"
        signed = f"{bare},{challenge},{last}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        final = base64.b64encode(f"{last},p={base64.b64encode(proof).decode()}".encode()).decode()
        self._say(f"<response xmlns='{sasl}'>{final}</response>", b"</success>")


def query(fields: dict[str, str | Sequence[str]], rsm: str) -> str:
    """Return a ``<query/>`` with these fields and this ``<set/>``."""
    written = ""
    for name, values in {"FORM_TYPE": "urn:xmpp:mam:2", **fields}.items():
        every = [values] if isinstance(values, str) else values
        inner = "".join(f"<value>{value}</value>" for value in every)
        written += f"<field var='{name}'>{inner}</field>"
    return (
        f"<query xmlns='urn:xmpp:mam:2' queryid='f27'><x xmlns='jabber:x:data' type='submit'>"
        f"{written}</x><set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set></query>"
    )


def _measure(client: Client, options: argparse.Namespace) -> dict[str, Any]:
    size = f"<max>{options.page}</max>"
    middle = datetime.fromtimestamp(time.time() - SPAN / 2, UTC).isoformat(timespec="seconds")
    _, came = client.ask(query({"start": middle}, size))
    ids = [found.decode() for found in re.findall(rb"queryid='f27' id='([0-9a-f]+)'", came)]
    assert len(ids) == options.page, f"{len(ids)} items came"
    other = f"v{options.threads // 2}@{DOMAIN}"
    after, before = f"{size}<after>{ids[0]}</after>", f"{size}<before>{ids[-1]}</before>"
    kinds: dict[str, tuple[dict[str, str | Sequence[str]], str]] = {
        "first page": ({}, size),
        "last page": ({}, f"{size}<before/>"),
        "page after the middle": ({}, after),
        "page before the middle": ({}, before),
        "page of a span": ({"start": middle}, size),
        "first page with somebody": ({"with": other}, size),
        "last page with somebody": ({"with": other}, f"{size}<before/>"),
        "last page with a full JID": ({"with": f"{other}/phone"}, f"{size}<before/>"),
        "last page of one's own client": ({"with": f"{ME}/phone"}, f"{size}<before/>"),
        "items by their ids": ({"ids": ids}, size),
        "number of all": ({}, "<max>0</max>"),
        "number with somebody": ({"with": other}, "<max>0</max>"),
    }
    figures: dict[str, Any] = {}
    for name, (fields, rsm) in kinds.items():
        asked = query(fields, rsm)
        figures[name] = _figure(name, [client.ask(asked)[0] for _ in range(options.rounds)])
    metadata = "<metadata xmlns='urn:xmpp:mam:2'/>"
    times = [client.ask(metadata, kind="get")[0] for _ in range(options.rounds)]
    figures["metadata"] = _figure("metadata", times)
    figures["paging back"] = _figure("paging back", _walk(client, size, options.rounds))
    return figures


def _walk(client: Client, size: str, pages: int) -> list[float]:
    """Page backwards from the end, as a client does that scrolls."""
    times, place = [], "<before/>"
    for _ in range(pages):
        took, came = client.ask(query({}, size + place))
        times.append(took)
        found = re.search(rb"<first[^>]*>([0-9a-f]+)</first>", came)
        if found is None:
            break
        place = f"<before>{found[1].decode()}</before>"
    return times


def _figure(name: str, times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    figure = {
        "median_ms": round(statistics.median(ordered), 2),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 2),
        "max_ms": round(ordered[-1], 2),
        "first_ms": round(times[0], 2),
    }
    print(f"{name:32} median {figure['median_ms']:8.2f}  p95 {figure['p95_ms']:8.2f} ms")
    return figure


if __name__ == "__main__":
    sys.exit(main())
