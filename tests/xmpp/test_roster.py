"""RFC 6121 section 2."""

from dataclasses import replace

import pytest

from clarion.config.server import LimitsConfig
from clarion.lib.errors import UnavailableError
from clarion.wire.xml import escape, parse
from clarion.xmpp.ext import roster as module
from clarion.xmpp.ext.roster import CHANGES_PUSHED, GROUPS_LIMIT, NAME_LIMIT_BYTES
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_book import (
    ITEM_LIMIT_BYTES,
    ROSTER_LIMIT,
    ROSTER_LIMIT_BYTES,
    item_size_bytes,
)
from clarion.xmpp.roster_pushes import item_element
from fakes.acquaintances import GET, Acquaintances, acquaintances, in_short, short
from fakes.household import DOMAIN, Client, settle, stanza_of
from fakes.world import world


def query(*items: str) -> str:
    return f"<query xmlns='jabber:iq:roster'>{''.join(items)}</query>"


def item(name: str, rest: str = "", inside: str = "") -> str:
    return f"<item jid='{name}@{DOMAIN}' {rest}>{inside}</item>"


def known(version: str) -> str:
    return f"<query xmlns='jabber:iq:roster' ver='{version}'/>"


async def change(client: Client, *items: str) -> list[str]:
    return in_short(await client.ask_all("set", query(*items)))


# -- reading it (2.2) --------------------------------------------------------------------


async def test_an_empty_roster():
    async with acquaintances() as here:
        ann = await here.client("ann", interested=False)
        answer = await ann.ask("get", GET)
        start = f"<iq type='result' id='q1' to='ann@{DOMAIN}/phone'>".encode()
        assert answer == start + b"<query xmlns='jabber:iq:roster' ver='0'></query></iq>"


async def test_the_whole_roster_is_what_the_owner_listed():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await here.client("bob")
        await change(ann, item("cai", "name='C'", "<group>B</group><group>A</group>"))
        await here.say(here.clients[1], "subscribe", "ann")
        assert await here.item("ann", "bob") is not None
        assert short(await ann.ask("get", GET)) == "roster 1: cai none name=C in=A in=B"


async def test_everything_is_written_so_that_it_can_be_read():
    name = "<&'\"\n>"
    full = RosterItem(
        f"bob@{DOMAIN}", name, "from", ask=True, approved=True, groups=(name, "A & B")
    )
    tree = parse(item_element(full))
    assert dict(tree.attrib) == {
        "jid": f"bob@{DOMAIN}",
        "name": name,
        "subscription": "from",
        "ask": "subscribe",
        "approved": "true",
    }
    assert [(group.tag, group.text) for group in tree] == [("group", name), ("group", "A & B")]


async def test_a_roster_that_cannot_be_read_makes_nobody_interested():
    async with acquaintances() as here:
        ann = await here.client("ann", interested=False, available=False)
        here.house.database.fail_next_read(UnavailableError("the disk is gone"))
        assert short(await ann.ask("get", GET)) == "error resource-constraint"
        assert not ann.session.interested


