"""XEP-0490: what was displayed reaches one's own devices, and the ledger as it should."""

import pytest

from clarion.core.archive import pair_thread
from clarion.core.events import MarkMoved
from clarion.core.ledger import Act, State
from clarion.core.ports import ItemRef
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import ItemId
from clarion.wire.xmpp.node_config import NS, PRIVATE
from clarion.wire.xmpp.stamps import MARKERS
from clarion.xmpp.displayed import NODE, NOTICE_TEXT
from clarion.xmpp.ext import ALL
from clarion.xmpp.ext.displayed_sync import ASSIST
from fakes.household import DOMAIN, Client, Household, household
from fakes.wanting import events_of, wants

ANN, BOB, CAI = f"ann@{DOMAIN}", f"bob@{DOMAIN}", f"cai@{DOMAIN}"


def stamp(named: str, by: str = BOB) -> str:
    return f"<stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='{named}'/>"


def displayed(item: ItemId | str, house: Household, by: str = BOB) -> str:
    named = item if isinstance(item, str) else house.services.seal.seal(item)
    return f"<displayed xmlns='{NODE}'>{stamp(named, by)}</displayed>"


def message(inner: str, to: str = ANN, more: str = "<body>ok</body>") -> str:
    return f"<message to='{to}' type='chat' id='d'>{more}{inner}</message>"


def published(inner: str, chat: str = ANN) -> str:
    item = f"<publish node='{NODE}'><item id='{chat}'>{inner}</item></publish>"
    return f"<iq type='set' id='p'><pubsub xmlns='{NS}'>{item}</pubsub></iq>"


def watch(house: Household) -> list[tuple[str, Act, ItemId]]:
    moves: list[tuple[str, Act, ItemId]] = []
    house.services.bus.subscribe(
        MarkMoved, lambda event: moves.append((event.move.reader, event.move.act, event.move.up_to))
    )
    return moves


async def state(house: Household, item: ItemId) -> State:
    (entry,) = await house.services.ledger.show_item(item)
    return entry.state


async def test_the_account_says_so():
    async with household(*ALL) as house:
        bob = await house.log_in("bob")
        answer = await bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", BOB)
        assert f"<feature var='{ASSIST}'/>".encode() in answer


async def test_it_is_cut_before_anybody_sees_it_and_published_privately():
    async with household(*ALL) as house:
        item = await house.store(f"{ANN}/x", BOB, "hi", "m1")
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        pad = await house.log_in("bob", "pad")
        await wants(pad, NODE)
        ann.line.take()
        await bob.say(
            message(displayed(item, house), more=f"<displayed xmlns='{MARKERS}' id='m1'/>")
        )
        (got,) = ann.line.take()
        assert NODE.encode() not in got
        assert f"<displayed xmlns='{MARKERS}' id='m1'/>".encode() in got
        assert events_of(pad.line.take()) == [(NODE, [f"item {ANN}"])]
        book = await house.services.nodes.book(house.person("bob"))
        assert book.require(NODE).config == PRIVATE
        kept = await house.services.archive.thread_page(pair_thread(ANN, BOB), 10)
        assert all(NODE.encode() not in one.stanza for one in kept)
        assert await state(house, item) is State.READ


async def test_with_both_markers_the_sender_hears_of_it_once():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.say(f"<message to='{BOB}' type='chat' id='m1'><body>1</body></message>")
        (item,) = await house.services.archive.thread_page(pair_thread(ANN, BOB), 10)
        moves = watch(house)
        inner = displayed(item.id, house)
        for more in (f"<displayed xmlns='{MARKERS}' id='m1'/>", "<body>x</body>"):
            await bob.say(message(inner, more=more))
        assert moves == [(BOB, Act.MARKED, item.id)]


async def test_the_marker_in_the_same_message_spares_the_archive():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.say(f"<message to='{BOB}' type='chat' id='m1'><body>1</body></message>")
        (item,) = await house.services.archive.thread_page(pair_thread(ANN, BOB), 10)
        await house.services.nodes.book(house.person("bob"))
        house.database.fail_next_read(UnavailableError("nobody reads"))
        more = f"<displayed xmlns='{MARKERS}' id='m1'/>"
        answers = await bob.say(message(displayed(item.id, house), more=more))
        assert not any(b"<error" in answer for answer in answers)


@pytest.mark.parametrize(
    ("chat", "by"),
    [
        (ANN, ANN),
        (ANN, DOMAIN),
        (ANN, f"{BOB}/desk"),
        (ANN, ""),
        (ANN, "@"),
        (CAI, BOB),
        (BOB, BOB),
        (f"{ANN}/x", BOB),
        ("@", BOB),
    ],
)
async def test_what_names_no_message_of_that_chat_moves_nothing(chat: str, by: str):
    async with household(*ALL) as house:
        item = await house.store(f"{ANN}/x", BOB, "hi", "m1")
        bob = await house.log_in("bob")
        house.services.sync_counts = True
        moves = watch(house)
        answers = await bob.say(published(displayed(item, house, by), chat))
        assert b"type='result'" in answers[-1]
        assert moves == []


