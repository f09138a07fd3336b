"""Who takes a stanza: by its kind and whom it is for, or nobody, and what must wait for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from clarion.wire.xmpp.errors import StanzaError
from clarion.wire.xmpp.jid import JidError
from clarion.wire.xmpp.names import IQ, MESSAGE, PRESENCE
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.dispatch import TAKERS
from clarion.xmpp.extension import At, Card, Extension
from clarion.xmpp.refusals import stanza_error
from fakes.household import DOMAIN, Client, Household, household, stanza_of

NS = "urn:example:test"
BOB = f"bob@{DOMAIN}"


class Feature:
    """A feature that notes what it was asked, and where.

    Attributes:
        go: What waits goes on when this is set.

    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.go = asyncio.Event()
        self.extension = Extension(Card("feature", "none", "A feature for tests", "none"))
        self._on("server")
        self._on("account")
        self._on("contact")
        self._on("session")
        self.extension.on_iq("get", f"{{{NS}}}slow", at=("server",))(self._slow)
        self.extension.on_message(f"{{{NS}}}look")(self._look)
        self.extension.on_message(f"{{{NS}}}glance")(self._glance)

    def _on(self, place: At) -> None:
        def asked(context: Context, stanza: Stanza, payload: Element) -> bytes | None:
            self.seen.append(f"{place} {payload.tag.rpartition('}')[2]}")
            return b"<done/>" if payload.tag.endswith("much") else None

        for tag in ("much", "little"):
            self.extension.on_iq("get", f"{{{NS}}}{tag}", at=(place,))(asked)

    async def _slow(self, context: Context, stanza: Stanza, payload: Element) -> bytes | None:
        await self.go.wait()
        return b"<late/>"

    async def _look(self, context: Context, stanza: Stanza) -> None:
        self.seen.append("look")
        await self.go.wait()

    def _glance(self, context: Context, stanza: Stanza) -> None:
        self.seen.append("glance")


def dispatched(
    house: Household, client: Client, raw: str
) -> asyncio.Future[Any] | Coroutine[Any, Any, None] | None:
    """Hand a client's stanza to whoever takes it."""
    stanza = stanza_of(raw.encode())
    return TAKERS[stanza.tag](client.context, house.switchboard, stanza)


def get(name: str, to: str = "") -> str:
    address = f" to='{to}'" if to else ""
    return f"<iq type='get' id='1'{address}><{name} xmlns='{NS}'/></iq>"


def chat(inner: str = "") -> str:
    return f"<message to='{BOB}' type='chat' id='m'><body>hi</body>{inner}</message>"


def test_every_kind_of_stanza_is_taken_and_nothing_else():
    assert set(TAKERS) == {MESSAGE, PRESENCE, IQ}


@pytest.mark.parametrize(
    ("raw", "condition"),
    [
        ("<iq id='1'><x xmlns='urn:x'/></iq>", "bad-request"),
        ("<iq type='make' id='1'><x xmlns='urn:x'/></iq>", "bad-request"),
        ("<iq type='get'><x xmlns='urn:x'/></iq>", "bad-request"),
        ("<iq type='get' id='1'/>", "bad-request"),
        ("<iq type='get' id='1'><x xmlns='urn:x'/><y xmlns='urn:x'/></iq>", "bad-request"),
        ("<iq type='get' id='1'><x xmlns='urn:x'/></iq>", "service-unavailable"),
        (f"<iq type='get' id='1' to='{DOMAIN}'><x xmlns='urn:x'/></iq>", "service-unavailable"),
        (f"<iq type='get' id='1' to='{BOB}'><x xmlns='urn:x'/></iq>", "service-unavailable"),
        (
            f"<iq type='get' id='1' to='nobody@{DOMAIN}'><x xmlns='urn:x'/></iq>",
            "service-unavailable",
        ),
        (
            "<iq type='get' id='1' to='ann@elsewhere.example'><x xmlns='urn:x'/></iq>",
            "remote-server-not-found",
        ),
        ("<iq type='get' id='1' to='@@'><x xmlns='urn:x'/></iq>", "jid-malformed"),
        ("<presence type='lost'/>", "bad-request"),
        ("<message to='@@'><body>hi</body></message>", "jid-malformed"),
    ],
)
async def test_wrong_stanzas_are_refused(raw: str, condition: str):
    async with household() as house:
        ann = await house.log_in("ann")
        with pytest.raises((StanzaError, JidError)) as refused:
            dispatched(house, ann, raw)
        assert stanza_error(refused.value).condition == condition
        assert ann.line.take() == []  # whoever asks for it says so, once


@pytest.mark.parametrize(
    ("to", "place"),
    [
        (DOMAIN, "server"),
        ("", "account"),
        (f"ann@{DOMAIN}", "account"),
        (BOB, "contact"),
        (f"{BOB}/phone", "session"),
    ],
)
async def test_a_request_is_taken_where_it_is_addressed_to(to: str, place: str):
    feature = Feature()
    async with household(feature.extension) as house:
        ann = await house.log_in("ann")
        await house.log_in("bob")
        work = dispatched(house, ann, get("much", to))
        if isinstance(work, Coroutine):
            await work  # who asks a session is looked at before
        assert feature.seen == [f"{place} much"]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (
            "much",
            f"<iq type='result' id='1' from='{DOMAIN}' to='ann@{DOMAIN}/phone'><done/></iq>",
        ),
        ("little", f"<iq type='result' id='1' from='{DOMAIN}' to='ann@{DOMAIN}/phone'/>"),
    ],
)
async def test_a_request_is_answered_at_once_where_that_can_be(name: str, answer: str):
    async with household(Feature().extension) as house:
        ann = await house.log_in("ann")
        assert dispatched(house, ann, get(name, DOMAIN)) is None
        assert ann.line.take() == [answer.encode()]


async def test_a_request_that_takes_time_is_work_for_the_caller():
    feature = Feature()
    async with household(feature.extension) as house:
        ann = await house.log_in("ann")
        work = dispatched(house, ann, get("slow", DOMAIN))
        assert isinstance(work, Coroutine)
        assert ann.line.take() == []
        feature.go.set()
        await work
        (answer,) = ann.line.take()
        assert b"<late/>" in answer


async def test_a_message_is_on_its_way_before_it_is_committed():
    feature = Feature()
    async with household(feature.extension) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.context.entity.catch_up(bob.session)
        kept = dispatched(house, ann, chat(f"<glance xmlns='{NS}'/>"))
        assert isinstance(kept, asyncio.Future)
        assert len(bob.line.take()) == 1
        assert feature.seen == ["glance"]
        await kept


async def test_a_message_is_done_when_what_features_do_is_done():
    feature = Feature()
    async with household(feature.extension) as house:
        ann = await house.log_in("ann")
        work = dispatched(house, ann, chat(f"<look xmlns='{NS}'/>"))
        assert isinstance(work, Coroutine)
        async with asyncio.TaskGroup() as group:
            going_on = group.create_task(work)
            for _ in range(20):
                await asyncio.sleep(0)
            assert not going_on.done()
            feature.go.set()


async def test_a_feature_looks_once_at_a_message_however_often_its_child_is_there():
    feature = Feature()
    async with household(feature.extension) as house:
        ann = await house.log_in("ann")
        # Thousands fit into one stanza, and each look may cost a query.
        dispatched(house, ann, chat(f"<glance xmlns='{NS}'/>" * 3))
        assert feature.seen == ["glance"]
