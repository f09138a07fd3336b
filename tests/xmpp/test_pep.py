"""XEP-0163: nodes of one's own, and who hears of them and sees them."""

import asyncio

import pytest

from clarion.core.ports import Parcel
from clarion.lib.errors import UnavailableError
from clarion.store import pubsub as pubsub_store
from clarion.wire.xmpp.acks import Outbound
from clarion.wire.xmpp.node_config import NS
from clarion.wire.xmpp.pubsub_owner import OWNER
from clarion.xmpp import item_answers, pep_notices
from clarion.xmpp.ext import ALL
from clarion.xmpp.ext import pep as pep_file
from clarion.xmpp.ext.subscriptions import take
from clarion.xmpp.roster import RosterItem
from fakes.household import DOMAIN, Client, Household, children_of, household, settle
from fakes.wanting import events_of, wants

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"


def options(fields: dict[str, str], kind: str) -> str:
    told = "".join(f"<field var='pubsub#{n}'><value>{v}</value></field>" for n, v in fields.items())
    return (
        f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        f"<value>{NS}#{kind}</value></field>{told}</x>"
    )


async def publish(client: Client, node: str = "tune", item: str = "i", **fields: str) -> bytes:
    named = f" id='{item}'" if item else ""
    extra = ""
    if fields:
        extra = f"<publish-options>{options(fields, 'publish-options')}</publish-options>"
    return await client.ask(
        "set",
        f"<pubsub xmlns='{NS}'><publish node='{node}'><item{named}><a xmlns='x'/></item></publish>"
        f"{extra}</pubsub>",
    )


async def configure(client: Client, node: str = "tune", **fields: str) -> bytes:
    form = options(fields, "node_config")
    return await client.ask(
        "set", f"<pubsub xmlns='{OWNER}'><configure node='{node}'>{form}</configure></pubsub>"
    )


async def get(
    client: Client, inner: str = "", attributes: str = "", to: str | None = None
) -> tuple[list[str], bytes]:
    raw = await client.ask(
        "get",
        f"<pubsub xmlns='{NS}'><items node='tune'{attributes}/>{inner}</pubsub>",
        to,
    )
    items = [one.get("id") for one in children_of(raw)[0].iter(f"{{{NS}}}item")]
    return items, raw


def rsm(inner: str) -> str:
    return f"<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>"


async def friends(house: Household, *, groups: tuple[str, ...] = ()) -> None:
    """Ann and Bob get each other's presence; Bob is in these groups of Ann's roster."""
    async with house.services.rosters.change(house.person("ann")) as book:
        await book.put(RosterItem(BOB, subscription="both", groups=groups), visible=True)
    await house.contacts("bob", "ann", "both")


async def test_what_the_account_says_it_can_do():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", ANN)
        assert b"<identity category='pubsub' type='pep'/>" in answer
        for feature in ("publish-options", "auto-create", "filtered-notifications", "subscribe"):
            assert f"<feature var='{NS}#{feature}'/>".encode() in answer
        assert f"{NS}#access-authorize'".encode() not in answer
        # XEP-0223 section 6 asks the server itself
        answer = await ann.ask(
            "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", DOMAIN
        )
        assert b"<identity category='pubsub' type='pep'/>" in answer
        assert f"<feature var='{NS}#publish-options'/>".encode() in answer
        assert f"<feature var='{NS}#access-whitelist'/>".encode() in answer  # Smack asks here


async def test_an_item_without_a_name_is_told_its_name():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        answer = await publish(ann, item="")
        (name,) = [one.get("id") for one in children_of(answer)[0].iter(f"{{{NS}}}item")]
        assert (await get(ann))[0] == [name]


async def test_a_node_without_a_name_is_told_its_name():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("set", f"<pubsub xmlns='{NS}'><create/></pubsub>")
        name = children_of(answer)[0][0].get("node")
        answer = await ann.ask(
            "get", f"<pubsub xmlns='{OWNER}'><affiliations node='{name}'/></pubsub>"
        )
        assert f"<affiliation jid='{ANN}' affiliation='owner'/>".encode() in answer


