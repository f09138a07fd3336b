"""What every engine promises of ``core.archive.Archive``."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from clarion.core.archive import (
    Item,
    Keeping,
    Owner,
    PageQuery,
    Retraction,
    pair_thread,
    room_thread,
)
from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Database
from clarion.lib.errors import UsageError
from clarion.lib.ids import FIRST, LAST, ItemId, Mint
from clarion.store import archive as layout
from clarion.store.archive import LOOK_BACK, OWNERS_LIMIT, SCAN_LIMIT, DatabaseArchive
from clarion.store.people import DatabasePeople
from clarion.store.roster import DatabaseRosters
from clarion.xmpp.roster import RosterItem

ANN, BOB, CAI = (f"{name}@corp.example" for name in ("ann", "bob", "cai"))
NUMBER = {ANN: PersonNumber(1), BOB: PersonNumber(2), CAI: PersonNumber(3)}
ALL = PageQuery(None, None, FIRST, LAST, 50)


@pytest.fixture
def archive(database: Database) -> DatabaseArchive:
    return DatabaseArchive(database)


class Talk:
    """Writes messages with one mint."""

    def __init__(self, archive: DatabaseArchive) -> None:
        self._archive = archive
        self._mint = Mint(1, lambda: 1_750_000_000.0)
        self.count = 0

    def item(self, who: str, to: str, **fields: object) -> Item:
        self.count += 1
        name = f"m{self.count}"
        return replace(
            Item(
                self._mint.item(),
                pair_thread(who, to),
                f"{who}/laptop",
                to,
                name,
                f"origin-{name}",
                f"<message><body>{name} \u00e9</body></message>".encode(),
                countable=True,
            ),
            **fields,
        )

    async def says(self, who: str, to: str, **fields: object) -> Item:
        item = self.item(who, to, **fields)
        owners = [Owner(NUMBER[to], incoming=True)]
        if to != who:
            owners.append(Owner(NUMBER[who], incoming=False))
        await self._archive.append(item, owners)
        return item


@pytest.fixture
def talk(archive: DatabaseArchive) -> Talk:
    return Talk(archive)


async def test_an_item_comes_back_as_it_was(archive: DatabaseArchive, talk: Talk):
    item = await talk.says(ANN, BOB)
    unread = await talk.says(BOB, ANN, countable=False, message_id="", origin_id="")
    assert await archive.get(item.id) == item
    assert await archive.get(unread.id) == unread
    assert await archive.get(LAST) is None


async def test_only_owners_see_an_item(archive: DatabaseArchive, talk: Talk):
    item = await talk.says(ANN, BOB)
    assert [await archive.has(NUMBER[who], item.id) for who in (ANN, BOB, CAI)] == [
        True,
        True,
        False,
    ]
    stranger = talk.item(CAI, ANN)
    await archive.append(stranger, [Owner(NUMBER[ANN], incoming=True)])
    assert not await archive.has(NUMBER[CAI], stranger.id)
    page = await archive.page(NUMBER[CAI], replace(ALL, thread=stranger.thread))
    assert page.items == []


async def test_an_id_is_kept_once(archive: DatabaseArchive, talk: Talk):
    item = await talk.says(ANN, BOB)
    again = replace(item, stanza=b"<message/>")
    with pytest.raises(UsageError):
        await archive.append(again, [Owner(NUMBER[CAI], incoming=True)])
    assert await archive.get(item.id) == item
    assert not await archive.has(NUMBER[CAI], item.id)


async def test_an_item_has_a_bounded_number_of_owners(archive: DatabaseArchive, talk: Talk):
    owners = [Owner(PersonNumber(number), incoming=True) for number in range(OWNERS_LIMIT + 1)]
    with pytest.raises(UsageError, match="at most 2 owners"):
        archive.append(talk.item(ANN, BOB), owners)


@pytest.fixture
async def seven(talk: Talk) -> Sequence[Item]:
    """Seven items of Ann's: 0, 2, 4, 6 with Bob, 1, 3, 5 with Cai; by turns sent and received."""
    items = []
    for index in range(7):
        other = BOB if index % 2 == 0 else CAI
        pair = (ANN, other) if index % 4 < 2 else (other, ANN)
        items.append(await talk.says(*pair))
    await talk.says(BOB, CAI)  # not Ann's
    return items


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 6, 7, 8])
async def test_a_page_of_all_threads_from_either_end(
    archive: DatabaseArchive, seven: Sequence[Item], *, newest: bool, limit: int
):
    page = await archive.page(NUMBER[ANN], replace(ALL, limit=limit, newest=newest))
    assert list(page.items) == list(seven[-limit:] if newest else seven[:limit])
    assert page.complete == (limit >= 7)


