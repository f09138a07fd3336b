"""What every engine promises of ``core.archive.Archive``."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from clarion.core.archive import Item, Owner, PageQuery, pair_thread
from clarion.core.model import PersonNumber
from clarion.core.ports import Database
from clarion.lib.errors import UsageError
from clarion.lib.ids import FIRST, LAST, ItemId, Mint
from clarion.store import archive as layout
from clarion.store.archive import LOOK_BACK, OWNERS_LIMIT, DatabaseArchive

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
    assert await archive.received_up_to(NUMBER[ANN]) == FIRST
    for mark in (low, high, low):
        await archive.set_received_up_to(NUMBER[ANN], mark)
    assert await archive.received_up_to(NUMBER[ANN]) == high
    futures = [archive.set_received_up_to(NUMBER[BOB], mark) for mark in (low, high, low)]
    for future in futures:
        await future
    assert await archive.received_up_to(NUMBER[BOB]) == high


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