@pytest.mark.parametrize(
    ("page", "attributes", "ids", "told"),
    [
        ("", "", "abcde", None),
        ("", " max_items='2'", "de", None),
        ("<max>2</max>", "", "ab", ("a", "b", "0")),
        ("<max>2</max><after>b</after>", "", "cd", ("c", "d", "2")),
        ("<max>2</max><after>e</after>", "", "", None),
        ("<max>2</max><before/>", "", "de", ("d", "e", "3")),
        ("<max>2</max><before>c</before>", "", "ab", ("a", "b", "0")),
        ("<max>1</max><before>c</before>", "", "b", ("b", "b", "1")),
        ("<max>2</max><index>4</index>", "", "e", ("e", "e", "4")),
        ("<max>0</max>", "", "", None),
        ("<after>d</after>", "", "e", ("e", "e", "4")),
    ],
)
async def test_items_come_by_the_page(
    page: str, attributes: str, ids: str, told: tuple[str, str, str] | None
):
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        for name in "abcde":
            await publish(ann, item=name, max_items="max")
        found, raw = await get(ann, rsm(page) if page else "", attributes)
        assert found == list(ids)
        if told is not None:
            first, last, index = told
            assert f"<first index='{index}'>{first}</first><last>{last}</last>".encode() in raw
        assert (b"<count>5</count>" in raw) == bool(page)


async def test_items_come_by_their_names_and_unknown_ones_are_left_out():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        for name in "abc":
            await publish(ann, item=name, max_items="max")
        answer = await ann.ask(
            "get",
            f"<pubsub xmlns='{NS}'><items node='tune'><item id='c'/><item id='x'/><item id='a'/>"
            "<item id='c'/></items></pubsub>",
        )
        items = [one.get("id") for one in children_of(answer)[0].iter(f"{{{NS}}}item")]
        assert items == ["c", "a"]
        _, raw = await get(ann, rsm("<after>x</after>"))
        assert b"<item-not-found" in raw


async def test_an_answer_has_a_largest_size(monkeypatch: pytest.MonkeyPatch):
    assert item_answers.ANSWER_LIMIT_BYTES == 1 << 20
    monkeypatch.setattr(item_answers, "ANSWER_LIMIT_BYTES", 2 * len(b"a<a xmlns='x'/>"))
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        for name in "abc":
            await publish(ann, item=name, max_items="max")
        found, raw = await get(ann)
        assert found == ["b", "c"]
        assert b"<first index='1'>b</first><last>c</last><count>3</count>" in raw
        assert (await get(ann, rsm("<after>a</after>")))[0] == ["b", "c"]
        assert (await get(ann, rsm("<max>5</max>")))[0] == ["a", "b"]
        named = "".join(f"<item id='{name}'/>" for name in "abc")
        answer = await ann.ask(
            "get", f"<pubsub xmlns='{NS}'><items node='tune'>{named}</items></pubsub>"
        )
        assert answer.count(b"<item id=") == 2


@pytest.mark.parametrize(("node", "listed"), [("", "node='d'"), (" node='tune'", "name='d'")])
async def test_a_list_of_names_has_a_largest_size(
    monkeypatch: pytest.MonkeyPatch, node: str, listed: str
):
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        for name in "abcd":
            await publish(ann, name)
            await publish(ann, "tune", name, max_items="max")
        query = f"<query xmlns='http://jabber.org/protocol/disco#items'{node}/>"
        whole = await ann.ask("get", query)
        assert listed.encode() in whole
        one_bytes = len(f"<item jid='{ANN}' {listed}/>")
        monkeypatch.setattr(item_answers, "ANSWER_LIMIT_BYTES", 3 * one_bytes + 3)
        assert (await ann.ask("get", query)).count(b"<item ") == 3


async def test_many_items_are_written_by_turns(monkeypatch: pytest.MonkeyPatch):
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        names = [f"i{number}" for number in range(9)]
        for name in names:
            await publish(ann, item=name, max_items="max")
        for file in (item_answers, pubsub_store):
            monkeypatch.setattr(file, "SLICE", 3)
        loop, turns = asyncio.get_running_loop(), 0

        def tick() -> None:
            nonlocal turns
            turns += 1
            if not ann.line.written:
                loop.call_soon(tick)

        loop.call_soon(tick)
        assert (await get(ann))[0] == names
        assert turns > 6  # three for reading, three for writing


async def test_long_names_count_too(monkeypatch: pytest.MonkeyPatch):
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        for name in "abc":
            await publish(ann, item=name * 1_000, max_items="max")
        monkeypatch.setattr(item_answers, "ANSWER_LIMIT_BYTES", 2_500)
        assert [name[0] for name in (await get(ann))[0]] == ["b", "c"]