@pytest.mark.parametrize("newest", [False, True])
async def test_a_page_of_one_thread(
    archive: DatabaseArchive, seven: Sequence[Item], *, newest: bool
):
    query = replace(ALL, thread=pair_thread(ANN, BOB), limit=3, newest=newest)
    page = await archive.page(NUMBER[ANN], query)
    assert list(page.items) == ([seven[2], seven[4], seven[6]] if newest else list(seven[0:5:2]))
    assert not page.complete
    assert (await archive.page(NUMBER[ANN], replace(query, limit=4))).complete


@pytest.mark.parametrize("thread", [None, pair_thread(ANN, BOB)], ids=["all", "thread"])
async def test_bounds_are_exclusive(
    archive: DatabaseArchive, seven: Sequence[Item], thread: object
):
    query = replace(ALL, thread=thread, after=seven[0].id, before=seven[4].id)
    page = await archive.page(NUMBER[ANN], query)
    inside = seven[1:4] if thread is None else [seven[2]]
    assert list(page.items) == list(inside)
    assert page.complete
    assert await archive.count(NUMBER[ANN], query) == len(inside)


@pytest.mark.parametrize("thread", [None, pair_thread(ANN, BOB)], ids=["all", "thread"])
@pytest.mark.parametrize("newest", [False, True])
async def test_a_full_address_narrows_to_its_items(
    archive: DatabaseArchive, talk: Talk, thread: object, *, newest: bool
):
    phone, laptop = f"{BOB}/phone", f"{BOB}/laptop"
    one = await talk.says(BOB, ANN, sender=phone)
    await talk.says(BOB, ANN, sender=laptop)
    three = await talk.says(ANN, BOB, recipient=phone)
    query = replace(ALL, thread=thread, party=phone, newest=newest)
    assert list((await archive.page(NUMBER[ANN], query)).items) == [one, three]
    assert await archive.count(NUMBER[ANN], query) == 2


async def test_a_page_of_nothing(archive: DatabaseArchive, seven: Sequence[Item]):
    page = await archive.page(NUMBER[ANN], replace(ALL, limit=0))
    assert (list(page.items), page.complete) == ([], False)
    empty = await archive.page(PersonNumber(99), ALL)
    assert (list(empty.items), empty.complete) == ([], True)


async def test_count_leaves_the_limit_aside(archive: DatabaseArchive, seven: Sequence[Item]):
    assert await archive.count(NUMBER[ANN], replace(ALL, limit=1)) == 7
    with_bob = replace(ALL, limit=1, thread=pair_thread(ANN, BOB))
    assert await archive.count(NUMBER[ANN], with_bob) == 4


async def test_incoming_after_skips_what_the_owner_sent(
    archive: DatabaseArchive, seven: Sequence[Item]
):
    incoming = [seven[2], seven[3], seven[6]]
    assert list(await archive.incoming_after(NUMBER[ANN], FIRST, 50)) == incoming
    assert list(await archive.incoming_after(NUMBER[ANN], FIRST, 2)) == incoming[:2]
    assert list(await archive.incoming_after(NUMBER[ANN], seven[2].id, 50)) == incoming[1:]


async def test_recent_sent_is_the_newest_oldest_first(
    archive: DatabaseArchive, seven: Sequence[Item]
):
    assert list(await archive.recent_sent(NUMBER[ANN], 3)) == [seven[1], seven[4], seven[5]]


async def test_a_message_to_oneself_is_one_line(archive: DatabaseArchive, talk: Talk):
    note = await talk.says(ANN, ANN)
    assert list((await archive.page(NUMBER[ANN], ALL)).items) == [note]
    assert list(await archive.incoming_after(NUMBER[ANN], FIRST, 9)) == [note]
    assert list(await archive.recent_sent(NUMBER[ANN], 9)) == []