@pytest.mark.parametrize(
    "inner",
    [
        f"<displayed xmlns='{NODE}'/>",
        f"<displayed xmlns='{NODE}'>{stamp('0' * 32)}{stamp('0' * 32)}</displayed>",
        f"<displayed xmlns='{NODE}'>{stamp('x')}</displayed>",
        f"<displayed xmlns='{NODE}'>{stamp('0' * 32)}</displayed>",
        "<other xmlns='x'/>",
    ],
)
async def test_what_is_no_mark_moves_nothing_and_is_published_as_it_is(inner: str):
    async with household(*ALL) as house:
        await house.store(f"{ANN}/x", BOB, "hi", "m1")
        bob = await house.log_in("bob")
        house.services.sync_counts = True
        moves = watch(house)
        assert b"type='result'" in (await bob.say(published(inner)))[-1]
        await bob.say(message(inner))
        assert moves == []


async def test_a_plain_item_counts_only_as_the_setting_says_and_people_are_told_once():
    async with household(*ALL) as house:
        item = await house.store(f"{ANN}/x", BOB, "hi", "m1")
        bob = await house.log_in("bob")
        assert len(await bob.say(published(displayed(item, house)))) == 1
        assert await state(house, item) is State.SENT
        house.services.sync_counts = True
        told, _ = await bob.say(published(displayed(item, house)))
        assert NOTICE_TEXT.encode() in told
        assert await state(house, item) is State.READ
        assert len(await bob.say(published(displayed(item, house)))) == 1


async def test_ones_own_message_stands_for_what_had_reached_this_session():
    async with household(*ALL) as house:
        first = await house.store(f"{ANN}/x", BOB, "1")
        crossed = await house.store(f"{ANN}/x", BOB, "2")
        own = await house.store(f"{BOB}/desk", ANN, "3")
        bob = await house.log_in("bob", "desk")
        await bob.say(message(displayed(own, house), more="<active xmlns='x'/>"))
        assert await state(house, first) is State.SENT
        thread = pair_thread(ANN, BOB)
        bob.context.entity.received(bob.session, [ItemRef(first, thread)])
        await bob.say(message(displayed(own, house), more="<active xmlns='x'/>"))
        assert await state(house, first) is State.READ
        assert await state(house, crossed) is State.SENT


async def test_who_is_blocked_is_not_told():
    async with household(*ALL) as house:
        item = await house.store(f"{ANN}/x", BOB, "1")
        bob = await house.log_in("bob")
        block = f"<block xmlns='urn:xmpp:blocking'><item jid='{ANN}'/></block>"
        assert b"result" in await bob.ask("set", block)
        house.services.sync_counts = True
        await bob.say(published(displayed(item, house)))
        assert await state(house, item) is State.SENT


async def test_an_error_and_a_message_to_oneself_count_nothing():
    async with household(*ALL) as house:
        item = await house.store(f"{ANN}/x", BOB, "hi", "m1")
        bob = await house.log_in("bob")
        moves = watch(house)
        inner = displayed(item, house)
        await bob.say(f"<message to='{ANN}' type='error'>{inner}</message>")
        book = await house.services.nodes.book(house.person("bob"))
        assert book.get(NODE) is None
        await bob.say(f"<message type='chat'><body>note</body>{inner}</message>")
        assert list(book.require(NODE).items) == [BOB]
        assert moves == []


async def test_what_cannot_be_published_is_told(monkeypatch: pytest.MonkeyPatch):
    async with household(*ALL) as house:
        bob = await house.log_in("bob")
        await house.services.nodes.book(house.person("bob"))
        house.database.fail_next(UnavailableError("the store is full"), 2)
        answers = await bob.say(message(displayed("x", house)))
        assert any(b"the store is full" in answer for answer in answers)


async def crowd(bob: Client, house: Household, items: list[ItemId], order: list[int]) -> None:
    for place in order:
        await bob.say(message(displayed(items[place], house), more="<active xmlns='x'/>"))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 1, 0, 2, 2, 1]])
async def test_marks_in_any_order_end_at_the_newest(order: list[int]):
    async with household(*ALL) as house:
        items = [await house.store(f"{ANN}/x", BOB, str(n)) for n in range(3)]
        bob, moves = await house.log_in("bob"), watch(house)
        await crowd(bob, house, items, order)
        heights = [up_to for _, _, up_to in moves]
        assert heights == sorted(set(heights))
        assert {await state(house, item) for item in items} == {State.READ}
