"""XEP-0402 section 6: the forms of bookmarks follow each other, and who is told of what."""

import pytest

from clarion.xmpp import bookmarks, private_storage, publishing
from clarion.xmpp.ext import ALL
from fakes.household import Client, household
from fakes.wanting import events_of, wants

PUBSUB = "http://jabber.org/protocol/pubsub"
NATIVE, OLD = "urn:xmpp:bookmarks:1", "storage:bookmarks"


def room(name: str) -> str:
    return f"{name}@rooms.corp.example"


async def bookmark(client: Client, name: str, inner: str = "") -> bytes:
    return await client.ask(
        "set",
        f"<pubsub xmlns='{PUBSUB}'><publish node='{NATIVE}'><item id='{room(name)}'>"
        f"<conference xmlns='{NATIVE}'>{inner}</conference></item></publish></pubsub>",
    )


def old_list(*names: str) -> str:
    inner = "".join(f"<conference jid='{room(name)}'/>" for name in names)
    return f"<query xmlns='jabber:iq:private'><storage xmlns='{OLD}'>{inner}</storage></query>"


async def test_only_what_changed_is_told():
    async with household(*ALL) as house:
        ann = await house.log_in("ann", "phone")
        new = await house.log_in("ann", "new")
        old = await house.log_in("ann", "old")
        await wants(new, NATIVE)
        await wants(old, OLD)
        await bookmark(ann, "a")
        await bookmark(ann, "b")
        assert events_of(new.line.take()) == [
            (NATIVE, [f"item {room('a')}"]),
            (NATIVE, [f"item {room('b')}"]),
        ]
        assert events_of(old.line.take()) == [(OLD, ["item current"])] * 2
        await ann.ask("set", old_list("b", "c"))
        assert events_of(new.line.take()) == [
            (NATIVE, [f"item {room('c')}"]),
            (NATIVE, [f"retract {room('a')}"]),
        ]
        assert events_of(old.line.take()) == [(OLD, ["item current"])]
        # the same once more: no bookmark has changed
        await ann.ask("set", old_list("c", "b"))
        assert events_of(new.line.take()) == []


async def test_a_node_that_was_set_up_badly_is_private_once_an_old_client_writes():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        form = (
            "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#access_model'>"
            "<value>open</value></field><field var='pubsub#max_items'><value>1</value></field></x>"
        )
        create = f"<create node='{NATIVE}'/><configure>{form}</configure>"
        await ann.ask("set", f"<pubsub xmlns='{PUBSUB}'>{create}</pubsub>")
        await ann.ask("set", old_list("a", "b"))
        book = await house.services.nodes.book(house.person("ann"))
        node = book.require(NATIVE)
        assert list(node.items) == [room("a"), room("b")]
        assert not node.shown


async def test_bookmarks_have_limits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bookmarks, "ROOMS_LIMIT", 2)
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        assert b"not-acceptable" in await ann.ask("set", old_list("a", "b", "c"))
        await ann.ask("set", old_list("a", "b"))
        assert b"payload-too-big" in await bookmark(ann, "c")
        assert b"type='result'" in await bookmark(ann, "b", "<nick>x</nick>")
        monkeypatch.setattr(publishing, "ITEM_LIMIT_BYTES", 300)
        assert b"payload-too-big" in await bookmark(ann, "b", f"<nick>{'x' * 300}</nick>")


async def test_private_storage_has_limits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(private_storage, "NAMES_LIMIT", 2)
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        for name, answer in (("a", "result"), ("b", "result"), ("c", "error"), ("a", "result")):
            raw = await ann.ask(
                "set", f"<query xmlns='jabber:iq:private'><{name} xmlns='x'/></query>"
            )
            assert f"type='{answer}'".encode() in raw
        long = "n" * 1024
        raw = await ann.ask("get", f"<query xmlns='jabber:iq:private'><a xmlns='{long}'/></query>")
        assert b"not-acceptable" in raw
        big = "x" * publishing.ITEM_LIMIT_BYTES
        raw = await ann.ask(
            "set", f"<query xmlns='jabber:iq:private'><a xmlns='x'>{big}</a></query>"
        )
        assert b"payload-too-big" in raw
