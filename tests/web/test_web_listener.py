"""The HTTP listener: what it lets in, what it answers, and that nobody can hurt it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from clarion.config.server import LimitsConfig
from clarion.config.web import WebConfig
from clarion.lib.errors import DeniedError, PeerError, UnavailableError, UsageError
from clarion.web.listener import HEADERS_LIMIT, LINE_LIMIT, WebListener
from clarion.web.ports import take_ports
from fakes.clock import FakeClock

HERE = ["127.0.0.1:0"]


async def who(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.remote} {request.secure} {await request.text()}")


def raising(error: Exception) -> Any:
    async def handler(request: web.Request) -> web.Response:
        raise error

    return handler


@asynccontextmanager
async def listening(
    routes: Iterable[web.RouteDef] = (web.get("/who", who), web.post("/who", who)),
    *,
    proxies: Iterable[str] = (),
    goodbyes: Any = (),
    **limits: Any,
) -> AsyncGenerator[tuple[WebListener, str], None]:
    config = WebConfig.model_validate(
        {"listen": [], "listen_plain": HERE, "trusted_proxies": list(proxies)}
    )
    with take_ports(config) as ports:
        listener = WebListener(
            config, LimitsConfig.model_validate({"drain_time": 0.2, **limits}), None, FakeClock(), 5
        )
        async with listener.serve(ports, routes, goodbyes):
            yield listener, f"http://{listener.addresses[0][1]}"


async def get(url: str, **more: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, **more) as answer:
        return answer.status, await answer.text()


async def raw(url: str, data: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_routes_are_handed_in():
    async with listening() as (listener, url):
        assert await get(f"{url}/who") == (200, "127.0.0.1 False ")
        assert await get(f"{url}/what") == (404, "there is nothing here\n")
        async with aiohttp.ClientSession() as session, session.put(f"{url}/who") as answer:
            assert answer.status == 405
            assert answer.headers["Allow"] == "GET,HEAD,POST"
            assert answer.headers["Server"] == "Clarion"
            assert answer.headers["Content-Type"].startswith("text/plain")
        told = {
            (tuple(sample.labels.values()), sample.value)
            for family in listener.figures()
            for sample in family.samples
            if sample.name == "clarion_http_requests_total"
        }
    assert told == {(("/who", "2xx"), 1), (("none", "4xx"), 2)}


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (DeniedError("not you"), 403, "not you\n"),
        (UnavailableError("not now"), 503, "not now\n"),
        (PeerError("not so"), 400, "not so\n"),
        (UsageError("not this"), 400, "not this\n"),
        (TimeoutError(), 408, "the request came too slowly\n"),
        (ValueError("secret"), 500, "the server failed; its log says more\n"),
        (web.HTTPConflict(text="there is one"), 409, "there is one\n"),
    ],
)
async def test_what_a_handler_raises_becomes_a_short_text(error: Exception, status: int, text: str):
    async with listening([web.get("/", raising(error))]) as (_, url):
        assert await get(url) == (status, text)


async def test_the_word_of_a_proxy_counts_only_if_it_is_trusted():
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    async with listening() as (_, url):
        assert await get(f"{url}/who", headers=headers) == (200, "127.0.0.1 False ")
    async with listening(proxies=["127.0.0.1"]) as (_, url):
        assert await get(f"{url}/who", headers=headers) == (200, "192.0.2.7 True ")
        assert await get(f"{url}/who") == (200, "127.0.0.1 False ")
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{url}/who", data="body") as answer,
        ):
            assert await answer.text() == "192.0.2.7 True body"


async def test_one_address_has_only_so_many_connections():
    async with listening(connections_per_address=1, strangers_per_address=1) as (listener, url):
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/who") as answer:
                assert answer.status == 200
            assert await raw(url, b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        while True:  # the first is closed; the server hears of it before long
            await asyncio.sleep(0)
            answered = await raw(url, b"GET /who HTTP/1.0\r\nHost: x\r\n\r\n")
            if answered:
                break
    assert answered.startswith(b"HTTP/1.0 200")
    assert listener._connections == 0


async def test_behind_a_proxy_requests_are_counted_by_client():
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        began.set()
        await go_on.wait()
        return web.Response()

    one, other = {"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "192.0.2.8"}
    limits = {"connections_per_address": 1, "strangers_per_address": 1}
    routes = [web.get("/slow", slow), web.get("/who", who)]
    async with (
        asyncio.TaskGroup() as group,
        listening(routes, proxies=["127.0.0.1"], **limits) as (_, url),
    ):
        first = group.create_task(get(f"{url}/slow", headers=one))
        await began.wait()
        assert (await get(f"{url}/who", headers=one))[0] == 429
        assert (await get(f"{url}/who", headers=other))[0] == 200
        go_on.set()
        assert (await first)[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /" + b"x" * (LINE_LIMIT + 10) + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEADERS_LIMIT + 1) + b"\r\n",
        b"GET / HTTP/1.1\r\na: " + b"x" * (LINE_LIMIT + 10) + b"\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_shortly(data: bytes):
    async with listening() as (_, url):
        answer = await raw(url, data + b"\r\n\r\n")
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert b"Traceback" not in answer


async def test_a_door_is_told_before_its_requests_are_waited_for():
    over = asyncio.Event()
    began = asyncio.Event()

    async def held(request: web.Request) -> web.Response:
        began.set()
        await over.wait()
        return web.Response(text="goodbye")

    async with (
        asyncio.TaskGroup() as group,
        listening([web.get("/", held)], goodbyes=[over.set]) as (_, url),
    ):
        asked = group.create_task(get(url))
        await began.wait()
    assert await asked == (200, "goodbye")


async def test_nobody_holds_up_the_end():
    began = asyncio.Event()

    async def endless(request: web.Request) -> web.Response:
        began.set()
        await asyncio.Event().wait()
        return web.Response()

    async def cut_off(url: str) -> None:
        with pytest.raises(aiohttp.ClientError):
            await get(url)

    async with (
        asyncio.TaskGroup() as group,
        listening([web.get("/", endless)]) as (_, url),
    ):
        group.create_task(cut_off(url))
        await began.wait()


def test_a_port_that_is_taken_is_told():
    with take_ports(WebConfig.model_validate({"listen": [], "listen_plain": HERE})) as ports:
        where = "{}:{}".format(*ports[0].socket.getsockname())
        ports[0].socket.listen()
        taken = WebConfig.model_validate({"listen": [where]})
        with pytest.raises(UsageError, match=f"web: cannot listen on {where}: address already"):
            take_ports(taken).__enter__()
    with take_ports(None) as none:
        assert none == ()
