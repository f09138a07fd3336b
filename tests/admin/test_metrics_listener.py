"""The listener for scrapers: what it answers, and that nobody can hurt it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from prometheus_client.core import CounterMetricFamily

from clarion.admin import metrics
from clarion.admin.metrics import CONNECTIONS_LIMIT, HEAD_LIMIT, MetricsListener, take_ports
from clarion.config.values import Endpoint
from clarion.lib.errors import UsageError
from clarion.lib.metrics import Exposition

HERE = Endpoint("127.0.0.1", 0)


def things():
    yield CounterMetricFamily("clarion_things", "Things.", 3)


def broken():
    raise ValueError("a fault")
    yield


@asynccontextmanager
async def listening(source=things, **options: float) -> AsyncGenerator[int, None]:
    with take_ports([HERE]) as ports:
        listener = MetricsListener(ports, Exposition([source], lambda: 0.0), **options)
        async with listener.serve():
            yield int(listener.addresses[0].rpartition(":")[2])


async def say(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("target", [b"/metrics", b"/metrics?name=x"])
async def test_a_scraper_gets_the_figures(target: bytes):
    async with listening() as port:
        answer = await say(port, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=")
    assert f"Content-Length: {len(body)}\r\n".encode() in head
    assert b"clarion_things_total 3.0\n" in body


async def test_openmetrics_is_spoken_where_it_is_asked_for():
    async with listening() as port:
        answer = await say(
            port, b"GET /metrics HTTP/1.1\r\naccept: application/openmetrics-text\r\n\r\n"
        )
    assert b"Content-Type: application/openmetrics-text" in answer
    assert answer.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"\x16\x03\x01 TLS\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * HEAD_LIMIT + b"\r\n\r\n", b"431"),
    ],
)
async def test_other_requests(request_: bytes, status: bytes):
    async with listening() as port:
        answer = await say(port, request_)
    assert answer.split(b" ")[1] == status
    assert b"Connection: close" in answer
    if request_.startswith(b"HEAD"):
        assert answer.endswith(b"\r\n\r\n")


async def test_half_a_request_gets_no_answer_and_harms_nobody():
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /met")
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert b"200 OK" in await say(port, b"GET /metrics HTTP/1.1\r\n\r\n")


async def test_a_fault_is_told_and_harms_nobody():
    async with listening(broken) as port:
        for _ in range(2):
            assert b"500" in await say(port, b"GET /metrics HTTP/1.1\r\n\r\n")


async def test_who_says_nothing_is_cut_off():
    async with listening(time_limit=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_one_connection_too_many_is_closed_unheard():
    async with listening() as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_LIMIT)]
        with pytest.raises((ConnectionResetError, AssertionError)):
            assert b"200" in await say(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        held[0][1].close()
        await held[0][1].wait_closed()
        for _ in range(100):
            try:
                if b"200 OK" in await say(port, b"GET /metrics HTTP/1.1\r\n\r\n"):
                    break
            except ConnectionResetError:
                continue
        else:
            raise AssertionError("there is no room again")
        for _, writer in held[1:]:
            writer.close()


def test_a_busy_port_is_refused_with_what_to_do():
    with take_ports([HERE]) as (port,):
        port.listen()
        busy = Endpoint("127.0.0.1", port.getsockname()[1])
        with pytest.raises(UsageError, match=r"metrics: cannot listen on 127\.0\.0\.1:\d+: .*ss -"):
            with take_ports([HERE, busy]):
                pass


async def test_an_address_that_others_reach_is_warned_of(monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []

    class Log:
        def warning(self, event: str, **values: object) -> None:
            said.append(event)

        def info(self, event: str, **values: object) -> None:
            pass

    monkeypatch.setattr(metrics, "log", Log())
    for host, warned in (("127.0.0.1", False), ("0.0.0.0", True)):
        said.clear()
        with take_ports([Endpoint(host, 0)]) as ports:
            async with MetricsListener(ports, Exposition([things], lambda: 0.0)).serve():
                assert bool(said) is warned
