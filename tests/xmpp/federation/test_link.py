"""Queues, refusals and patience of the way to another server (RFC 6120 section 10.4)."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from clarion.core.ports import Parcel
from clarion.lib.crew import crew
from clarion.lib.errors import UnavailableError
from clarion.lib.peer_tls import connecting_context, listening_context
from clarion.wire.xmpp.dialback import Dialback
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.server_events import PeerProven
from clarion.xmpp.federation.link import (
    IDLE_SECONDS,
    QUESTIONS_LIMIT,
    QUEUE_LIMIT,
    QUEUE_LIMIT_BYTES,
    RETRY_LIMIT_SECONDS,
    RETRY_SECONDS,
    VERIFY_SECONDS,
    Link,
    _Attempt,
)
from clarion.xmpp.federation.policy import Contexts
from clarion.xmpp.federation.resolving import Service, Target
from fakes.clock import FakeClock
from fakes.servers import A, B, rules
from fakes.world import FakeTransport

_C = StanzaCondition


class Scene:
    """A link whose names never resolve, or not yet."""

    def __init__(self, hands: object) -> None:
        self.clock = FakeClock()
        self.asked = 0
        self.answer = asyncio.Event()
        self.bounced: list[tuple[Parcel, StanzaCondition]] = []
        contexts = Contexts(
            listening_context(None, minimum="1.2", ask=False, direct=False),
            listening_context(None, minimum="1.2", ask=False, direct=True),
            connecting_context(None, minimum="1.2", direct=False),
            connecting_context(None, minimum="1.2", direct=True),
        )
        self.link = Link(
            A,
            B,
            rules=rules(A),
            contexts=contexts,
            resolver=self,
            clock=self.clock,
            crew=hands,  # type: ignore[arg-type]  # a crew
            bounce=self.bounce,
        )

    def bounce(self, parcel: Parcel, error: StanzaError) -> None:
        self.bounced.append((parcel, error.condition))

    async def services(self, name: str) -> Sequence[Service]:
        self.asked += 1
        await self.answer.wait()
        raise UnavailableError("nobody knows")

    async def addresses(self, host: str) -> Sequence[str]:
        return []

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


@asynccontextmanager
async def scene() -> AsyncGenerator[Scene, None]:
    async with crew() as hands:
        yield Scene(hands)


def message(size: int = 10) -> Parcel:
    return Parcel("message", "chat", f"ann@{A}/x", "", b"<message>" + b"x" * size + b"</message>")


async def test_what_waits_goes_back_in_the_end_and_nobody_tries_again_at_once():
    async with scene() as here:
        here.link.send(message())
        here.link.send(message())
        await here.settle()
        assert here.bounced == []
        here.answer.set()
        await here.settle()
        assert [condition for _, condition in here.bounced] == [_C.REMOTE_SERVER_NOT_FOUND] * 2
        asked = here.asked
        here.link.send(message())
        await here.settle()
        assert len(here.bounced) == 3
        assert here.asked == asked


async def test_the_pause_doubles_up_to_its_limit():
    async with scene() as here:
        here.answer.set()
        wait = RETRY_SECONDS
        for _ in range(10):
            asked = here.asked
            here.link.send(message())
            await here.settle()
            assert here.asked > asked
            assert not here.link.idle
            here.clock.advance(wait - 0.1)
            here.link.send(message())
            await here.settle()
            here.clock.advance(0.1)
            wait = min(wait * 2, RETRY_LIMIT_SECONDS)
        assert wait == RETRY_LIMIT_SECONDS
        assert here.link.idle


async def test_only_so_much_waits():
    async with scene() as here:
        for _ in range(QUEUE_LIMIT):
            here.link.send(message())
        assert here.bounced == []
        here.link.send(message())
        assert [condition for _, condition in here.bounced] == [_C.RESOURCE_CONSTRAINT]
        here.answer.set()
        await here.settle()
    async with scene() as here:
        here.link.send(message(QUEUE_LIMIT_BYTES + 1))
        assert [condition for _, condition in here.bounced] == [_C.RESOURCE_CONSTRAINT]


async def test_a_stanza_that_no_server_may_hold_is_refused():
    async with scene() as here:
        raw = b"<c:message xmlns:c='jabber:client'/>"
        here.link.send(Parcel("message", "chat", f"ann@{A}/x", "", raw))
        assert [condition for _, condition in here.bounced] == [_C.BAD_REQUEST]


async def test_only_so_many_questions_about_keys_are_under_way():
    async with scene() as here:
        told: list[str] = []
        for number in range(QUESTIONS_LIMIT + 1):
            asked = Dialback(B, A, f"s{number}", "", "key")
            here.link.verify(asked, lambda kind, error: told.append(kind))
        assert told == ["error"]
        await here.settle()
        here.link.close()
        assert len(told) == QUESTIONS_LIMIT + 1


async def test_a_stream_sends_what_waited_first_and_is_closed_when_it_was_idle_for_long():
    async with scene() as here:
        link = here.link
        first, second = message(1), message(2)
        link.send(first)
        await here.settle()
        attempt = _Attempt(link, Target("192.0.2.1", 5270, direct=False))
        transport = FakeTransport(attempt.connection, "192.0.2.1")
        attempt.connection.connection_made(transport)
        assert attempt._engine is not None
        attempt._engine._prove()
        attempt.heard(PeerProven(A, B, "dialback"))
        link.send(second)
        await here.settle()
        said = bytes(transport.unread)
        assert said.endswith(first.stanza + second.stanza)
        here.clock.advance(IDLE_SECONDS - 1)
        link.send(message(3))
        here.clock.advance(IDLE_SECONDS - 1)
        assert not transport.closed
        here.clock.advance(1)
        assert transport.closed


async def test_a_question_about_a_key_is_answered_whatever_happens():
    async with scene() as here:
        told: list[str] = []
        asked = Dialback(B, A, "s1", "", "key")
        here.link.verify(asked, lambda kind, error: told.append(kind))
        here.link.verify(asked, lambda kind, error: told.append(f"again {kind}"))
        assert told == ["again error"]
        here.clock.advance(VERIFY_SECONDS)
        assert told == ["again error", "error"]
        here.link.verify(asked, lambda kind, error: told.append(kind))
        here.answer.set()
        await here.settle()
        assert told == ["again error", "error", "error"]
