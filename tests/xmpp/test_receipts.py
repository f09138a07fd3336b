"""XEP-0184: what is delivered is in the ledger."""

import pytest

from clarion.core.archive import pair_thread
from clarion.core.events import MarkMoved
from clarion.core.ledger import Act, Door, State
from clarion.lib.errors import UnavailableError
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.receipts import NS, receipts
from clarion.xmpp.ext.stanza_ids import stanza_ids
from fakes.household import DOMAIN, Household, household

EXTENSIONS = (receipts, stanza_ids, delay)
ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"


def receipt(message_id: str | None, to: str = ANN, kind: str = "chat"):
    named = f" id='{message_id}'" if message_id is not None else ""
    return f"<message to='{to}' type='{kind}'><received xmlns='{NS}'{named}/></message>"


def watch(house: Household):
    """Record the marks that move."""
    moves = []
    house.services.bus.subscribe(MarkMoved, lambda event: moves.append(event.move))
    return moves


async def test_a_receipt_says_delivered_and_goes_on_to_the_sender():
    async with household(*EXTENSIONS) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.say(f"<message to='{BOB}' type='chat' id='m1'><body>hi</body></message>")
        moves = watch(house)
        await bob.say(receipt("m1", f"{ANN}/phone"))
        (move,) = moves
        assert (move.thread, move.reader) == (pair_thread(ANN, BOB), BOB)
        assert (move.door, move.act) == (Door.CHAT, Act.DELIVERED)
        assert move.at == house.clock.wall()
        assert f"<received xmlns='{NS}' id='m1'/>".encode() in ann.line.take()[-1]
        ((_, entry),) = await house.services.ledger.show_thread(ANN, BOB, 5)
        assert (entry.state, entry.item) == (State.DELIVERED, move.up_to)


async def test_the_archive_knows_what_a_sender_without_a_session_sent():
    async with household(*EXTENSIONS) as house:
        item = await house.store(f"{ANN}/phone", BOB, "hi", "m1")
        bob, moves = await house.log_in("bob"), watch(house)
        await bob.say(receipt("m1"))
        assert [move.up_to for move in moves] == [item]


async def test_the_archive_knows_what_the_memory_has_forgotten():
    async with household(*EXTENSIONS) as house:
        item = await house.store(f"{ANN}/phone", BOB, "hi", "m1")
        await house.log_in("ann")
        bob, moves = await house.log_in("bob"), watch(house)
        await bob.say(receipt("m1"))
        assert [move.up_to for move in moves] == [item]


@pytest.mark.parametrize(
    "raw",
    [
        receipt("unknown"),
        receipt("from-bob"),
        receipt("to-cai"),
        receipt("m1", f"cai@{DOMAIN}"),
        receipt("m1", BOB),
        receipt("m1", kind="error"),
        receipt("m1", f"{ANN}/phone", kind="groupchat"),
        receipt(""),
        receipt(None),
        f"<message type='chat'><received xmlns='{NS}' id='m1'/></message>",
    ],
)
async def test_what_means_no_message_of_that_sender_moves_nothing_and_is_not_refused(raw: str):
    async with household(*EXTENSIONS) as house:
        await house.store(f"{ANN}/phone", BOB, "hi", "m1")
        await house.store(f"{BOB}/phone", ANN, "hi", "from-bob")
        await house.store(f"{ANN}/phone", f"cai@{DOMAIN}", "hi", "to-cai")
        await house.log_in("ann")
        bob, moves = await house.log_in("bob"), watch(house)
        answers = await bob.say(raw)
        assert moves == []
        assert not any(b"<error" in answer for answer in answers)


async def test_a_receipt_for_a_client_that_has_gone_counts_though_it_cannot_be_delivered():
    async with household(*EXTENSIONS) as house:
        item = await house.store(f"{ANN}/phone", BOB, "hi", "m1")
        bob, moves = await house.log_in("bob"), watch(house)
        (answer,) = await bob.say(receipt("m1", f"{ANN}/phone", kind="normal"))
        assert b"<service-unavailable" in answer
        assert [move.up_to for move in moves] == [item]


async def test_whom_nobody_knows_is_not_looked_up():
    async with household(*EXTENSIONS) as house:
        bob, moves = await house.log_in("bob"), watch(house)
        house.database.fail_next_read(UnavailableError("not to be read"))
        (answer,) = await bob.say(receipt("m1", "somebody@elsewhere.example"))
        assert b"<remote-server-not-found" in answer
        assert moves == []


async def test_the_sender_is_told_when_the_store_cannot_be_asked():
    async with household(*EXTENSIONS) as house:
        bob = await house.log_in("bob")
        house.database.fail_next_read(UnavailableError("the store is locked"))
        (answer,) = await bob.say(receipt("m1"))
        assert b"<resource-constraint" in answer
