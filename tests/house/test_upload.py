"""Files over HTTP (XEP-0363) at a real server: slots from raw clients, aiohttp for the rest."""

import asyncio
import base64
import hashlib
import io
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import aiohttp
import pytest

from clarion.lib.crashpoint import (
    BEFORE_CREATED,
    BEFORE_FILE_ROW,
    BEFORE_SHELVING,
    MID_UPLOAD,
    VARIABLE,
)
from clarion.lib.crew import crew
from house.premises import DOMAIN, HOST, PASSWORDS, SOON, Premises, address, clarion, open_house
from house.raw_client import RawClient

NS = "urn:xmpp:http:upload:0"
UPLOAD = f"upload.{DOMAIN}"
MIB = 1 << 20
WEB = f'[web]\nlisten = ["{HOST}:0"]\nlisten_plain = ["{HOST}:0"]\n'
FILES = WEB + "[files]\n"
PIECE = bytes(range(256)) * 1024  # 256 KiB


@pytest.fixture(scope="module")
def house() -> Iterator[Premises]:
    """A server that takes files."""
    with open_house(people=("ann", "bob"), more=FILES + f"file_bytes = {1 << 31}") as running:
        yield running
        assert running.stop() == 0


def asked(client: RawClient, name: str, size: int, kind: str = "", inner: str = "") -> Any:
    said = f" content-type={quoteattr(kind)}" if kind else ""
    return client.iq(
        "get",
        f"<request xmlns='{NS}' filename={quoteattr(name)} size='{size}'{said}>{inner}</request>",
        UPLOAD,
    )


def slot(client: RawClient, name: str, size: int, kind: str = "") -> str:
    answer = asked(client, name, size, kind)
    assert answer.get("type") == "result", answer
    put, get = (answer.find(f".//{{{NS}}}{what}") for what in ("put", "get"))
    assert put.get("url") == get.get("url")
    return str(put.get("url"))


