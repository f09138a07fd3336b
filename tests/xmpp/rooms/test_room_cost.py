"""What a large room costs, without sockets; the figures are printed."""

import time

from fakes.household import RecordingLine, stanza_of
from fakes.world import DOMAIN, ROOMS, world

PEOPLE = 300
ROOM = f"all@{ROOMS}"
X = "<x xmlns='http://jabber.org/protocol/muc'/>"
JOINING_SECONDS = 4.0  # promised is 1; a busy machine with coverage on is slower
DELIVERY_SECONDS = 60e-6  # promised are 15 us


class CountingLine(RecordingLine):
    written_count = 0

    def write(self, data: bytes) -> None:
        CountingLine.written_count += 1


async def test_three_hundred_enter_a_room_and_hear_each_other():
    async with world() as here:
        inboxes = []
        for number in range(PEOPLE):
            person = await here.directory.add_person(f"p{number}@{DOMAIN}")
            context = await here.door.lifecycle.begin(person, "phone", "", CountingLine())
            inboxes.append(here.door._inbox(context))
        inboxes[0].take([stanza_of(f"<presence to='{ROOM}/n0'>{X}</presence>".encode())])
        await here.settle()
        room = here.book.get(ROOM)
        assert room is not None
        await here.book.configure(room, room.config)
        joins = [
            stanza_of(f"<presence to='{ROOM}/n{n}'><status>here</status>{X}</presence>".encode())
            for n in range(PEOPLE)
        ]
        CountingLine.written_count, began = 0, time.process_time()
        for inbox, join in zip(inboxes[1:], joins[1:], strict=True):
            inbox.take([join])
        took = time.process_time() - began
        print(f"{PEOPLE} enter: {took:.2f} s, {CountingLine.written_count} stanzas")
        # Each is told of all before, and they of each; then comes their own, and the subject.
        assert CountingLine.written_count == PEOPLE * (PEOPLE - 1) + 2 * (PEOPLE - 1)
        assert took < JOINING_SECONDS
        body = "<body>something of an ordinary length, as people write it</body>"
        said = [
            stanza_of(f"<message id='m{n}' to='{ROOM}' type='groupchat'>{body}</message>".encode())
            for n in range(50)
        ]
        CountingLine.written_count, began = 0, time.process_time()
        for message in said:
            inboxes[5].take([message])
        took = time.process_time() - began
        assert CountingLine.written_count == 50 * PEOPLE
        print(f"a message: {took / CountingLine.written_count * 1e6:.1f} us for each who hears it")
        assert took / CountingLine.written_count < DELIVERY_SECONDS