async def test_find_takes_the_newest_of_that_sender(archive: DatabaseArchive, talk: Talk):
    thread = pair_thread(ANN, BOB)
    await talk.says(ANN, BOB, message_id="x")
    newest = await talk.says(ANN, BOB, message_id="x", sender=ANN)
    other = await talk.says(BOB, ANN, message_id="x")
    assert await archive.find(thread, ANN, "x") == newest.id
    assert await archive.find(thread, BOB, "x") == other.id
    assert await archive.find(thread, ANN, "y") is None
    assert await archive.find(pair_thread(ANN, CAI), ANN, "x") is None


async def test_find_knows_a_longer_address_from_a_resource(archive: DatabaseArchive, talk: Talk):
    await talk.says(ANN, BOB, message_id="x", sender=f"{ANN}.org/laptop")
    assert await archive.find(pair_thread(ANN, BOB), ANN, "x") is None


async def test_find_looks_back_so_far_and_no_farther(
    archive: DatabaseArchive, talk: Talk, monkeypatch: pytest.MonkeyPatch
):
    assert LOOK_BACK == 1_000
    monkeypatch.setattr(layout, "LOOK_BACK", 3)
    items = [await talk.says(ANN, BOB) for _ in range(4)]
    thread = pair_thread(ANN, BOB)
    assert await archive.find(thread, ANN, items[1].message_id) == items[1].id
    assert await archive.find(thread, ANN, items[0].message_id) is None


async def test_a_thread_page_holds_what_people_read(archive: DatabaseArchive, talk: Talk):
    items = [await talk.says(ANN, BOB) for _ in range(3)]
    await talk.says(BOB, ANN, countable=False)
    assert list(await archive.thread_page(pair_thread(BOB, ANN), 2)) == items[1:]


async def test_the_received_mark_only_moves_forward(archive: DatabaseArchive):
    low, high = ItemId(bytes(15) + b"\1"), ItemId(bytes(15) + b"\2")
    assert (await archive.received_up_to(NUMBER[ANN])).up_to == FIRST
    for mark in (low, high, low):
        await archive.set_received_up_to(NUMBER[ANN], mark)
    assert (await archive.received_up_to(NUMBER[ANN])).up_to == high
    futures = [archive.set_received_up_to(NUMBER[BOB], mark) for mark in (low, high, low)]
    for future in futures:
        await future
    assert (await archive.received_up_to(NUMBER[BOB])).up_to == high


async def test_whether_newer_items_may_wait_is_told_with_the_received_mark(
    archive: DatabaseArchive, talk: Talk
):
    bob = NUMBER[BOB]
    assert not (await archive.received_up_to(bob)).newer
    sent = await talk.says(BOB, ANN)
    assert (await archive.received_up_to(bob)).ends == await archive.ends(bob)
    assert not (await archive.received_up_to(bob)).newer, "what they sent does not wait for them"
    item = await talk.says(ANN, BOB)
    assert (await archive.received_up_to(bob)).newer
    await archive.set_received_up_to(bob, sent.id)
    assert (await archive.received_up_to(bob)).newer
    await archive.set_received_up_to(bob, item.id)
    assert not (await archive.received_up_to(bob)).newer


async def test_what_only_passes_waits_too(archive: DatabaseArchive, talk: Talk):
    item = await passes(archive, talk, Keeping.PASSING)
    assert (await archive.received_up_to(NUMBER[BOB])).newer
    await archive.set_received_up_to(NUMBER[BOB], item.id)
    assert not (await archive.received_up_to(NUMBER[BOB])).newer


async def test_newest_is_the_highest_id(archive: DatabaseArchive, talk: Talk):
    assert await archive.newest() == FIRST
    await talk.says(ANN, BOB)
    item = await talk.says(BOB, CAI)
    assert await archive.newest() == item.id


async def test_many_appends_at_once(archive: DatabaseArchive, talk: Talk):
    items = [talk.item(ANN, BOB) for _ in range(90)]
    owners = [Owner(NUMBER[BOB], incoming=True), Owner(NUMBER[ANN], incoming=False)]
    futures = [archive.append(item, owners) for item in items]
    for future in futures:
        await future
    page = await archive.page(NUMBER[BOB], replace(ALL, limit=100))
    assert list(page.items) == items


# -- items by their ids, the ends, and searches that must end ---------------------------------