@asynccontextmanager
async def browser(house: Premises) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that trusts the server, and finds its name on this machine."""

    class Here(aiohttp.abc.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
            return [
                {"hostname": host, "host": HOST, "port": port, "family": 2, "proto": 0, "flags": 0}
            ]

        async def close(self) -> None:
            pass

    trust = ssl.create_default_context(cafile=str(house.ca))
    connector = aiohttp.TCPConnector(ssl=trust, resolver=Here())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def pieces(count: int, piece: bytes = PIECE) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield piece


async def put(session: aiohttp.ClientSession, url: str, data: Any, **headers: str) -> int:
    if isinstance(data, bytes):
        data = io.BytesIO(data)
    async with session.put(url, data=data, headers=headers) as answer:
        await answer.read()
        return answer.status


async def came_true(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SOON
    while not what():  # another process does it
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


def on_disk(house: Premises) -> list[Path]:
    folder = house.folder / "data" / "files"
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_picture_is_brought_and_had(house: Premises):
    data = b"\x89PNG" + PIECE
    with house.client("ann", way="starttls") as ann:
        url = slot(ann, "très cool.png", len(data), "image/png")
    assert url.startswith(f"https://{DOMAIN}:{house.ports['https']}/upload/")
    assert url.endswith("/" + quote("très cool.png"))
    async with browser(house) as session:
        async with session.get(url) as answer:
            assert answer.status == 404
        async with session.put(
            url, data=data, headers={"Content-Type": "image/png", "Expect": "100-continue"}
        ) as answer:
            assert answer.status == 201
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        async with session.get(url) as answer:
            assert (answer.status, await answer.read()) == (200, data)
            headers = answer.headers
        assert headers["Content-Type"] == "image/png"
        assert headers["Content-Disposition"].startswith("inline; ")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
        async with session.head(url) as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(data)))
        async with session.options(url) as answer:
            assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        # Only once, and under no other name.
        assert await put(session, url, data, **{"Content-Type": "image/png"}) == 409
        async with session.get(url.rpartition("/")[0] + "/other.png") as answer:
            assert answer.status == 404


async def test_ranges(house: Premises):
    data = PIECE
    with house.client("ann") as ann:
        url = slot(ann, "a.txt", len(data), "text/plain")
    async with browser(house) as session:
        assert await put(session, url, data, **{"Content-Type": "text/plain"}) == 201

        async def get(**headers: str) -> tuple[int, bytes, str]:
            written = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.get(url, headers=written) as answer:
                body = await answer.read()
                return answer.status, body, answer.headers.get("Content-Range", "")

        size = len(data)
        assert await get(Range="bytes=10-19") == (206, data[10:20], f"bytes 10-19/{size}")
        assert await get(Range="bytes=-5") == (
            206,
            data[-5:],
            f"bytes {size - 5}-{size - 1}/{size}",
        )
        assert await get(Range=f"bytes={size}-") == (
            416, b"the file ends before that\n", f"bytes */{size}",
        )  # fmt: skip
        assert await get(Range="bytes=0-1,5-6") == (200, data, "")
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        assert (await get(Range="bytes=0-1", If_Range=etag))[0] == 206
        assert (await get(Range="bytes=0-1", If_Range='"another"'))[0] == 200
        assert await get(If_None_Match=etag) == (304, b"", "")
        assert (await get(If_Match='"another"'))[0] == 412


async def test_uploads_that_lie(house: Premises):
    with house.client("ann") as ann:
        url = slot(ann, "a.png", 1000, "image/png")
    kind = {"Content-Type": "image/png"}
    async with browser(house) as session:
        assert await put(session, url, bytes(999), **kind) == 400
        assert await put(session, url, bytes(1001), **kind) == 400
        assert await put(session, url, pieces(1), **kind) == 411
        assert await put(session, url, bytes(1000), **{"Content-Type": "text/html"}) == 415
        zipped = {"Content-Encoding": "gzip"}
        async with session.put(url, data=bytes(1000), headers={**kind, **zipped}) as answer:
            assert answer.status == 415
        wrong = url.replace("/upload/", "/upload/x")
        assert await put(session, wrong, bytes(1000), **kind) == 409
        # And after all that it is still good.
        assert await put(session, url, bytes(1000), **kind) == 201


async def test_paths_lead_nowhere(house: Premises):
    with house.client("ann") as ann:
        url = slot(ann, "../../..\\etc/pass\u202ewd\n.html", 5, "text/html")
    assert url.endswith("/passwd%20.html")
    async with browser(house) as session:
        assert await put(session, url, b"<b>x</b"[:5], **{"Content-Type": "text/html"}) == 201
        async with session.get(url) as answer:
            assert answer.headers["Content-Disposition"].startswith("attachment; ")
        base = url.partition("/upload/")[0]
        for path in ("/upload/../../clarion.db", "/upload/%2e%2e/%2e%2e%2fclarion.db"):
            async with session.get(base + path) as answer:
                assert answer.status == 404


async def test_one_that_stops_midway_leaves_nothing(house: Premises):
    before = set(on_disk(house))
    with house.client("ann") as ann:
        url = slot(ann, "a.bin", 4 * MIB)

    async def broken() -> AsyncIterator[bytes]:
        yield PIECE * 5
        raise ConnectionError("the network went away")

    async with browser(house) as session:
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await put(session, url, broken(), **{"Content-Length": str(4 * MIB)})
    assert await came_true(lambda: set(on_disk(house)) == before)
    async with browser(house) as session:
        while (status := await put(session, url, bytes(4 * MIB))) == 429:
            pass  # the server has not noticed yet
    assert status == 201


def message(client: RawClient) -> float:
    """Send a message; returns the seconds until the server has it safe."""
    began = time.monotonic()
    client.write(address("bob"), "hello")
    client.acknowledged()
    return time.monotonic() - began


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


async def test_a_large_file_needs_little_memory(house: Premises, record_property: Any):
    mib = int(os.environ.get("CLARION_UPLOAD_MIB", "100"))
    with house.client("ann", way="starttls", managed=True) as ann:
        url, small = slot(ann, "film.mp4", mib * MIB, "video/mp4"), slot(ann, "a.bin", MIB)
        async with browser(house) as session:
            assert await put(session, small, bytes(MIB)) == 201  # what it needs only once
            before, most = house.memory_bytes(), 0
            pings: list[float] = []
            acknowledged: list[float] = []

            async def watch() -> None:
                nonlocal most
                while True:
                    most = max(most, house.memory_bytes())
                    pings.append(await asyncio.to_thread(ann.ping))
                    acknowledged.append(await asyncio.to_thread(message, ann))
                    await asyncio.sleep(0.005)

            async with crew() as hands:
                hands.spawn(watch(), name="watch")
                began = time.monotonic()
                kind = {"Content-Type": "video/mp4", "Content-Length": str(mib * MIB)}
                assert await put(session, url, pieces(mib * 4), **kind) == 201
                brought = time.monotonic()
                digest = hashlib.sha256()
                async with session.get(url) as answer:
                    async for chunk in answer.content.iter_chunked(1 << 16):
                        digest.update(chunk)
                    etag = answer.headers["ETag"]
                had = time.monotonic()
    assert etag == f'"{digest.hexdigest()}"'
    assert most - before < 20 * MIB
    assert p99(pings) < 1.0  # generous: the machine may be shared
    record_property(
        "told",
        f"{mib} MiB over TLS: up {brought - began:.2f} s, down {had - brought:.2f} s, memory "
        f"+{(most - before) / MIB:.1f} MiB; another client's ping p99 {p99(pings) * 1000:.1f} ms, "
        f"message until it is safe p99 {p99(acknowledged) * 1000:.1f} ms, of {len(pings)}",
    )


def test_a_file_that_is_too_large_is_refused_with_the_limit(empty: Premises):
    empty.furnish(more=FILES + 'file_bytes = 5000\nperson_bytes = 7000\ntypes = ["image/*"]')
    empty.start()
    empty.add_people("ann", "bob")
    with empty.client("ann") as ann:
        answer = asked(ann, "a.png", 5001)
        assert answer.find(f".//{{{NS}}}max-file-size").text == "5000"
        slot(ann, "a.png", 5000)
        answer = asked(ann, "b.png", 5000)
        assert answer.find(f".//{{{NS}}}retry") is not None
        assert asked(ann, "b.exe", 10, "application/exe").get("type") == "error"
    assert empty.stop() == 0


async def test_people_log_in_where_the_address_is_not_enough(empty: Premises):
    empty.furnish(more=FILES + 'access = "login"', limits="login_failures_person = 3")
    empty.start()
    empty.add_people("ann", "bob")
    with empty.client("ann") as ann:
        url = slot(ann, "a.txt", 5, "text/plain")
    async with browser(empty) as session:
        assert await put(session, url, b"hello", **{"Content-Type": "text/plain"}) == 201
        async with session.get(url) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        for name in ("bob", address("bob")):
            async with session.get(url, headers=basic(name, PASSWORDS["bob"])) as answer:
                assert (answer.status, await answer.read()) == (200, b"hello")
        took = []
        for _ in range(5):
            began = time.monotonic()
            async with session.get(url, headers=basic("ann", "wrong")) as answer:
                assert answer.status == 401
            took.append(time.monotonic() - began)
        assert max(took[:2]) < 1 < took[-1]
    assert empty.stop() == 0


@pytest.mark.parametrize("point", [MID_UPLOAD, BEFORE_SHELVING, BEFORE_FILE_ROW, BEFORE_CREATED])
async def test_after_kill_9_no_half_file_is_served(empty: Premises, point: str):
    house, size = empty, 8 * len(PIECE)
    house.furnish(more=FILES)
    house.start({VARIABLE: f"{point}:{2 if point == MID_UPLOAD else 1}"})
    house.add_people("ann")
    with house.client("ann") as ann:
        url = slot(ann, "a.bin", size)
        async with browser(house) as session:
            with pytest.raises((aiohttp.ClientError, ConnectionError)):
                await put(session, url, PIECE * 8)
    assert house.ended() == -signal.SIGKILL
    assert len(on_disk(house)) == 1  # a part of it, or all of it
    house.start()
    port = url.partition("/upload/")[0].rpartition(":")[2]
    url = url.replace(f":{port}/", f":{house.ports['https']}/")
    whole = point == BEFORE_CREATED
    assert await came_true(lambda: bool(on_disk(house)) == whole)
    async with browser(house) as session, session.get(url) as answer:
        body = await answer.read()
    if whole:  # safe, but nobody had been told
        assert (answer.status, body) == (200, PIECE * 8)
    else:
        assert answer.status == 404
    assert house.stop() == 0


async def test_an_operator_removes_a_file(house: Premises):
    with house.client("bob") as bob:
        url = slot(bob, "a.bin", 4)
    async with browser(house) as session:
        assert await put(session, url, b"away") == 201
        said = clarion("file", "list", address("bob"), "--config", str(house.config))
        assert "a.bin" in said.stdout, said.stderr
        said = clarion("file", "remove", url, "--config", str(house.config))
        assert said.stdout == f"Removed a.bin, 4 bytes, of {address('bob')}.\n", said.stderr
        async with session.get(url) as answer:
            assert answer.status == 404


async def test_who_is_erased_leaves_no_file(empty: Premises):
    house = empty
    house.furnish(more=FILES)
    house.start()
    house.add_people("ann", "bob")
    urls = {}
    async with browser(house) as session:
        for who, data in (("ann", b"hers"), ("ann", b"both"), ("bob", b"both")):
            with house.client(who) as client:
                urls[who, data] = slot(client, "a.bin", 4)
            assert await put(session, urls[who, data], data) == 201
        assert len(on_disk(house)) == 2  # what two have brought lies here once
        counts = house.ask("person.erase", address=address("ann"), messages=False)
        assert counts["files"] == 1
        assert len(on_disk(house)) == 1
        for (who, _), url in urls.items():
            async with session.get(url) as answer:
                assert answer.status == (200 if who == "bob" else 404)
    assert house.stop() == 0
