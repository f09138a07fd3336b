import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from clarion.core.ports import Parcel
from clarion.lib.crew import crew
from clarion.lib.errors import PeerError, UnavailableError
from clarion.xmpp.rooms import lanes as module
from clarion.xmpp.rooms.lanes import Lanes


class Hall:
    """Lanes with a handler that a test writes."""

    def __init__(self, hands: Any, handle: Callable[[Parcel], Any]) -> None:
        self.refused: list[tuple[bytes, str]] = []
        self.after: list[str] = []
        self.lanes = Lanes(hands, lambda address, parcel: handle(parcel), self._refuse, self._then)

    def take(self, text: str, address: str = "r") -> asyncio.Future[Any] | None:
        return self.lanes.take(address, Parcel("iq", "get", "a", "", text.encode()))

    def _refuse(self, parcel: Parcel, error: BaseException) -> None:
        self.refused.append((parcel.stanza, str(error)))

    def _then(self, address: str) -> None:
        self.after.append(address)


@asynccontextmanager
async def hall(handle: Callable[[Parcel], Any]) -> AsyncGenerator[Hall, None]:
    async with crew() as hands:
        yield Hall(hands, handle)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_done_at_once_waits_for_nothing():
    kept = asyncio.get_running_loop().create_future()
    async with hall(lambda parcel: kept if parcel.stanza == b"2" else None) as here:
        assert here.take("1") is None
        assert here.take("2") is kept
        assert here.after == ["r", "r"]


async def test_something_slow_holds_back_what_follows_in_its_room_and_nothing_else():
    order: list[bytes] = []
    gate = asyncio.Event()

    def handle(parcel: Parcel) -> Any:
        order.append(parcel.stanza)
        return slow() if parcel.stanza == b"slow" else None

    async def slow() -> None:
        await gate.wait()

    async with hall(handle) as here:
        first, second = here.take("slow"), here.take("behind")
        assert here.take("elsewhere", "other") is None
        await settle()
        assert order == [b"slow", b"elsewhere"]
        assert first is not None
        assert second is not None
        assert not first.done()
        gate.set()
        await settle()
        assert order == [b"slow", b"elsewhere", b"behind"]
        assert first.done()
        assert second.done()


async def test_the_sender_waits_for_the_commit_behind_something_slow():
    kept = asyncio.get_running_loop().create_future()

    async def slow() -> asyncio.Future[Any]:
        return kept

    async with hall(lambda parcel: slow() if parcel.stanza == b"slow" else kept) as here:
        first, second = here.take("slow"), here.take("behind")
        await settle()
        assert first is not None
        assert second is not None
        assert not first.done()
        kept.set_exception(UnavailableError("full"))
        await settle()
        assert isinstance(first.exception(), UnavailableError)
        assert isinstance(second.exception(), UnavailableError)


async def test_refusals_are_told_and_only_what_the_store_lost_fails():
    async def wrong(text: str) -> None:
        raise PeerError(text) if text == "wrong" else UnavailableError(text)

    def handle(parcel: Parcel) -> Any:
        if parcel.stanza == b"at once":
            raise PeerError("no")
        return wrong(parcel.stanza.decode())

    async with hall(handle) as here:
        assert here.take("at once") is None
        refused, lost = here.take("wrong"), here.take("lost")
        await settle()
        assert here.refused == [(b"at once", "no"), (b"wrong", "wrong")]
        assert refused is not None
        assert lost is not None
        assert refused.result() is None
        assert isinstance(lost.exception(), UnavailableError)


async def test_too_many_that_wait_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LANE_LIMIT", 1)
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    async with hall(lambda parcel: slow()) as here:
        here.take("1")
        here.take("2")
        assert here.take("3") is None
        assert here.refused == [(b"3", "the room is busy")]
        gate.set()
        await settle()


async def test_what_waits_when_the_house_closes_is_given_up():
    async def slow() -> None:
        await asyncio.Event().wait()

    async with hall(lambda parcel: slow()) as here:
        here.take("1")
        later = here.take("2")
        await settle()
    assert later is not None
    assert later.cancelled()


async def test_what_comes_back_while_something_is_done_waits_until_it_is():
    order: list[bytes] = []

    def handle(parcel: Parcel) -> Any:
        order.append(b"begin " + parcel.stanza)
        if parcel.stanza == b"1":
            inner.append(here.take("2"))
        order.append(b"end " + parcel.stanza)

    inner: list[asyncio.Future[Any] | None] = []
    async with hall(handle) as here:
        assert here.take("1") is None
        assert order == [b"begin 1", b"end 1", b"begin 2", b"end 2"]
        (waited,) = inner
        assert waited is not None
        assert waited.result() is None
        order.clear()
        here.lanes.meanwhile("r", lambda: (here.take("3"), order.append(b"act"))[-1])
        assert order == [b"act", b"begin 3", b"end 3"]


async def test_a_fault_in_what_is_done_meanwhile_holds_nothing_back():
    def fail() -> None:
        raise ValueError("a mistake")

    async with hall(lambda parcel: None) as here:
        with pytest.raises(ValueError, match="mistake"):
            here.lanes.meanwhile("r", fail)
        assert here.take("1") is None


async def test_what_is_done_while_something_slow_is_under_way_is_a_part_of_it():
    gate, done = asyncio.Event(), []

    async def slow() -> None:
        here.lanes.meanwhile("r", lambda: done.append("act"))
        await gate.wait()

    async with hall(lambda parcel: slow()) as here:
        here.take("1")
        await settle()
        assert done == ["act"]
        gate.set()
        await settle()