async def test_has_means_all_of_them(archive: DatabaseArchive, seven: Sequence[Item]):
    ids = [item.id for item in seven]
    assert await archive.has(NUMBER[ANN], *ids)
    assert await archive.has(NUMBER[ANN], *ids, ids[0])
    assert await archive.has(NUMBER[ANN])
    assert not await archive.has(NUMBER[ANN], *ids, LAST)
    assert not await archive.has(NUMBER[BOB], *ids)


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 5])
async def test_items_by_their_ids(
    archive: DatabaseArchive, seven: Sequence[Item], *, newest: bool, number: int
):
    wanted = tuple(item.id for item in seven[-1 : -number - 1 : -1])
    query = replace(ALL, ids=wanted, newest=newest)
    page = await archive.page(NUMBER[ANN], query)
    assert list(page.items) == list(seven[-number:])
    assert page.complete
    assert await archive.count(NUMBER[ANN], query) == number
    short = await archive.page(NUMBER[ANN], replace(query, limit=1))
    assert list(short.items) == [seven[-1] if newest else seven[-number]]
    assert short.complete == (number == 1)


async def test_ids_narrow_and_are_narrowed(archive: DatabaseArchive, seven: Sequence[Item]):
    ids = tuple(item.id for item in seven[:4])
    bob = replace(ALL, ids=ids, thread=pair_thread(ANN, BOB))
    assert list((await archive.page(NUMBER[ANN], bob)).items) == [seven[0], seven[2]]
    assert await archive.count(NUMBER[ANN], bob) == 2
    late = replace(ALL, ids=ids, after=seven[1].id)
    assert list((await archive.page(NUMBER[ANN], late)).items) == list(seven[2:4])
    cai = replace(ALL, ids=ids, party=f"{CAI}/laptop")
    assert list((await archive.page(NUMBER[ANN], cai)).items) == [seven[3]]
    assert await archive.count(NUMBER[ANN], cai) == 1
    assert not (await archive.page(NUMBER[ANN], replace(ALL, ids=()))).items
    others = replace(ALL, ids=ids)
    assert list((await archive.page(NUMBER[BOB], others)).items) == [seven[0], seven[2]]


async def test_the_ends_of_an_archive(archive: DatabaseArchive, seven: Sequence[Item]):
    assert await archive.ends(NUMBER[ANN]) == (seven[0].id, seven[6].id)
    assert await archive.ends(PersonNumber(99)) is None


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("thread", [None, pair_thread(ANN, BOB)], ids=["all", "thread"])
async def test_a_search_for_a_full_address_looks_so_far_and_no_farther(
    archive: DatabaseArchive,
    talk: Talk,
    monkeypatch: pytest.MonkeyPatch,
    thread: object,
    *,
    newest: bool,
):
    assert SCAN_LIMIT == 10_000
    monkeypatch.setattr(layout, "SCAN_LIMIT", 4)
    phone = f"{BOB}/phone"
    items = [
        await talk.says(BOB, ANN, sender=phone if at in {0, 9} else f"{BOB}/desk")
        for at in range(10)
    ]
    query = replace(ALL, thread=thread, party=phone, newest=newest)
    page = await archive.page(NUMBER[ANN], query)
    assert (list(page.items), page.complete) == ([items[9 if newest else 0]], False)
    with pytest.raises(UsageError, match="none of 4 messages"):
        await archive.page(NUMBER[ANN], replace(query, after=items[0].id, before=items[9].id))
    with pytest.raises(UsageError):
        await archive.count(NUMBER[ANN], query)
    within = replace(query, after=items[5].id)
    page = await archive.page(NUMBER[ANN], within)
    assert (list(page.items), page.complete) == ([items[9]], True)
    assert await archive.count(NUMBER[ANN], within) == 1
    by_id = replace(query, ids=tuple(item.id for item in items))
    assert len((await archive.page(NUMBER[ANN], by_id)).items) == 2


# -- items that only pass through -------------------------------------------------------------


async def passes(
    archive: DatabaseArchive, talk: Talk, *keepings: Keeping, **fields: object
) -> Item:
    """Let Ann write to Bob; ``keepings`` are Bob's and, where she has one, Ann's."""
    item = talk.item(ANN, BOB, **fields)
    people = (NUMBER[BOB], True), (NUMBER[ANN], False)
    owners = [
        Owner(person, incoming, keeping)
        for (person, incoming), keeping in zip(people, keepings, strict=False)
    ]
    await archive.append(item, owners)
    return item


