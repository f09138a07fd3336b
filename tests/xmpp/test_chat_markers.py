"""XEP-0333: what is read is in the ledger."""

import pytest

from clarion.core.events import MarkMoved
from clarion.core.ledger import Act, State
from clarion.wire.xmpp.stamps import MARKERS
from clarion.xmpp.ext.chat_markers import chat_markers
from clarion.xmpp.ext.stanza_ids import stanza_ids
from fakes.household import DOMAIN, Client, Household, household

EXTENSIONS = (chat_markers, stanza_ids)
ANN, BOB, CAI = f"ann@{DOMAIN}", f"bob@{DOMAIN}", f"cai@{DOMAIN}"


def marker(message_id: str | None, to: str = ANN, kind: str = "chat"):
    named = f" id='{message_id}'" if message_id is not None else ""
    return f"<message to='{to}' type='{kind}'><displayed xmlns='{MARKERS}'{named}/></message>"


def watch(house: Household):
    moves = []
    house.services.bus.subscribe(MarkMoved, lambda event: moves.append(event.move))
    return moves


async def say_three(ann: Client):
    for name in ("m1", "m2", "m3"):
        await ann.say(f"<message to='{BOB}' type='chat' id='{name}'><body>hi</body></message>")


async def states(house: Household, one: str = ANN, other: str = BOB):
    shown = await house.services.ledger.show_thread(one, other, 10)
    return {item.message_id: entry.state for item, entry in shown}


async def test_a_marker_reads_its_message_and_all_before_it():
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await say_three(ann)
        moves = watch(house)
        await bob.say(marker("m2"))
        assert [(move.reader, move.act) for move in moves] == [(BOB, Act.MARKED)]
        assert await states(house) == {"m1": State.READ, "m2": State.READ, "m3": State.SENT}
        assert f"<displayed xmlns='{MARKERS}' id='m2'/>".encode() in ann.line.take()[-1]


async def test_marks_only_move_forward():
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await say_three(ann)
        moves = watch(house)
        await bob.say(marker("m2"))
        await bob.say(marker("m1"))
        await bob.say(marker("m2"))
        assert len(moves) == 1
        await bob.say(marker("m3"))
        assert set((await states(house)).values()) == {State.READ}


async def test_a_marker_for_what_only_the_archive_knows():
    async with household(*EXTENSIONS) as house:
        item = await house.store(f"{ANN}/phone", f"{BOB}/desk", "hi", "m1")
        bob, moves = await house.log_in("bob"), watch(house)
        await bob.say(marker("m1"))
        assert [move.up_to for move in moves] == [item]


@pytest.mark.parametrize(
    "raw",
    [
        marker("unknown"),
        marker("from-bob"),
        marker("to-cai"),
        marker("m1", CAI),
        marker("m1", BOB),
        marker("m1", kind="error"),
        marker(None, kind="error"),
        marker("m1", f"{ANN}/phone", kind="groupchat"),
    ],
)
async def test_what_this_reader_was_never_sent_moves_nothing_and_is_not_refused(raw: str):
    async with household(*EXTENSIONS) as house:
        await house.store(f"{ANN}/phone", BOB, "hi", "m1")
        await house.store(f"{BOB}/phone", ANN, "hi", "from-bob")
        await house.store(f"{ANN}/phone", CAI, "hi", "to-cai")
        await house.log_in("ann")
        bob, moves = await house.log_in("bob"), watch(house)
        answers = await bob.say(raw)
        assert moves == []
        assert not any(b"<error" in answer for answer in answers)


@pytest.mark.parametrize("message_id", ["", None])
async def test_a_marker_must_name_a_message(message_id: str | None):
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        (answer,) = await bob.say(marker(message_id))
        assert b"<bad-request" in answer
        assert b"must name a message" in answer
        assert ann.line.take() == []
