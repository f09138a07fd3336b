"""Marks move forward only, are written in batches, and show who has read what, and when."""

import pytest
from structlog.testing import capture_logs

from clarion.core import book as book_module
from clarion.core.archive import ThreadId, pair_thread
from clarion.core.book import RETRY_AFTER, SHOW_LIMIT, Ledger
from clarion.core.events import MarkMoved
from clarion.core.ledger import Act, Door, Entry, Move, State
from clarion.lib.errors import UnavailableError, UsageError
from clarion.lib.ids import ItemId
from clarion.store.ledger import DatabaseLedger
from fakes.organisation import Organisation

ANN, BOB, CAI = (f"{name}@corp.example" for name in ("ann", "bob", "cai"))
THREAD = pair_thread(ANN, BOB)


@pytest.fixture
async def people(house: Organisation) -> None:
    for address in (ANN, BOB, CAI):
        await house.directory.add_person(address)


def item(number: int) -> ItemId:
    return ItemId(number.to_bytes(16, "big"))


def read(
    house: Organisation,
    up_to: ItemId,
    act: Act = Act.MARKED,
    reader: str = BOB,
    thread: ThreadId = THREAD,
) -> bool:
    return house.ledger.move(thread, reader, up_to, house.clock.wall(), Door.CHAT, act)


def kept(house: Organisation) -> list[tuple[str, ItemId, Act]]:
    """Return the moves that the store was given."""
    rows = house.database._connection.execute("SELECT reader, up_to, act FROM move").fetchall()
    return [(reader, up_to, Act(act)) for reader, up_to, act in rows]


async def test_marks_only_move_forward(house: Organisation):
    assert read(house, item(5))
    assert not read(house, item(5))
    assert not read(house, item(4))
    assert read(house, item(6))
    assert not read(house, item(6), Act.REPLIED)  # read it is already
    assert not read(house, item(6), Act.DELIVERED)  # who has read it has received it
    assert read(house, item(6), Act.CONFIRMED)
    assert read(house, item(7), Act.DELIVERED)
    assert read(house, item(5), reader=CAI)


async def test_many_marks_become_one_line_per_reader_and_act(house: Organisation):
    for number in range(1, 100):
        read(house, item(number), Act.DELIVERED)
        read(house, item(number))
    read(house, item(3), reader=CAI)
    assert kept(house) == []
    house.clock.advance(0)
    assert sorted(kept(house)) == [
        (BOB, item(99), Act.DELIVERED),
        (BOB, item(99), Act.MARKED),
        (CAI, item(3), Act.MARKED),
    ]
    assert house.clock.pending == 0


async def test_flush_hands_out_once(house: Organisation):
    read(house, item(1))
    moves = house.ledger.flush()
    assert [(move.reader, move.up_to) for move in moves] == [(BOB, item(1))]
    assert house.ledger.flush() == []
    assert house.clock.pending == 0


async def test_a_batch_is_asked_for_once(house: Organisation):
    asked: list[None] = []
    ledger = Ledger(
        DatabaseLedger(house.database),
        house.archive,
        house.directory,
        house.bus,
        house.clock,
        request_batch=lambda: asked.append(None),
    )
    for number in range(1, 10):
        ledger.move(THREAD, BOB, item(number), 1.0, Door.CHAT, Act.MARKED)
    assert asked == [None]
    assert kept(house) == []
    ledger.write()
    assert kept(house) == [(BOB, item(9), Act.MARKED)]
    ledger.move(THREAD, BOB, item(10), 1.0, Door.CHAT, Act.MARKED)
    assert asked == [None, None]


async def test_each_step_forward_is_told(house: Organisation):
    house.listen(MarkMoved)
    read(house, item(1))
    read(house, item(1))
    assert house.told == [
        MarkMoved(Move(THREAD, BOB, item(1), house.clock.wall(), Door.CHAT, Act.MARKED))
    ]


async def test_written_means_that_it_is_safe(house: Organisation):
    await house.ledger.written()
    read(house, item(1))
    await house.ledger.written()
    assert kept(house) == [(BOB, item(1), Act.MARKED)]


async def test_what_the_store_refuses_is_written_later(house: Organisation):
    read(house, item(1), Act.DELIVERED)
    read(house, item(1))
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError, match="full"):
        await house.ledger.written()
    assert kept(house) == []
    read(house, item(2))
    house.clock.advance(RETRY_AFTER)
    await house.ledger.written()
    assert sorted(kept(house)) == [(BOB, item(1), Act.DELIVERED), (BOB, item(2), Act.MARKED)]