async def test_what_passes_waits_and_no_page_shows_it(archive: DatabaseArchive, talk: Talk):
    before = await talk.says(ANN, BOB)
    item = await passes(archive, talk, Keeping.PASSING, Keeping.PASSING)
    after = await talk.says(ANN, BOB)
    for who in (ANN, BOB):
        assert list((await archive.page(NUMBER[who], ALL)).items) == [before, after]
        assert not await archive.has(NUMBER[who], item.id)
    assert archive.has_passing(NUMBER[BOB])
    assert not archive.has_passing(NUMBER[ANN])
    waiting = list(await archive.incoming_after(NUMBER[BOB], FIRST, 9))
    assert waiting == [before, replace(item, passing=True), after]
    assert len(await archive.incoming_after(NUMBER[BOB], FIRST, 2)) == 2
    assert [one.id for one in await archive.incoming_after(NUMBER[BOB], item.id, 9)] == [after.id]


async def test_received_it_is_gone_and_so_is_its_text(archive: DatabaseArchive, talk: Talk):
    item = await passes(archive, talk, Keeping.PASSING, Keeping.PASSING)
    later = await passes(archive, talk, Keeping.PASSING, Keeping.PASSING)
    await archive.set_received_up_to(NUMBER[BOB], item.id)
    assert [one.id for one in await archive.incoming_after(NUMBER[BOB], FIRST, 9)] == [later.id]
    assert archive.has_passing(NUMBER[BOB])
    kept = await archive.get(item.id)
    assert kept is not None
    stanza = f"<message from='{ANN}/laptop' to='{BOB}' id='{item.message_id}'/>".encode()
    # The ledger still knows who, when and to whom.
    assert kept == replace(item, stanza=stanza, whole=False)
    await archive.set_received_up_to(NUMBER[BOB], later.id)
    await archive.settled()
    assert not archive.has_passing(NUMBER[BOB])
    assert list(await archive.incoming_after(NUMBER[BOB], FIRST, 9)) == []
    ids = [one.id for one in await archive.thread_page(item.thread, 9)]
    assert ids == [item.id, later.id]


async def test_the_text_stays_where_the_sender_keeps_it(archive: DatabaseArchive, talk: Talk):
    item = await passes(archive, talk, Keeping.PASSING, Keeping.ARCHIVED)
    await archive.set_received_up_to(NUMBER[BOB], item.id)
    assert list((await archive.page(NUMBER[ANN], ALL)).items) == [item]
    assert list((await archive.page(NUMBER[BOB], ALL)).items) == []


async def test_what_a_sender_does_not_want_leaves_no_line(archive: DatabaseArchive, talk: Talk):
    item = await passes(archive, talk, Keeping.ARCHIVED, Keeping.PASSING)
    assert list((await archive.page(NUMBER[ANN], ALL)).items) == []
    assert list((await archive.page(NUMBER[BOB], ALL)).items) == [item]
    assert not archive.has_passing(NUMBER[BOB])


async def test_another_archive_learns_that_something_passes(
    archive: DatabaseArchive, database: Database, talk: Talk
):
    item = await passes(archive, talk, Keeping.PASSING)
    restarted = DatabaseArchive(database)
    assert not restarted.has_passing(NUMBER[BOB])
    assert (await restarted.received_up_to(NUMBER[BOB])).up_to == FIRST
    assert restarted.has_passing(NUMBER[BOB])
    await restarted.set_received_up_to(NUMBER[BOB], item.id)
    await restarted.settled()
    assert not restarted.has_passing(NUMBER[BOB])
    assert (await restarted.received_up_to(NUMBER[BOB])).up_to == item.id


@pytest.mark.parametrize("listed", [True, False])
async def test_contacts_are_those_in_the_roster_at_the_commit(
    database: Database, archive: DatabaseArchive, talk: Talk, *, listed: bool
):
    people, rosters = DatabasePeople(database), DatabaseRosters(database)
    for address in (ANN, BOB):
        person = await people.add_person(Person(PersonNumber(0), address, address))
        assert person.number == NUMBER[address]
    for owner, contact in ((ANN, BOB), (BOB, ANN)):
        await rosters.put(NUMBER[owner], RosterItem(contact, listed=listed), 1)
    item = await passes(archive, talk, Keeping.CONTACTS, Keeping.CONTACTS)
    for who in (ANN, BOB):
        assert list((await archive.page(NUMBER[who], ALL)).items) == ([item] if listed else [])
    (waiting,) = await archive.incoming_after(NUMBER[BOB], FIRST, 9)
    assert waiting.passing is not listed
    await archive.set_received_up_to(NUMBER[BOB], item.id)
    kept = await archive.get(item.id)
    assert kept is not None
    assert (b"<body>" in kept.stanza) is listed