@pytest.mark.parametrize("kind", ["get", "set"])
async def test_somebody_elses_roster_is_forbidden(kind: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        answer = await ann.ask(kind, query(item("cai")), f"bob@{DOMAIN}")
        assert short(answer) == "error forbidden"
        assert await here.item("bob", "cai") is None


async def test_a_set_in_somebody_elses_name_is_forbidden():
    async with acquaintances() as here:
        ann = await here.client("ann")
        (answer,) = await ann.say(
            f"<iq type='set' id='x' from='bob@{DOMAIN}/x'>{query(item('cai'))}</iq>"
        )
        assert short(answer) == "error forbidden"


# -- changing it (2.3, 2.4, 2.5) ---------------------------------------------------------


async def test_adding_updating_and_removing_is_pushed_to_all_who_asked_for_the_roster():
    async with acquaintances() as here:
        phone = await here.client("ann", "phone")
        desk = await here.client("ann", "desk", available=False)
        deaf = await here.client("ann", "deaf", interested=False)
        for what, pushed in (
            (
                item("bob", "name='Bob'", "<group>Friends</group>"),
                "1: bob none name=Bob in=Friends",
            ),
            (item("bob"), "2: bob none"),
            (item("bob", "subscription='remove'"), "3: bob remove"),
        ):
            assert await change(phone, what) == [f"push {pushed}", "result"]
            assert in_short(desk.line.take()) == [f"push {pushed}"]
            assert deaf.line.take() == []


async def test_a_push_is_addressed_to_one_session_and_has_an_id_of_its_own():
    async with acquaintances() as here:
        phone = await here.client("ann", "phone")
        desk = await here.client("ann", "desk")
        pushed, _ = await phone.ask_all("set", query(item("bob")))
        trees = [parse(pushed), parse(desk.line.take()[0])]
        assert [tree.get("to") for tree in trees] == [f"ann@{DOMAIN}/phone", f"ann@{DOMAIN}/desk"]
        assert trees[0].get("from") is None
        assert len({tree.get("id") for tree in trees}) == 2


async def test_addresses_are_normalised():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await change(ann, "<item jid='BOB@Corp.Example.'/>")
        assert await here.item("ann", "bob") is not None


async def test_contacts_of_other_domains_and_domains_themselves_may_be_listed():
    async with acquaintances() as here:
        ann = await here.client("ann")
        assert (await change(ann, "<item jid='zoe@else.example'/>"))[-1] == "result"
        assert (await change(ann, "<item jid='gateway.example'/>"))[-1] == "result"
        assert (await here.book("ann")).get("gateway.example") is not None


async def test_an_update_leaves_the_subscription_as_it_is():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await here.befriend("ann", "bob")
        await change(ann, item("bob", "subscription='none' ask='subscribe' name='B'"))
        bob = await here.item("ann", "bob")
        assert (bob.subscription, bob.ask, bob.name) == ("both", False, "B")


@pytest.mark.parametrize("subscription", ["both", "to", "from", "none", "foobar"])
async def test_a_client_cannot_give_itself_a_subscription(subscription: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        answer = await change(ann, item("bob", f"subscription='{subscription}' approved='true'"))
        assert answer == ["push 1: bob none", "result"]


async def test_listing_somebody_who_has_asked_keeps_the_request():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(bob, "subscribe", "ann")
        await change(ann, item("bob", "name='B'"))
        listed = await here.item("ann", "bob")
        assert listed.listed
        assert listed.pending_in


@pytest.mark.parametrize(
    ("items", "condition"),
    [
        ((), "bad-request"),
        ((item("bob"), item("cai")), "bad-request"),
        (("<item xmlns='other' jid='bob@corp.example'/>",), "bad-request"),
        (("<item/>",), "bad-request"),
        (("<item jid='@'/>",), "jid-malformed"),
        (("<item jid='bob@corp.example/phone'/>",), "bad-request"),
        ((item("bob", "", "<group>A</group><group>A</group>"),), "bad-request"),
        ((item("bob", "", "<group/>"),), "not-acceptable"),
        ((item("bob", "", f"<group>{'x' * (NAME_LIMIT_BYTES + 1)}</group>"),), "not-acceptable"),
        ((item("bob", f"name='{'x' * (NAME_LIMIT_BYTES + 1)}'"),), "not-acceptable"),
        ((item("bob", f"name='{'ü' * 512}'"),), "not-acceptable"),
        ((item("ann"),), "not-allowed"),
        ((item("bob", "subscription='remove'"),), "item-not-found"),
        (
            (item("bob", "", "".join(f"<group>{n}</group>" for n in range(GROUPS_LIMIT + 1))),),
            "not-acceptable",
        ),
    ],
)
async def test_what_is_refused_changes_nothing(items: tuple[str, ...], condition: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        assert await change(ann, *items) == [f"error {condition}"]
        book = await here.book("ann")
        assert (book.version, list(book.items())) == (0, [])


async def test_names_and_groups_may_be_as_long_as_the_limit():
    async with acquaintances() as here:
        ann = await here.client("ann")
        long = "x" * NAME_LIMIT_BYTES
        groups = "".join(f"<group>{n}</group>" for n in range(GROUPS_LIMIT - 1))
        answer = await change(ann, item("bob", f"name='{long}'", f"{groups}<group>{long}</group>"))
        assert answer[-1] == "result"


@pytest.mark.parametrize(
    ("more", "answer"),
    [("", "result"), ("x", "error not-acceptable"), ("ü", "error not-acceptable")],
)
async def test_name_and_groups_have_a_limit_together(more: str, answer: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        names = [letter * (ITEM_LIMIT_BYTES // 8) for letter in "abcdefgh"]
        groups = "".join(f"<group>{name}</group>" for name in [*names[1:-1], names[-1] + more])
        assert (await change(ann, item("bob", f"name='{names[0]}'", groups)))[-1] == answer
        assert (await here.item("bob", "ann")) is None
        assert (await here.item("ann", "bob") is None) == bool(more)


async def fill(here: Acquaintances, owner: str, left: int) -> None:
    """Fill a roster with large entries until so many bytes are left."""
    async with here.services.rosters.change(here.house.person(owner)) as book:
        number = 0
        while (room := ROSTER_LIMIT_BYTES - left - book.size_bytes) > 0:
            number += 1
            empty = RosterItem(f"c{number:04}@x")
            # The last one takes what is left, and the one before it leaves enough for it.
            size = room if room <= 6000 else 4000
            name = "x" * (size - item_size_bytes(empty))
            await book.put(replace(empty, name=name), visible=True)
        assert book.size_bytes == ROSTER_LIMIT_BYTES - left


async def test_a_roster_has_a_limit_in_bytes():
    async with acquaintances() as here:
        ann = await here.client("ann")
        room = item_size_bytes(RosterItem(f"bob@{DOMAIN}", "Bob"))
        await fill(here, "ann", room)
        version = (await here.book("ann")).version
        assert await change(ann, item("bob", "name='Bobby'")) == ["error not-allowed"]
        # What is written longer counts as longer.
        assert await change(ann, item("bob", 'name="B\'b"')) == ["error not-allowed"]
        assert (await here.book("ann")).version == version
        assert (await change(ann, item("bob", "name='Bob'")))[-1] == "result"
        assert (await here.book("ann")).size_bytes == ROSTER_LIMIT_BYTES
        assert await change(ann, item("bob", "name='Bobby'")) == ["error not-allowed"]
        assert (await here.item("ann", "bob")).name == "Bob"
        assert (await change(ann, item("bob", "name='B'")))[-1] == "result"
        assert (await change(ann, "<item jid='c0001@x' subscription='remove'/>"))[-1] == "result"
        assert (await change(ann, item("bob", "name='Bobby'")))[-1] == "result"


async def test_the_refusal_says_what_to_do():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await fill(here, "ann", 0)
        (answer,) = await ann.ask_all("set", query(item("bob")))
        assert str(ROSTER_LIMIT_BYTES).encode() in answer
        assert b"remove a contact or answer a request first" in answer


async def test_a_whole_roster_is_one_answer_that_leaves_room_for_what_follows():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await fill(here, "ann", 0)
        answer = await ann.ask("get", GET)
        assert answer.count(b"<item ") == len(await here.book("ann"))
        # What XEP-0198 keeps for one client; a third of it is left.
        assert len(answer) < ROSTER_LIMIT_BYTES + 1024 < LimitsConfig().unacknowledged_bytes * 2 / 3


async def test_who_only_asked_cannot_be_removed():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(bob, "subscribe", "ann")
        here.quiet()
        assert await change(ann, item("bob", "subscription='remove'")) == ["error item-not-found"]


async def test_a_full_roster_takes_nobody_more():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        book = await here.book("ann")
        for number in range(ROSTER_LIMIT):
            book._items[f"c{number}@x"] = RosterItem(f"c{number}@x")
        assert await change(ann, item("bob")) == ["error not-allowed"]
        assert await here.say(ann, "subscribe", "bob") == ["error not-allowed"]
        assert await here.say(ann, "subscribed", "bob") == ["error not-allowed"]
        assert (await change(ann, "<item jid='c0@x' name='C'/>"))[-1] == "result"
        # Who asks the owner of a full roster is told no, and does not wait for ever.
        assert await here.say(bob, "subscribe", "ann") == [
            "push 1: ann none ask",
            "unsubscribed ann>bob",
            "push 2: ann none",
        ]
        assert await here.item("ann", "bob") is None


async def test_what_the_store_cannot_keep_did_not_happen():
    async with acquaintances() as here:
        ann = await here.client("ann")
        here.house.database.fail_next(UnavailableError("the disk is full"))
        assert await change(ann, item("bob")) == ["error resource-constraint"]
        assert await here.item("ann", "bob") is None


# -- removing with subscriptions (2.5.2) ------------------------------------------------


async def test_removing_a_contact_ends_both_subscriptions():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.befriend("ann", "bob")
        removed = await change(ann, item("bob", "subscription='remove'"))
        assert removed == ["push 2: bob remove", "unavailable bob/phone>ann", "result"]
        assert in_short(bob.line.take()) == [
            "unavailable ann/phone>bob",
            "unsubscribe ann>bob",
            "push 2: ann to",
            "unsubscribed ann>bob",
            "push 3: ann none",
        ]
        assert await here.item("ann", "bob") is None
        assert (await here.item("bob", "ann")).subscription == "none"


@pytest.mark.parametrize(
    ("mine", "theirs", "told"),
    [
        ("to", "from", ["unsubscribe ann>bob", "push 2: ann none"]),
        ("from", "to", ["unavailable ann/phone>bob", "unsubscribed ann>bob", "push 2: ann none"]),
        ("none", "none", []),
    ],
)
async def test_removing_a_contact_ends_what_there_is(mine: str, theirs: str, told: list[str]):
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.house.contacts("ann", "bob", mine)
        await here.house.contacts("bob", "ann", theirs)
        await change(ann, item("bob", "subscription='remove'"))
        assert in_short(bob.line.take()) == told


async def test_removing_a_contact_takes_an_open_request_back():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(ann, "subscribe", "bob")
        await change(ann, item("bob", "subscription='remove'"))
        assert in_short(bob.line.take()) == ["subscribe ann>bob", "unsubscribe ann>bob"]
        assert await here.item("bob", "ann") is None


async def test_removing_a_contact_denies_an_open_request():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await change(ann, item("bob"))
        await here.say(bob, "subscribe", "ann")
        await change(ann, item("bob", "subscription='remove'"))
        assert "unsubscribed ann>bob" in in_short(bob.line.take())
        assert (await here.item("bob", "ann")).ask is False


# -- versions (2.6) ----------------------------------------------------------------------


def test_versions_are_announced():
    assert module.roster.card.stream_features == b"<ver xmlns='urn:xmpp:features:rosterver'/>"


async def test_an_empty_version_asks_for_everything():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await change(ann, item("bob"))
        assert in_short(await ann.ask_all("get", known(""))) == ["roster 1: bob none"]


async def test_who_knows_the_version_gets_an_empty_result():
    async with acquaintances() as here:
        ann = await here.client("ann")
        assert in_short(await ann.ask_all("get", known("0"))) == ["result"]
        await change(ann, item("bob"))
        assert in_short(await ann.ask_all("get", known("1"))) == ["result"]
        assert ann.session.interested


async def test_who_knows_an_older_version_gets_the_changes_in_order_after_the_result():
    async with acquaintances() as here:
        ann = await here.client("ann")
        for what in (
            item("bob"),
            item("cai"),
            item("dee"),
            item("bob", "name='B'"),
            item("cai", "subscription='remove'"),
        ):
            await change(ann, what)
        desk = await here.client("ann", "desk", interested=False)
        # Until the last one, the client is where it was: it may lose its connection in between.
        assert in_short(await desk.ask_all("get", known("2"))) == [
            "result",
            "push 2: dee none",
            "push 2: bob none name=B",
            "push 5: cai remove",
        ]


@pytest.mark.parametrize("version", ["99", "-1", "abc", "1.0", "1" * 40, "\u0663"])
async def test_a_version_that_was_never_given_asks_for_everything(version: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        await change(ann, item("bob"))
        answer = in_short(await ann.ask_all("get", known(escape(version))))
        assert answer == ["roster 1: bob none"]


@pytest.mark.parametrize(
    ("changes", "pushed"), [(CHANGES_PUSHED, True), (CHANGES_PUSHED + 1, False)]
)
async def test_after_many_changes_everything_is_sent(changes: int, pushed: bool):
    async with acquaintances() as here:
        ann = await here.client("ann", available=False)
        async with here.services.rosters.change(here.house.person("ann")) as book:
            for number in range(changes):
                await book.put(RosterItem(f"c{number}@{DOMAIN}"), visible=True)
        answer = in_short(await ann.ask_all("get", known("0")))
        assert len(answer) == (1 + changes if pushed else 1)
        assert answer[0].startswith("result" if pushed else f"roster {changes}")


async def test_a_change_that_comes_in_between_is_not_lost():
    async with acquaintances() as here:
        ann = await here.client("ann")
        for name in ("bob", "cai"):
            await change(ann, item(name))
        desk = await here.client("ann", "desk", interested=False, available=False)
        # Both are under way at once: the answer for the desk, and a change by the phone.
        desk._inbox.take([stanza_of(f"<iq type='get' id='r'>{known('1')}</iq>".encode())])
        what = query(item("bob", "name='B'"))
        ann._inbox.take([stanza_of(f"<iq type='set' id='c'>{what}</iq>".encode())])
        await settle()
        assert in_short(desk.line.take()) == [
            "result",
            "push 2: cai none",
            "push 3: bob none name=B",
        ]


async def test_a_session_that_ended_is_pushed_nothing():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await change(ann, item("bob"))
        desk = await here.client("ann", "desk", interested=False, available=False)
        desk.session.ended = True
        assert in_short(await desk.ask_all("get", known("0"))) == ["result"]
        assert not desk.session.interested


async def test_the_answer_to_a_removal_comes_when_the_contact_has_been_told():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        for client in (ann, bob):
            await client.send("<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>")
            await client.send("<presence/>")
        await ann.send(f"<presence to='bob@{DOMAIN}' type='subscribe'/>")
        await bob.send(f"<presence to='ann@{DOMAIN}' type='subscribed'/>")
        ann.read()
        bob.read()
        person = here.directory.require_person(f"bob@{DOMAIN}")
        removal = query(item("bob", "subscription='remove'"))
        async with here.services.rosters.change(person):
            await ann.send(f"<iq type='set' id='x'>{removal}</iq>")
            assert [got.get("id") for got in ann.read() if got.get("type") == "result"] == []
        await here.settle()
        assert "unsubscribe" in [got.get("type") for got in bob.read()]
        assert [got.get("id") for got in ann.read() if got.get("type") == "result"] == ["x"]