async def test_a_node_that_keeps_nothing_has_nothing_to_give():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await publish(ann, access_model="open", persist_items="0")
        for client in (ann, bob):
            raw = await client.ask(
                "get", f"<pubsub xmlns='{NS}'><items node='tune'/></pubsub>", ANN
            )
            assert b"<feature-not-implemented" in raw
            assert b"feature='persistent-items'" in raw


async def test_own_clients_hear_of_what_they_want():
    async with household(*ALL) as house:
        phone, desk = await house.log_in("ann", "phone"), await house.log_in("ann", "desk")
        bare = await house.log_in("ann", "bare")
        await wants(phone, "tune")
        await wants(desk, "mood")
        desk.line.take()
        assert events_of(await desk.say("<presence/>")) == []
        await publish(desk)
        assert events_of(phone.line.take()) == [("tune", ["item i"])]
        assert events_of(desk.line.take() + bare.line.take()) == []
        await phone.say("<presence type='unavailable'/>")
        await publish(desk)
        assert events_of(phone.line.take()) == []


async def test_what_a_node_is_set_up_to_tell():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        await wants(ann, "tune")
        await publish(ann, item="a", max_items="2", notify_retract="1", deliver_payloads="0")
        await publish(ann, item="b")
        came = await ann.say(
            f"<iq type='set' id='1'><pubsub xmlns='{NS}'><publish node='tune'><item id='c'/>"
            "</publish></pubsub></iq>"
        )
        assert events_of(came) == [("tune", ["item c"]), ("tune", ["retract a"])]
        assert b"<a xmlns='x'/>" not in b"".join(came)
        form = options({"max_items": "1", "notification_type": "normal"}, "node_config")
        came = await ann.say(
            f"<iq type='set' id='2'><pubsub xmlns='{OWNER}'><configure node='tune'>{form}"
            "</configure></pubsub></iq>"
        )
        assert events_of(came) == [("tune", ["retract b"])]
        assert b"type='headline'" not in came[0]
        await configure(ann, deliver_notifications="0")
        assert b"<event" not in await publish(ann, item="d")
        assert events_of(ann.line.take()) == []


async def test_last_items_come_with_the_first_presence_as_the_node_says():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        await publish(ann, "tune", "old", max_items="2")
        await publish(ann, "tune", "new")
        await publish(ann, "quiet", "x", send_last_published_item="never")
        await publish(ann, "onsub", "x", send_last_published_item="on_sub")
        desk = await house.log_in("ann", "desk")
        came = await wants(desk, "tune", "quiet", "onsub", "none")
        assert events_of(came) == [("tune", ["item new"])]
        assert b"<delay xmlns='urn:xmpp:delay'" in came[-1]
        assert events_of(await wants(desk, "tune")) == []
        await desk.say("<presence type='unavailable'/>")
        assert events_of(await wants(desk, "tune")) == [("tune", ["item new"])]


@pytest.mark.parametrize(
    ("access", "groups", "hears"),
    [
        ("open", (), True),
        ("presence", (), True),
        ("roster", ("Friends",), True),
        ("roster", ("Others",), False),
        ("whitelist", (), False),
    ],
)
async def test_contacts_hear_and_see_as_the_access_model_says(
    access: str, groups: tuple[str, ...], hears: bool
):
    async with household(*ALL) as house:
        await friends(house, groups=groups)
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.say("<presence/>")
        await wants(bob, "tune")
        fields = {"access_model": access}
        if access == "roster":
            fields["roster_groups_allowed"] = "Friends"
        await publish(ann, **fields)
        assert bool(events_of(bob.line.take())) == hears
        found, raw = await get(bob, to=ANN)
        assert bool(found) == hears
        assert (b"<error" in raw) == (not hears)
        query = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
        assert (b"node='tune'" in await bob.ask("get", query, ANN)) == hears
        again = await house.log_in("bob", "again")
        assert bool(events_of(await wants(again, "tune"))) == hears