async def test_a_note_to_oneself_may_pass_too(archive: DatabaseArchive, talk: Talk):
    note = talk.item(ANN, ANN)
    await archive.append(note, [Owner(NUMBER[ANN], incoming=True, keeping=Keeping.PASSING)])
    assert [one.id for one in await archive.incoming_after(NUMBER[ANN], FIRST, 9)] == [note.id]
    await archive.set_received_up_to(NUMBER[ANN], note.id)
    kept = await archive.get(note.id)
    assert kept is not None
    assert b"<body>" not in kept.stanza


# -- retraction ------------------------------------------------------------------------------

TOMBSTONE = b"<message type='chat'><retracted xmlns='r' id='x'/></message>"


async def retract(
    archive: DatabaseArchive, talk: Talk, message_id: str, who: str = ANN, to: str = BOB
) -> Item:
    item = talk.item(who, to, countable=False)
    owners = [Owner(NUMBER[to], incoming=True), Owner(NUMBER[who], incoming=False)]
    await archive.append(item, owners, Retraction(message_id, TOMBSTONE))
    return item


async def test_a_tombstone_takes_the_place_for_everybody(archive: DatabaseArchive, talk: Talk):
    other = await talk.says(ANN, BOB)
    said = await talk.says(ANN, BOB, sender=f"{ANN}/it's <me>")
    retraction = await retract(archive, talk, said.message_id)
    stanza = (
        f"<message from='{ANN}/it&apos;s &lt;me&gt;' to='{BOB}' id='{said.message_id}' type='chat'>"
        "<retracted xmlns='r' id='x'/></message>"
    )
    expected = [other, replace(said, stanza=stanza.encode(), whole=False), retraction]
    for who in (ANN, BOB):
        assert list((await archive.page(NUMBER[who], ALL)).items) == expected
    assert list(await archive.incoming_after(NUMBER[BOB], FIRST, 9)) == expected
    assert list(await archive.thread_page(said.thread, 9)) == expected[:2]  # the ledger's history


async def test_an_item_is_retracted_once(archive: DatabaseArchive, talk: Talk):
    said = await talk.says(ANN, BOB)
    await retract(archive, talk, said.message_id)
    once = await archive.get(said.id)
    item = talk.item(ANN, BOB, countable=False)
    again = Retraction(said.message_id, TOMBSTONE.replace(b"'x'", b"'y'"))
    await archive.append(item, [Owner(NUMBER[BOB], incoming=True)], again)
    assert await archive.get(said.id) == once
    assert await archive.get(item.id) == item


async def test_strangers_and_other_conversations_retract_nothing(
    archive: DatabaseArchive, talk: Talk
):
    said = await talk.says(ANN, BOB, message_id="x")
    await retract(archive, talk, "x", BOB, ANN)
    await retract(archive, talk, "x", CAI, BOB)
    await retract(archive, talk, "x", ANN, CAI)
    await retract(archive, talk, "unknown")
    assert await archive.get(said.id) == said


async def test_only_what_people_read_can_be_retracted(archive: DatabaseArchive, talk: Talk):
    said = await talk.says(ANN, BOB, countable=False)
    await retract(archive, talk, said.message_id)
    assert await archive.get(said.id) == said


async def test_a_retraction_meets_what_came_in_the_same_batch(archive: DatabaseArchive, talk: Talk):
    owners = [Owner(NUMBER[BOB], incoming=True), Owner(NUMBER[ANN], incoming=False)]
    said, after = talk.item(ANN, BOB), talk.item(ANN, BOB)
    took = talk.item(ANN, BOB, countable=False)
    futures = [
        archive.append(said, owners),
        archive.append(took, owners, Retraction(said.message_id, TOMBSTONE)),
        archive.append(after, owners, Retraction(after.message_id, TOMBSTONE)),
    ]
    for future in futures:
        await future
    kept = await archive.get(said.id)
    assert kept is not None
    assert b"<retracted" in kept.stanza
    assert await archive.get(after.id) == after  # nothing retracts itself