async def test_memory_is_bounded(house: Organisation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(book_module, "THREADS_CACHED", 10)
    for number in range(50):
        read(house, item(1), thread=ThreadId(bytes([number]) * 16))
    assert len(house.ledger._heights) == 10


@pytest.mark.usefixtures("people")
async def test_an_item_is_sent_then_delivered_then_read(house: Organisation):
    message = await house.send(ANN, BOB)
    assert await house.ledger.show_item(message) == [Entry(message, BOB, State.SENT)]
    house.clock.advance(5)
    delivered_at = house.clock.wall()
    read(house, message, Act.DELIVERED)
    expected = Entry(message, BOB, State.DELIVERED, delivered_at, Door.CHAT, Act.DELIVERED)
    assert await house.ledger.show_item(message) == [expected]  # before it is written, too
    await house.ledger.written()
    assert await house.ledger.show_item(message) == [expected]
    house.clock.advance(5)
    read(house, message)
    await house.ledger.written()
    (entry,) = await house.ledger.show_item(message)
    assert (entry.state, entry.at, entry.act) == (State.READ, delivered_at + 5, Act.MARKED)


@pytest.mark.usefixtures("people")
async def test_an_entry_tells_the_first_move_that_reached_it(house: Organisation):
    first, second = await house.send(ANN, BOB), await house.send(ANN, BOB)
    read(house, first)
    at = house.clock.wall()
    await house.ledger.written()
    house.clock.advance(100)
    read(house, second, Act.REPLIED)
    await house.ledger.written()
    (entry,) = await house.ledger.show_item(first)
    assert (entry.at, entry.act) == (at, Act.MARKED)
    (entry,) = await house.ledger.show_item(second)
    assert (entry.at, entry.act) == (at + 100, Act.REPLIED)


@pytest.mark.usefixtures("people")
async def test_state_never_goes_back(house: Organisation):
    message = await house.send(ANN, BOB)
    read(house, message)
    await house.ledger.written()
    (before,) = await house.ledger.show_item(message)
    # A server that was started again knows no heights, and takes what comes.
    ledger = Ledger(
        DatabaseLedger(house.database), house.archive, house.directory, house.bus, house.clock
    )
    ledger.move(THREAD, BOB, message, house.clock.wall() + 50, Door.CHAT, Act.MARKED)
    ledger.move(THREAD, BOB, item(1), house.clock.wall() + 60, Door.CHAT, Act.CONFIRMED)
    await ledger.written()
    assert await ledger.show_item(message) == [before]


@pytest.mark.usefixtures("people")
async def test_the_senders_own_marks_do_not_count(house: Organisation):
    message = await house.send(ANN, BOB)
    read(house, message, reader=ANN)
    assert await house.ledger.show_item(message) == [Entry(message, BOB, State.SENT)]


@pytest.mark.usefixtures("people")
async def test_what_nobody_reads_has_no_readers(house: Organisation):
    to_herself = await house.send(ANN, ANN)
    receipt = await house.send(ANN, BOB, countable=False)
    stranger = await house.send(ANN, "who@other.example")
    for message in (to_herself, receipt, stranger):
        assert await house.ledger.show_item(message) == []


@pytest.mark.usefixtures("people")
async def test_a_message_to_one_device_has_its_person_as_reader(house: Organisation):
    message = await house.send(ANN, BOB, resource="/tablet")
    (entry,) = await house.ledger.show_item(message)
    assert entry.reader == BOB


async def test_an_unknown_item_is_refused(house: Organisation):
    with pytest.raises(UsageError, match="there is no such item"):
        await house.ledger.show_item(item(1))


@pytest.mark.usefixtures("people")
async def test_a_thread_shows_both_directions_oldest_first(house: Organisation):
    one = await house.send(ANN, BOB)
    two = await house.send(BOB, ANN)
    three = await house.send(ANN, BOB)
    await house.send(ANN, CAI)
    read(house, two)  # a reply marks what came before it
    read(house, two, reader=ANN)
    await house.ledger.written()
    rows = await house.ledger.show_thread(BOB, " Ann@corp.example", 10)
    assert [(item.id, entry.reader, entry.state) for item, entry in rows] == [
        (one, BOB, State.READ),
        (two, ANN, State.READ),
        (three, BOB, State.SENT),
    ]
    rows = await house.ledger.show_thread(ANN, BOB, 1)
    assert [item.id for item, _ in rows] == [three]


@pytest.mark.usefixtures("people")
async def test_a_thread_of_nobody_is_refused_and_an_empty_one_is_empty(house: Organisation):
    assert await house.ledger.show_thread(ANN, CAI, 10) == []
    with pytest.raises(UsageError, match="there is no such person"):
        await house.ledger.show_thread(ANN, "nobody@corp.example", 10)


@pytest.mark.usefixtures("people")
async def test_a_thread_is_shown_up_to_its_limit(house: Organisation):
    for _ in range(SHOW_LIMIT + 1):
        await house.send(ANN, BOB)
    assert len(await house.ledger.show_thread(ANN, BOB, 10**6)) == SHOW_LIMIT


async def test_marks_that_can_never_be_kept_are_logged_and_not_tried_again(house: Organisation):
    read(house, item(1))
    house.database.fail_next(UsageError("odd"))
    with capture_logs() as lines, pytest.raises(UsageError, match="odd"):
        await house.ledger.written()
    assert [(line["event"], line["count"]) for line in lines] == [("marks were lost", 1)]
    assert house.ledger.flush() == []


async def test_marks_that_come_while_the_store_fails_wait_for_the_same_try(house: Organisation):
    read(house, item(1))
    house.database.fail_next(UnavailableError("full"))
    with pytest.raises(UnavailableError):
        await house.ledger.written()
    read(house, item(1), reader=CAI)
    assert house.clock.pending == 1
    house.clock.advance(RETRY_AFTER)
    await house.ledger.written()
    assert sorted(kept(house)) == [(BOB, item(1), Act.MARKED), (CAI, item(1), Act.MARKED)]
