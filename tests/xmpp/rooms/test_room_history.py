import asyncio

from clarion.core.archive import Item, room_thread
from clarion.lib.errors import UnavailableError
from clarion.lib.ids import Mint
from clarion.wire.xmpp.muc import History as Wanted
from clarion.xmpp.rooms import history as module
from clarion.xmpp.rooms.history import HISTORY_BYTES, HISTORY_LIMIT, History
from fakes.clock import START_WALL, FakeClock

ROOM = "coven@rooms.corp.example"
clock = FakeClock()
mint = Mint(1, clock.wall)


def said(text: str = "hello", *, origin_id: str = "", sender: str = "ann@corp.example/a") -> Item:
    stanza = f"<message from='{ROOM}/a' type='groupchat'><body>{text}</body></message>".encode()
    return Item(mint.item(), room_thread(ROOM), sender, ROOM, "", origin_id, stanza, True)


def texts(history: History, wanted: Wanted | None = None, most: int = 1000) -> list[bytes]:
    return [
        sheet.to("x").split(b"<body>")[1].split(b"</body>")[0]
        for sheet in history.wanted(wanted, most, START_WALL)
    ]


def filled(*names: str) -> History:
    history = History(ROOM)
    for name in names:
        history.add(said(name), "s", shown=True, kept=None)
    return history


def test_the_oldest_go_when_there_are_too_many():
    history = filled(*[str(n) for n in range(HISTORY_LIMIT + 5)])
    assert texts(history) == [str(n).encode() for n in range(5, HISTORY_LIMIT + 5)]


def test_the_oldest_go_when_they_are_too_large():
    large = "x" * (HISTORY_BYTES // 3)
    assert len(texts(filled("first", large, large, large))) == 2


def test_what_is_asked_for_narrows_what_the_room_sends():
    history = filled("1", "2", "3")
    assert texts(history, most=2) == [b"2", b"3"]
    assert texts(history, Wanted(stanzas=1)) == [b"3"]
    assert texts(history, Wanted(stanzas=0)) == []
    assert texts(history, Wanted(stanzas=9), most=2) == [b"2", b"3"]
    one = len(history.wanted(Wanted(stanzas=1), 9, START_WALL)[0])
    assert texts(history, Wanted(characters=2 * one)) == [b"2", b"3"]
    assert texts(history, Wanted(characters=one - 1)) == []
    assert texts(history, Wanted(since=START_WALL + 1)) == []
    assert texts(history, Wanted(seconds=10, since=START_WALL - 60)) == [b"1", b"2", b"3"]


async def test_what_could_not_be_kept_is_forgotten():
    history = History(ROOM)
    kept = asyncio.get_running_loop().create_future()
    item = said("1", origin_id="o")
    history.add(item, "s", shown=True, kept=kept)
    assert history.commit_of(item.id) is kept
    assert history.resent("ann@corp.example", "o", item.stanza) == item.id
    kept.set_exception(UnavailableError("full"))
    await asyncio.sleep(0)
    assert texts(history) == []
    assert history.commit_of(item.id) is None
    assert history.resent("ann@corp.example", "o", item.stanza) is None


async def test_what_is_committed_stays_and_is_known_when_it_is_sent_again():
    history = History(ROOM)
    kept = asyncio.get_running_loop().create_future()
    item = said("1", origin_id="o")
    history.add(item, "s", shown=True, kept=kept)
    kept.set_result([])
    await asyncio.sleep(0)
    assert history.commit_of(item.id) is None
    assert history.resent("ann@corp.example", "o", item.stanza) == item.id
    assert history.resent("bob@corp.example", "o", item.stanza) is None
    assert history.resent("ann@corp.example", "o", said("2").stanza) is None


async def test_of_too_many_origin_ids_all_are_forgotten(monkeypatch):
    monkeypatch.setattr(module, "SENT_LIMIT", 2)
    history, done = History(ROOM), asyncio.get_running_loop().create_future()
    done.set_result([])
    items = [said(str(n), origin_id=str(n)) for n in range(3)]
    for item in items:
        history.add(item, "s", shown=True, kept=done)
    assert history.resent("ann@corp.example", "0", items[0].stanza) is None
    assert history.resent("ann@corp.example", "2", items[2].stanza) == items[2].id


def test_the_archive_fills_it_oldest_first():
    history = History(ROOM)
    assert not history.loaded
    gone = said("gone")
    gone.whole = False
    history.fill([(said("1", origin_id="o"), "s1"), (gone, "s2"), (said("2"), "s3")])
    assert history.loaded
    assert texts(history) == [b"1", b"2"]
    assert history.resent("ann@corp.example", "o", said("1").stanza) is not None
    assert b"id='s3'" in history.wanted(None, 1, START_WALL)[0].to("x")


def test_a_message_gives_way_to_a_tombstone_or_to_nothing():
    history = History(ROOM)
    items = [said(str(n)) for n in range(3)]
    for item in items:
        history.add(item, "s", shown=True, kept=None)
    history.replace(items[0].id, None)
    history.replace(items[1].id, b"<message from='r'><body>gone</body></message>")
    history.replace(said().id, None)
    assert texts(history) == [b"gone", b"2"]
