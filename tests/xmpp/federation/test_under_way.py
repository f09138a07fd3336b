"""RFC 6120 section 10.1: stanzas of one connection in their order, and not too many at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from clarion.lib.crew import crew
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.federation.arrivals import Work
from clarion.xmpp.federation.under_way import (
    UNDER_WAY_LIMIT,
    UNDER_WAY_LIMIT_BYTES,
    UnderWay,
)
from fakes.outside import cut

MESSAGE = cut("<message/>")
PRESENCE = cut("<presence/>")


class Double:
    """Takes stanzas, and is the connection as well."""

    host = "192.0.2.1"

    def __init__(self) -> None:
        self.held = False
        self.taken: list[Stanza] = []
        self.works: list[Work] = []

    def hold_reading(self, *, hold: bool) -> None:
        self.held = hold

    def take(self, stanza: Stanza) -> Work:
        self.taken.append(stanza)
        return self.works.pop(0) if self.works else None


@asynccontextmanager
async def under_way() -> AsyncGenerator[tuple[UnderWay, Double], None]:
    async with crew() as hands:
        double = Double()
        yield UnderWay(hands, double, double), double  # type: ignore[arg-type]  # a double


async def test_presence_that_takes_time_holds_back_what_is_behind_it():
    async with under_way() as (way, double):
        done = asyncio.Event()

        async def slow() -> None:
            await done.wait()

        double.works = [slow()]
        way.add(PRESENCE)
        way.add(MESSAGE)
        assert double.taken == [PRESENCE]
        done.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert double.taken == [PRESENCE, MESSAGE]


async def test_reading_stops_while_too_much_is_not_done():
    async with under_way() as (way, double):
        futures = [asyncio.get_running_loop().create_future() for _ in range(UNDER_WAY_LIMIT + 1)]
        double.works = list(futures)
        for _ in futures[1:]:
            way.add(MESSAGE)
        assert not double.held
        way.add(MESSAGE)
        assert double.held
        assert len(double.taken) == UNDER_WAY_LIMIT + 1
        futures[0].set_result(None)
        await asyncio.sleep(0)
        assert not double.held


async def test_bytes_count_as_well():
    async with under_way() as (way, double):
        future = asyncio.get_running_loop().create_future()
        double.works = [future]
        way.add(Stanza(MESSAGE.tag, {}, (), b"x" * (UNDER_WAY_LIMIT_BYTES + 1)))
        assert double.held
        future.set_result(None)
        await asyncio.sleep(0)
        assert not double.held
