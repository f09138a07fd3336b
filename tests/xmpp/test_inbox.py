"""What a client sends: in order, counted when it is safe, and answered whatever happens."""

import asyncio
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from structlog.testing import capture_logs

from clarion.core.archive import Item, Owner
from clarion.lib.errors import DeniedError, PeerError, UnavailableError, UsageError
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.context import Context
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.ping import ping
from clarion.xmpp.ext.stream_management import stream_management
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.inbox import QUEUE_LIMIT, UNCOUNTED_LIMIT
from fakes.household import DOMAIN, Client, Household, household, settle, stanza_of

NS = "urn:example:test"
BOB = f"bob@{DOMAIN}"
ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
R = "<r xmlns='urn:xmpp:sm:3'/>"
ORIGIN = "<origin-id xmlns='urn:xmpp:sid:0' id='o{}'/>"


class Feature:
    """A feature whose handlers wait, fail, or note what they saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None
        self.extension = Extension(Card("feature", "none", "A feature for tests", "none"))
        for name, handler in (("slow", self._slow), ("quick", self._quick), ("bad", self._bad)):
            self.extension.on_iq("set", f"{{{NS}}}{name}", at=("server", "account"))(handler)
        self.extension.on_message(f"{{{NS}}}look")(self._look)
        self.extension.on_nonza(f"{{{NS}}}nonza")(self._nonza)

    async def _slow(self, context: Context, stanza: Stanza, payload: Element) -> bytes | None:
        self.seen.append("begun " + stanza.attributes["id"])
        await self.go.wait()
        if self.error is not None:
            raise self.error
        self.seen.append(stanza.attributes["id"])
        return None

    def _quick(self, context: Context, stanza: Stanza, payload: Element) -> bytes | None:
        self.seen.append(stanza.attributes["id"])
        return b"<done/>"

    def _bad(self, context: Context, stanza: Stanza, payload: Element) -> bytes | None:
        assert self.error is not None
        raise self.error

    async def _look(self, context: Context, stanza: Stanza) -> None:
        self.seen.append("look")
        if self.error is not None:
            raise self.error

    def _nonza(self, context: Context, stanza: Stanza) -> None:
        if self.error is not None:
            raise self.error


def house_with(feature: Feature):
    return household(feature.extension, stream_management, delay, ping)


def ask(name: str, number: int) -> Stanza:
    return stanza_of(f"<iq type='set' id='{number}'><{name} xmlns='{NS}'/></iq>".encode())


def chat(inner: str = "", to: str = BOB) -> str:
    return f"<message to='{to}' type='chat' id='m'><body>hi</body>{inner}</message>"


def conditions(stanzas: list[bytes]) -> list[str]:
    """Return the condition of every error among ``stanzas``."""
    errors = [parse(raw, CLIENT).find(f"{{{CLIENT}}}error") for raw in stanzas]
    return [error[0].tag.rpartition("}")[2] for error in errors if error is not None]


def answers(client: Client) -> list[str]:
    """Return, once, what was written: ids of results, and ``a`` with its counter."""
    elements = [parse(raw, CLIENT) for raw in client.line.take()]
    return [
        f"a {element.get('h')}"
        if element.tag == "{urn:xmpp:sm:3}a"
        else f"{element.get('type')} {element.get('id')}"
        for element in elements
    ]


async def test_who_does_not_acknowledge_a_loss_cannot_go_on_for_ever():
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        await ann.say(ENABLE)
        feature.error = UnavailableError("the disk is full")
        await ann.say(f"<iq type='set' id='1'><bad xmlns='{NS}'/></iq>")
        unanswered = stanza_of(b"<iq type='result' id='2'/>")
        ann._inbox.take([unanswered] * UNCOUNTED_LIMIT)
        assert ann.line.ended == []
        ann._inbox.take([ask("quick", 3)])
        (error,) = ann.line.ended
        assert error is not None
        assert error.condition is StreamCondition.RESOURCE_CONSTRAINT
        assert feature.seen == []


# -- order -----------------------------------------------------------------------------------


async def test_a_handler_that_waits_holds_back_those_behind_it():
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        ann._inbox.take([ask("quick", 1), ask("slow", 2), ask("quick", 3)])
        ann._inbox.take([ask("slow", 4)])
        ann._inbox.take([ask("quick", 5)])
        await settle()
        assert feature.seen == ["1", "begun 2"]
        assert ann._inbox.busy
        feature.go.set()
        await settle()
        assert feature.seen == ["1", "begun 2", "2", "3", "begun 4", "4", "5"]
        assert answers(ann) == [f"result {number}" for number in range(1, 6)]
        assert not ann._inbox.busy


async def test_reading_pauses_when_too_much_waits_behind_a_slow_one():
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        held: list[bool] = []
        ann.line.hold_reading = lambda *, hold: held.append(hold)  # type: ignore[method-assign]  # watched
        ann._inbox.take([ask("slow", 0), *(ask("quick", n) for n in range(1, QUEUE_LIMIT + 1))])
        assert held == [False]
        ann._inbox.take([ask("quick", QUEUE_LIMIT + 1)])
        assert held[-1]
        feature.go.set()
        await settle()
        assert held[-1] is False
        assert len(answers(ann)) == QUEUE_LIMIT + 2


async def test_a_session_that_ends_midway_begins_nothing_more():
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        ann._inbox.take([ask("slow", 1), ask("quick", 2)])
        await settle()
        ann.session.ended = True
        ann.session.line = None
        feature.go.set()
        await settle()
        assert feature.seen == ["begun 1", "1"]
        assert ann.line.take() == []


async def test_what_was_not_begun_when_the_connection_broke_is_left_to_the_client():
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        await ann.say(ENABLE)
        ann._inbox.take([ask("slow", 1), ask("quick", 2)])
        await settle()
        ann._inbox.stop()
        feature.go.set()
        await settle()
        assert feature.seen == ["begun 1", "1"]
        assert ann.session.inbound is not None
        assert ann.session.inbound.handled == 1


async def test_who_says_goodbye_has_done_what_was_asked_before():
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        ann._inbox.take([ask("slow", 1), ask("quick", 2), ask("slow", 3)])
        await settle()
        done: list[str] = []
        ann._inbox.finish(lambda: done.append("done"))
        ann._inbox.stop()  # the connection goes before all is done
        feature.go.set()
        await settle()
        assert feature.seen == ["begun 1", "1", "2", "begun 3", "3"]
        assert done == ["done"]


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bad", "slow"])
async def test_a_fault_is_told_and_logged_once_and_the_stream_goes_on(name: str):
    feature = Feature()
    feature.go.set()
    feature.error = ZeroDivisionError("a detail that is nobody's business")
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        with capture_logs() as lines:
            ann._inbox.take([ask(name, 1), ask("quick", 2)])
            await settle()
        error, result = ann.line.take()
        assert conditions([error]) == ["internal-server-error"]
        assert b"detail" not in error
        assert b"<done/>" in result
        assert [line["log_level"] for line in lines] == ["error"]
        assert ann.line.ended == []


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (StanzaError(StanzaCondition.CONFLICT, "no"), "conflict"),
        (PeerError("no"), "bad-request"),
        (DeniedError("no"), "forbidden"),
        (UnavailableError("no"), "resource-constraint"),
        (UsageError("no"), "not-acceptable"),
    ],
)
async def test_every_refusal_has_its_condition(error: Exception, condition: str):
    feature = Feature()
    feature.error = error
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        with capture_logs() as lines:
            told = await ann.say(f"<iq type='set' id='1'><bad xmlns='{NS}'/></iq>")
        assert conditions(told) == [condition]
        assert lines == []


@pytest.mark.parametrize(
    "raw",
    [
        "<iq type='result' id='1'/>",
        "<iq type='error' id='1' to='@@'/>",
        "<presence type='error'/>",
        f"<message type='error' to='{DOMAIN}'/>",
        "<message type='error' to='@@'/>",
        "<message type='error' to='nobody@elsewhere.example'/>",
    ],
)
async def test_errors_and_results_are_answered_with_nothing_and_counted(raw: str):
    async with house_with(Feature()) as house:
        ann = await house.log_in("ann")
        await ann.say(ENABLE)
        assert await ann.say(raw) == []
        await ann.say(R)
        assert ann.session.inbound is not None
        assert ann.session.inbound.handled == 1


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (PeerError("h must be a number"), StreamCondition.BAD_FORMAT),
        (ZeroDivisionError(), StreamCondition.INTERNAL_SERVER_ERROR),
    ],
)
@pytest.mark.parametrize("queued", [False, True])
async def test_a_wrong_first_level_element_ends_the_stream(
    error: Exception, condition: StreamCondition, queued: bool
):
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        nonza = stanza_of(f"<nonza xmlns='{NS}'/>".encode())
        ann._inbox.take([ask("slow", 1), nonza] if queued else [nonza])
        await settle()
        assert ann.line.ended == []
        feature.go.set()
        await settle()
        feature.error = error
        with capture_logs() as lines:
            ann._inbox.take([nonza])
        assert [ended.condition for ended in ann.line.ended if ended] == [condition]
        assert len(lines) == (condition is StreamCondition.INTERNAL_SERVER_ERROR)


# -- counting (XEP-0198) ------------------------------------------------------------------------


class HeldCommits:
    """Holds the commits of a house's archive until they are resolved by hand."""

    def __init__(self, house: Household) -> None:
        self.futures: list[asyncio.Future[None]] = []
        archive: Any = house.services.archive
        archive.append = self._append

    def _append(
        self, item: Item, owners: Sequence[Owner], retraction: object = None
    ) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.futures.append(future)
        return future