async def test_last_items_wait_for_a_client_that_acknowledges_slowly(
    monkeypatch: pytest.MonkeyPatch,
):
    assert (pep_notices.WAITING_LIMIT, pep_notices.WAITING_LIMIT_BYTES) == (100, 65_536)
    monkeypatch.setattr(pep_notices, "WAITING_LIMIT", 3)
    async with household(*ALL) as house:
        names = [f"n{number:02}" for number in range(20)]
        for name in names:
            person = await house.services.directory.add_person(f"{name}@{DOMAIN}")
            await house.contacts("bob", name, "both")
            await house.contacts(name, "bob", "both")
            await publish(await house.log_in(name))
            assert person.address in house.services.nodes.owners_of("tune")
        bob = await house.log_in("bob")
        session = bob.session
        session.outbound = Outbound(limit_bytes=1 << 20, limit_count=8)
        seen: list[bytes] = []
        await wants(bob, "tune")
        while len(session.outbound):
            seen += session.outbound.unacknowledged()
            assert len(session.outbound) <= 4
            assert not session.overflowed
            session.outbound.acknowledge(session.outbound.send_count)
            session.moved()
            await settle()
        assert [sum(name.encode() in raw for raw in seen) for name in names] == [1] * 20


async def test_presence_must_go_both_ways():
    async with household(*ALL) as house:
        await house.contacts("ann", "bob", "from")
        await house.contacts("bob", "ann", "to")
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await wants(bob, "tune")
        await publish(ann)
        assert events_of(bob.line.take()) == []
        assert (await get(bob, to=ANN))[0] == ["i"]


async def test_who_is_allowed_to_see_somebody_gets_the_last_items_then():
    async with household(*ALL) as house:
        await house.contacts("ann", "bob", "from")
        await house.contacts("bob", "ann", "to")
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await wants(ann, "tune", "mood")
        await wants(bob, "tune")
        await publish(ann)
        await publish(bob, "mood")
        assert events_of(bob.line.take()) == []
        # It is Bob who says yes last: from now on presence goes both ways.
        asked = Parcel("presence", "subscribe", ANN, "", b"<presence type='subscribe'/>")
        await take(house.services, house.people, asked, BOB)
        await ann.say(f"<presence type='subscribe' to='{BOB}'/>")
        ann.line.take()
        await bob.say(f"<presence type='subscribed' to='{ANN}'/>")
        allowed = Parcel("presence", "subscribed", BOB, "", b"<presence type='subscribed'/>")
        await take(house.services, house.people, allowed, ANN)
        await settle()
        assert events_of(bob.line.take()) == [("tune", ["item i"])]
        assert events_of(ann.line.take()) == [("mood", ["item i"])]


async def test_strangers_may_read_an_open_node_and_no_other():
    async with household(*ALL) as house:
        ann, cai = await house.log_in("ann"), await house.log_in("cai")
        await publish(ann, access_model="open")
        assert (await get(cai, to=ANN))[0] == ["i"]
        await configure(ann, access_model="presence")
        assert b"<presence-subscription-required" in (await get(cai, to=ANN))[1]
        answer = await cai.ask("get", f"<pubsub xmlns='{NS}'><affiliations/></pubsub>", ANN)
        assert b"<affiliations></affiliations>" in answer


async def test_whom_one_has_blocked_hears_nothing():
    async with household(*ALL) as house:
        await friends(house)
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await wants(bob, "tune")
        await house.services.blocking.block(house.person("ann"), [BOB], last=lambda: None)
        await publish(ann)
        assert events_of(bob.line.take()) == []
        again = await house.log_in("bob", "again")
        assert events_of(await wants(again, "tune")) == []


async def test_what_cannot_be_kept_is_told_to_nobody():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        await wants(ann, "tune")
        house.database.fail_next(UnavailableError("the store is full"))
        assert b"the store is full" in await publish(ann)
        await settle()
        assert events_of(ann.line.take()) == []
        assert b"<item-not-found" in (await get(ann))[1]


async def test_an_ended_session_is_forgotten():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        await wants(ann, "tune")
        assert house.services.interests.wants(ann.session.id, "tune")
        pep_file.closed(ann.context)
        assert not house.services.interests.wants(ann.session.id, "tune")


async def test_configuring_without_a_form_changes_nothing():
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        for node, wrong in (("none", True), ("tune", False)):
            await publish(ann)
            answer = await ann.ask(
                "set", f"<pubsub xmlns='{OWNER}'><configure node='{node}'/></pubsub>"
            )
            assert (b"<item-not-found" in answer) == wrong
