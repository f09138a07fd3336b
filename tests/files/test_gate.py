"""Log-in for downloads: who is let in, and that guessing is slowed as it is in chat."""

import asyncio
import base64
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.throttle import Throttle
from clarion.files.gate import CREDENTIALS_LIMIT, Gate, credentials
from clarion.lib.crew import crew
from clarion.lib.errors import UnavailableError
from clarion.store.credentials import DatabaseCredentials
from clarion.store.people import DatabasePeople
from fakes.clock import FakeClock
from fakes.database import InMemoryDatabase


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (basic("ann:s\u00e9cret:x"), ("ann", "s\u00e9cret:x")),
        (basic("ann:").replace("Basic", "bASIC"), ("ann", "")),
        (basic("ann"), None),
        ("", None),
        ("Basic", None),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), None),
        ("Bearer YTpi", None),
        (basic("a:" + "b" * CREDENTIALS_LIMIT), None),
    ],
)
def test_credentials(header: str, said: tuple[str, str] | None):
    assert credentials(header) == said


class Place:
    def __init__(self) -> None:
        bus, self.clock, self.database = Bus(), FakeClock(), InMemoryDatabase()
        self.directory = Directory(DatabasePeople(self.database), bus, "corp.example")
        self.identity = Identity(DatabaseCredentials(self.database), self.directory, bus, 4096)
        self.throttle = Throttle(person_failures=2, network_failures=50)
        self.gate = Gate(self.identity, self.throttle, self.clock, "corp.example")

    async def enter(self, header: str | None) -> str:
        headers = {} if header is None else {"Authorization": header}
        request: Any = SimpleNamespace(headers=headers, remote="192.0.2.1")
        return (await self.gate.enter(request)).address


@pytest.fixture
async def place():
    here = Place()
    ann = await here.directory.add_person("ann@corp.example")
    await here.identity.set_password(ann, "s\u00e9cret")
    yield here
    here.identity.close()


async def test_people_get_in_with_any_password_of_theirs(place: Place):
    ann = place.directory.require_person("ann@corp.example")
    app = await place.identity.new_app_password(ann, "phone")
    for text in ("ann:s\u00e9cret", "Ann@Corp.Example:s\u00e9cret", f"ann:{app}"):
        assert await place.enter(basic(text)) == "ann@corp.example"


@pytest.mark.parametrize("header", [None, "Bearer x", basic("ann:no"), basic("bob:x"), basic("@:")])
async def test_others_do_not(place: Place, header: str | None):
    with pytest.raises(web.HTTPUnauthorized) as caught:
        await place.enter(header)
    assert caught.value.headers["WWW-Authenticate"] == 'Basic realm="Clarion", charset="UTF-8"'


async def test_who_is_disabled_does_not(place: Place):
    await place.directory.disable("ann@corp.example")
    with pytest.raises(web.HTTPUnauthorized):
        await place.enter(basic("ann:s\u00e9cret"))


async def test_guesses_have_to_wait(place: Place):
    for _ in range(2):
        with pytest.raises(web.HTTPUnauthorized):
            await place.enter(basic("ann:no"))
    told: list[int] = []

    async def guess() -> None:
        try:
            await place.enter(basic("ann:no"))
        except web.HTTPException as refusal:
            told.append(refusal.status)

    async with crew() as hands:
        for _ in range(12):
            hands.spawn(guess(), name="guess")
        for _ in range(20):
            await asyncio.sleep(0)
        assert 429 in told  # unseen
        assert 401 not in told  # the others wait
        waiting = place.throttle.refused
        assert waiting == len(told)
        # Who gives up counts no more.
    place.clock.advance(3600)
    assert await place.enter(basic("ann:s\u00e9cret")) == "ann@corp.example"


async def test_a_store_that_fails_is_no_wrong_password(place: Place):
    place.identity._keys.clear()
    place.database.fail_next_read(UnavailableError("the store is locked"))
    with pytest.raises(UnavailableError):
        await place.enter(basic("ann:s\u00e9cret"))
    assert place.throttle.bad == 0