async def test_a_request_is_answered_only_after_the_commits_before_it():
    async with house_with(Feature()) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.context.entity.catch_up(bob.session)
        commits = HeldCommits(house)
        await ann.say(ENABLE)
        for _ in range(2):
            assert await ann.say(chat()) == []
        assert len(bob.line.take()) == 2  # who is on line does not wait for the disk
        assert await ann.say(R) == []
        commits.futures[1].set_result(None)
        await settle()
        assert answers(ann) == []
        commits.futures[0].set_result(None)
        await settle()
        assert answers(ann) == ["a 2"]


async def test_what_could_not_be_kept_counts_when_its_error_was_acknowledged():
    async with house_with(Feature()) as house:
        ann = await house.log_in("ann")
        await ann.say(ENABLE)
        house.database.fail_next(UnavailableError("the disk is full"))
        assert conditions(await ann.say(chat())) == ["resource-constraint"]
        await ann.say("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        await ann.say(R)
        inbound = ann.session.inbound
        assert inbound is not None
        assert inbound.handled == 0
        await ann.say("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        assert inbound.handled == 2
        ann.line.take()
        assert await ann.say(R) == [b"<a xmlns='urn:xmpp:sm:3' h='2'/>"]


async def test_a_message_that_failed_may_be_sent_again_and_is_new_then():
    async with house_with(Feature()) as house:
        ann = await house.log_in("ann")
        house.database.fail_next(UnavailableError("the disk is full"))
        assert conditions(await ann.say(chat(ORIGIN.format(1)))) == ["resource-constraint"]
        assert await ann.say(chat(ORIGIN.format(1))) == []
        assert await ann.say(chat(ORIGIN.format(1))) == []
        bob = await house.log_in("bob")
        await bob.context.entity.catch_up(bob.session)
        assert len(bob.line.take()) == 1


@pytest.mark.parametrize("error", [PeerError("no"), DeniedError("no"), UsageError("no")])
async def test_a_refusal_is_an_answer_and_counts_at_once(error: Exception):
    feature = Feature()
    feature.error = error
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        await ann.say(ENABLE)
        await ann.say(f"<iq type='set' id='1'><bad xmlns='{NS}'/></iq>")
        assert await ann.say(R) == [b"<a xmlns='urn:xmpp:sm:3' h='1'/>"]


async def test_a_fault_counts_only_when_the_client_knows_of_it():
    feature = Feature()
    feature.error = ZeroDivisionError()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        await ann.say(ENABLE)
        await ann.say(f"<iq type='set' id='1'><bad xmlns='{NS}'/></iq>")
        assert await ann.say(R) == [b"<a xmlns='urn:xmpp:sm:3' h='0'/>"]


async def test_stanzas_before_stream_management_do_not_count():
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        ann._inbox.take([ask("slow", 1), stanza_of(ENABLE.encode()), stanza_of(R.encode())])
        await settle()
        feature.go.set()
        await settle()
        assert answers(ann) == ["result 1", "None token1", "a 0"]


async def test_what_a_feature_does_for_a_message_holds_its_count_and_its_order():
    feature = Feature()
    async with house_with(feature) as house:
        ann = await house.log_in("ann")
        await ann.say(ENABLE)
        assert await ann.say(chat(f"<look xmlns='{NS}'/>")) == []
        assert feature.seen == ["look"]
        assert await ann.say(R) == [b"<a xmlns='urn:xmpp:sm:3' h='1'/>"]
        feature.error = UnavailableError("the disk is full")
        told = await ann.say(chat(f"<look xmlns='{NS}'/>"))
        assert conditions(told) == ["resource-constraint"]


async def test_a_resent_message_waits_for_the_first_ones_commit():
    async with house_with(Feature()) as house:
        ann = await house.log_in("ann")
        await ann.say(ENABLE)
        commits = HeldCommits(house)
        await ann.say(chat(ORIGIN.format(1)))
        await settle()
        await ann.say(R)
        commits.futures[0].set_result(None)
        await settle()
        assert len(commits.futures) == 1
        assert "a 1" in answers(ann)
        assert await ann.say(chat(ORIGIN.format(1))) == []
        assert len(commits.futures) == 1
