"""What routing does for the ledger: what counts, what is asked for, what a reply reads."""

from dataclasses import replace

import pytest

from clarion.core.archive import PageQuery
from clarion.core.events import MarkMoved
from clarion.core.ledger import Act, Door, State
from clarion.core.ports import ItemRef
from clarion.lib.ids import FIRST, LAST
from clarion.wire.xmpp.stamps import MARKERS
from clarion.xmpp.context import Context
from clarion.xmpp.ext.chat_markers import chat_markers
from clarion.xmpp.ext.receipts import receipts
from clarion.xmpp.ext.stanza_ids import stanza_ids
from fakes.household import DOMAIN, Client, Household, household

EXTENSIONS = (chat_markers, receipts, stanza_ids)
ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
BODY = "<body>hi</body>"
RECEIPT = "<received xmlns='urn:xmpp:receipts' id='m1'/>"
MARKER = f"<displayed xmlns='{MARKERS}' id='m1'/>"
COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"


def message(to: str, name: str = "m1", inner: str = BODY) -> str:
    return f"<message to='{to}' type='chat' id='{name}'>{inner}</message>"


async def newest(house: Household, name: str):
    query = PageQuery(None, None, FIRST, LAST, 1, newest=True)
    (item,) = (await house.services.archive.page(house.person(name).number, query)).items
    return item


def reaches(house: Household, client: Client, *names: str) -> None:
    """Let a client acknowledge messages of Ann's, as with XEP-0198."""
    ann = house.people.get(ANN)
    assert ann is not None
    found = [ann.sent.find(BOB, name) for name in names]
    client.context.entity.received(client.session, [ref for ref in found if ref is not None])


async def states(house: Household) -> dict[str, State]:
    shown = await house.services.ledger.show_thread(ANN, BOB, 10)
    return {item.message_id: entry.state for item, entry in shown}


@pytest.mark.parametrize(
    ("inner", "countable"),
    [
        (BODY, True),
        ("<subject>hi</subject>", True),
        ("<x xmlns='urn:some:thing'/>", True),
        (RECEIPT, False),
        (MARKER, False),
        (MARKER + COMPOSING, False),
        (MARKER + BODY, True),
    ],
)
async def test_what_tells_of_another_message_is_kept_and_read_by_nobody(
    inner: str, countable: bool
):
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.say(message(BOB, inner=inner))
        assert (await newest(house, "bob")).countable is countable
        refs: list[ItemRef] = bob.session.unproven
        assert [ref.thread is not None for ref in refs] == [countable]


async def test_marks_are_not_asked_for_where_the_settings_say_so_and_of_oneself():
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        assert MARKERS.encode() not in (await ann.say(message(ANN)))[-1]
        quiet = replace(house.services, ask_for_marks=False)
        context = ann.context
        ann = Client(house, Context(context.session, context.entity, context.people, quiet))
        await ann.say(message(BOB))
        assert MARKERS.encode() not in bob.line.take()[-1]
        await ann.say(message(BOB, "m2", f"{BODY}<markable xmlns='{MARKERS}'/>"))
        assert bob.line.take()[-1].count(MARKERS.encode()) == 1


async def test_a_reply_reads_what_had_reached_the_session_that_replies():
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        for name in ("m1", "m2", "m3"):
            await ann.say(message(BOB, name))
        reaches(house, bob, "m1", "m2")
        moves = []
        house.services.bus.subscribe(MarkMoved, lambda event: moves.append(event.move))
        await bob.say(message(ANN, "r"))
        assert [(move.reader, move.door, move.act) for move in moves] == [
            (BOB, Door.CHAT, Act.REPLIED)
        ]
        assert await states(house) == {
            "m1": State.READ,
            "m2": State.READ,
            "m3": State.SENT,
            "r": State.SENT,
        }


@pytest.mark.parametrize("inner", [RECEIPT, COMPOSING])
async def test_what_is_no_reply_reads_nothing(inner: str):
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.say(message(BOB))
        reaches(house, bob, "m1")
        await bob.say(message(ANN, "r", inner))
        assert (await states(house))["m1"] is State.DELIVERED


async def test_another_session_and_another_thread_are_not_read():
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        tab = await house.log_in("bob", "tab", -1)
        await ann.say(message(BOB))
        reaches(house, bob, "m1")
        await tab.say(message(ANN, "r1"))
        await bob.say(message(f"cai@{DOMAIN}", "r2"))
        assert (await states(house))["m1"] is State.DELIVERED
        await bob.say(message(ANN, "r3"))
        assert (await states(house))["m1"] is State.READ
