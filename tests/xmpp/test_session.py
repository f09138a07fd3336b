"""One session: its queue, its proofs, and what has reached it."""

import asyncio

from clarion.core.archive import ThreadId
from clarion.core.model import Person, PersonNumber
from clarion.core.ports import ItemRef, SessionId
from clarion.lib.ids import FIRST, ItemId
from clarion.wire.xmpp.acks import Outbound
from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.jid import parse_jid
from clarion.xmpp.session import REACHED_LIMIT, UNPROVEN_LIMIT, Session, Token
from fakes.household import RecordingLine, settle

ANN = Person(PersonNumber(1), "ann@corp.example", "Ann")


def item(number: int) -> ItemId:
    return ItemId(number.to_bytes(16, "big"))


def thread(number: int) -> ThreadId:
    return ThreadId(number.to_bytes(16, "big"))


def session(line: RecordingLine | None = None, most: int | None = None) -> Session:
    made = Session(SessionId("s"), ANN, parse_jid("ann@corp.example/phone"), "en")
    made.line = line
    if most is not None:
        made.outbound = Outbound[Token](limit_bytes=1000, limit_count=most)
    return made


def test_messages_come_only_to_priorities_of_zero_and_more():
    one = session()
    assert [one.takes_messages, one.crowded] == [False, False]
    told = []
    for one.priority in (-1, 0, 127):
        told.append(one.takes_messages)
    assert told == [False, True, True]


def test_what_is_sent_is_kept_until_acknowledged_also_without_a_connection():
    line = RecordingLine()
    one = session(line, 10)
    one.send(b"<a/>", ItemRef(item(1), None))
    one.send_nonza(b"<r/>")
    one.line = None
    one.send(b"<b/>")
    one.send_nonza(b"<r/>")
    assert line.written == [b"<a/>", b"<r/>"]
    assert one.outbound is not None
    assert one.outbound.unacknowledged() == [b"<a/>", b"<b/>"]
    assert one.unproven == []


def test_a_full_queue_ends_the_stream_and_the_right_to_resume():
    line = RecordingLine()
    one = session(line, 2)
    for _ in range(2):
        one.send(b"<a/>")
    assert not one.overflowed
    one.send(b"<lost/>")
    assert one.overflowed
    assert [error.condition for error in line.ended if error] == [
        StreamCondition.RESOURCE_CONSTRAINT
    ]
    assert line.written == [b"<a/>", b"<a/>"]
    one.line = None
    one.send(b"<lost/>")


async def test_who_waits_for_room_goes_on_when_the_client_has_acknowledged_enough():
    one = session(most=10)
    await one.room(4, 100)
    for _ in range(5):
        one.send(b"<a/>")
    waiting = [asyncio.get_running_loop().create_task(one.room(4, 100)) for _ in range(2)]
    await settle()
    one.moved()
    await settle()
    assert not any(task.done() for task in waiting)  # half of the queue is still used
    assert one.outbound is not None
    one.outbound.acknowledge(1)
    one.moved()
    await settle()
    assert all(task.done() for task in waiting)


async def test_who_waits_for_room_in_bytes_or_in_a_session_that_ends_goes_on():
    one = session(most=1000)
    one.send(b"x" * 400)
    waiting = asyncio.get_running_loop().create_task(one.room(10, 100))
    await settle()
    assert not waiting.done()
    one.ended = True
    one.moved()
    await settle()
    assert waiting.done()


def test_a_ping_proves_what_was_sent_before_it_and_no_more():
    one = session(RecordingLine())
    refs = [ItemRef(item(number), None) for number in range(1, 4)]
    for ref in refs[:2]:
        one.send(b"<a/>", ref)
    one.proof_id, one.proof_count = "proof", len(one.unproven)
    one.send(b"<a/>", refs[2])
    assert one.proved() == refs[:2]
    assert (one.unproven, one.proof_id, one.proof_count) == (refs[2:], "", 0)


def test_how_far_threads_reached_only_goes_forward_and_is_bounded():
    one = session()
    one.note_reached(thread(0), item(5))
    one.note_reached(thread(0), item(3))
    assert one.reached[thread(0)] == item(5)
    for number in range(1, REACHED_LIMIT):
        one.note_reached(thread(number), FIRST)
    one.note_reached(thread(0), item(6))
    one.note_reached(thread(REACHED_LIMIT), FIRST)
    assert len(one.reached) == REACHED_LIMIT
    assert thread(0) in one.reached  # moved last, and so not forgotten
    assert thread(1) not in one.reached


def test_who_answers_no_ping_loses_the_stream_when_too_much_is_unproven():
    line = RecordingLine()
    here = session(line)
    for number in range(UNPROVEN_LIMIT):
        here.send(b"<message/>", ItemRef(item(number), None))
    assert line.ended == []
    here.send(b"<message/>", ItemRef(item(UNPROVEN_LIMIT), None))
    assert [error and error.condition for error in line.ended] == ["resource-constraint"]
    assert len(here.unproven) == UNPROVEN_LIMIT