async def test_a_retraction_that_cannot_be_kept_retracts_nothing(
    archive: DatabaseArchive, talk: Talk
):
    said = await talk.says(ANN, BOB)
    with pytest.raises(UsageError):
        await archive.append(said, [], Retraction(said.message_id, TOMBSTONE))
    assert await archive.get(said.id) == said


async def test_a_retraction_looks_back_as_far_as_find(
    archive: DatabaseArchive, talk: Talk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(layout, "LOOK_BACK", 3)
    items = [await talk.says(ANN, BOB) for _ in range(4)]
    await retract(archive, talk, items[0].message_id)
    assert await archive.get(items[0].id) == items[0]


async def test_what_was_retracted_and_passes_stays_a_tombstone(
    archive: DatabaseArchive, talk: Talk
):
    said = await passes(archive, talk, Keeping.PASSING, Keeping.PASSING)
    took = talk.item(ANN, BOB, countable=False)
    owner = Owner(NUMBER[BOB], incoming=True, keeping=Keeping.PASSING)
    await archive.append(took, [owner], Retraction(said.message_id, TOMBSTONE))
    await archive.set_received_up_to(NUMBER[BOB], took.id)
    kept = await archive.get(said.id)
    assert kept is not None
    assert b"<retracted" in kept.stanza


async def test_a_room_has_an_archive_of_its_own(archive: DatabaseArchive, talk: Talk):
    address, room = "coven@rooms.corp.example", PersonNumber(-1)
    thread = room_thread(address)
    assert await archive.ends(room) is None
    said = [talk.item(who, address, thread=thread) for who in (ANN, BOB, ANN, CAI)]
    for item in said:
        await archive.append(item, [Owner(room, incoming=True)])
    await talk.says(BOB, ANN)
    await archive.settled(room)
    assert (await archive.page(room, ALL)).items == said
    assert (await archive.page(room, replace(ALL, thread=thread))).items == said
    newest = await archive.page(room, replace(ALL, newest=True, limit=2), asker=NUMBER[BOB])
    assert (newest.items, newest.complete) == (said[2:], False)
    only = await archive.page(room, replace(ALL, ids=(said[1].id,)))
    assert only.items == [said[1]]
    assert await archive.count(room, ALL, asker=NUMBER[BOB]) == 4
    assert await archive.count(room, replace(ALL, after=said[0].id)) == 3
    assert await archive.ends(room) == (said[0].id, said[3].id)
    assert await archive.has(room, *(item.id for item in said))
    assert not await archive.has(NUMBER[ANN], said[0].id)
    assert (await archive.page(NUMBER[CAI], ALL)).items == []
    assert await archive.find(thread, ANN, said[2].message_id) == said[2].id
    assert await archive.thread_page(thread, 2) == said[2:]


async def test_what_was_said_in_a_room_is_retracted(archive: DatabaseArchive, talk: Talk):
    address, room = "coven@rooms.corp.example", PersonNumber(-1)
    said = talk.item(ANN, address, thread=room_thread(address))
    await archive.append(said, [Owner(room, incoming=True)])
    again = talk.item(ANN, address, thread=room_thread(address), countable=False)
    tombstone = Retraction(said.message_id, b"<message><retracted xmlns='urn:x'/></message>")
    await archive.append(again, [Owner(room, incoming=True)], tombstone)
    first, second = (await archive.page(room, ALL)).items
    assert (first.id, first.whole, second) == (said.id, False, again)


async def test_what_was_said_in_a_room_is_retracted_by_its_own_id(
    archive: DatabaseArchive, talk: Talk
):
    address, room = "coven@rooms.corp.example", PersonNumber(-1)
    thread = room_thread(address)
    said, other = (talk.item(ANN, address, thread=thread) for _ in range(2))
    elsewhere = talk.item(ANN, BOB)
    for item in (said, other, elsewhere):
        await archive.append(item, [Owner(room, incoming=True)])
    tombstone = b"<message from='coven@rooms.corp.example/ann'><retracted xmlns='urn:x'/></message>"
    for item in (said, elsewhere):
        by = talk.item(BOB, address, thread=thread, countable=False)
        took = Retraction("", tombstone, item.id)
        await archive.append(by, [Owner(room, incoming=True)], took)
    gone = await archive.get(said.id)
    assert gone is not None
    assert (gone.stanza, gone.whole) == (tombstone, False)  # complete, so nothing is added
    assert await archive.get(other.id) == other
    assert await archive.get(elsewhere.id) == elsewhere  # in another thread
