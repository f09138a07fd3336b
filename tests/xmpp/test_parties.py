"""XEP-0060 sections 6, 8.8, 8.9: who is subscribed, member or outcast, and hears what how often."""

import pytest

from clarion.store.pubsub import DatabasePubsub
from clarion.wire.xmpp.node_config import NS
from clarion.wire.xmpp.pubsub_owner import OWNER
from clarion.xmpp import node_book, parties, pep_notices
from clarion.xmpp.ext import ALL
from clarion.xmpp.nodes import Nodes
from clarion.xmpp.roster import RosterItem
from fakes.household import DOMAIN, Client, Household, household
from fakes.wanting import events_of, wants

ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"


async def publish(client: Client, item: str = "i", **fields: str) -> bytes:
    told = "".join(f"<field var='pubsub#{n}'><value>{v}</value></field>" for n, v in fields.items())
    form = (
        "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
        f"<value>{NS}#publish-options</value></field>{told}</x></publish-options>"
    )
    return await client.ask(
        "set",
        f"<pubsub xmlns='{NS}'><publish node='n'><item id='{item}'><a xmlns='x'/></item></publish>"
        f"{form if fields else ''}</pubsub>",
    )


async def subscribe(client: Client, jid: str, to: str | None = ANN, verb: str = "") -> bytes:
    return await client.ask(
        "set", f"<pubsub xmlns='{NS}'><{verb}subscribe node='n' jid='{jid}'/></pubsub>", to
    )


async def affiliate(client: Client, said: str, jid: str = BOB) -> bytes:
    inner = f"<affiliation jid='{jid}' affiliation='{said}'/>"
    return await client.ask(
        "set", f"<pubsub xmlns='{OWNER}'><affiliations node='n'>{inner}</affiliations></pubsub>"
    )


async def friends(house: Household) -> None:
    async with house.services.rosters.change(house.person("ann")) as book:
        await book.put(RosterItem(BOB, subscription="both"), visible=True)
    await house.contacts("bob", "ann", "both")


@pytest.mark.parametrize("contact", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("resources", [("",), ("/desk",), ("", "/desk"), ("/desk", "/phone")])
async def test_nobody_hears_of_anything_twice(
    *, contact: bool, wanted: bool, resources: tuple[str, ...]
):
    async with household(*ALL) as house:
        ann = await house.log_in("ann")
        desk = await house.log_in("bob", "desk")
        if contact:
            await friends(house)
        await publish(ann, access_model="open", send_last_published_item="never")
        if wanted:
            await wants(desk, "n")
        else:
            await desk.say("<presence/>")
        for resource in resources:
            assert b"subscribed" in await subscribe(desk, BOB + resource)
        desk.line.take()
        await publish(ann, "j")
        assert events_of(desk.line.take()) == [("n", ["item j"])]


async def test_one_s_own_subscription_is_no_second_notice():
    async with household(*ALL) as house:
        ann, desk = await house.log_in("ann"), await house.log_in("ann", "desk")
        await wants(desk, "n")
        await publish(ann)
        await subscribe(desk, ANN, None)
        desk.line.take()
        await publish(ann, "j")
        assert events_of(desk.line.take()) == [("n", ["item j"])]
        await subscribe(desk, ANN, None, "un")
        await publish(ann, "k")
        assert events_of(desk.line.take()) == [("n", ["item k"])]


async def test_who_may_not_see_a_node_any_more_hears_no_more_of_it():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.say("<presence/>")
        await publish(ann, access_model="open")
        await subscribe(bob, BOB)
        bob.line.take()
        form = (
            "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#access_model'>"
            "<value>presence</value></field></x>"
        )
        await ann.ask(
            "set", f"<pubsub xmlns='{OWNER}'><configure node='n'>{form}</configure></pubsub>"
        )
        await publish(ann, "j")
        assert events_of(bob.line.take()) == []
        # unsubscribing is possible all the same
        assert b"subscription='none'" in await subscribe(bob, BOB, verb="un")


@pytest.mark.parametrize("said", ["outcast", "none"])
async def test_members_of_a_whitelist_are_subscribed_as_long_as_they_are(said: str):
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.say("<presence/>")
        await publish(ann, access_model="whitelist")
        assert b"closed-node" in await subscribe(bob, BOB)
        await affiliate(ann, "member")
        assert set(house.services.nodes.owners_of("n")) == {ANN}
        assert b"subscribed" in await subscribe(bob, BOB)
        await affiliate(ann, said)
        assert not house.services.nodes.owners_of("n")
        bob.line.take()
        await publish(ann, "j")
        assert events_of(bob.line.take()) == []
        await affiliate(ann, "member")
        await publish(ann, "k")
        assert events_of(bob.line.take()) == []


async def test_contacts_who_are_members_hear_of_a_closed_node():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await friends(house)
        await publish(ann, access_model="whitelist")
        await wants(bob, "n")
        await affiliate(ann, "member")
        await publish(ann, "j")
        assert events_of(bob.line.take()) == [("n", ["item j"])]
        # and get the last item when they come on line
        await bob.say("<presence type='unavailable'/>")
        assert events_of(await wants(bob, "n")) == [("n", ["item j"])]


async def test_an_owner_stays_the_owner_and_ends_subscriptions_of_others():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await publish(ann, access_model="open")
        assert b"not-acceptable" in await affiliate(ann, "outcast", ANN)
        await subscribe(bob, f"{BOB}/phone")

        async def change(jid: str, said: str) -> bytes:
            inner = f"<subscription jid='{jid}' subscription='{said}'/>"
            return await ann.ask(
                "set",
                f"<pubsub xmlns='{OWNER}'><subscriptions node='n'>{inner}</subscriptions></pubsub>",
            )

        assert b"not-acceptable" in await change(BOB, "subscribed")
        assert b"type='result'" in await change(f"{BOB}/phone", "subscribed")
        assert b"type='result'" in await change(f"{BOB}/phone", "none")
        assert b"not-subscribed" in await subscribe(bob, f"{BOB}/phone", verb="un")


async def test_a_node_has_so_many_subscribers_and_members(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(node_book, "PARTIES_LIMIT", 2)
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await publish(ann, access_model="open")
        for resource in ("", "/x"):
            assert b"type='result'" in await subscribe(bob, BOB + resource)
        refused = await subscribe(bob, f"{BOB}/y")
        assert b"<policy-violation" in refused
        assert b"<too-many-subscriptions" in refused
        # whom the owner knows is counted by itself
        for name in ("a", "b"):
            assert b"type='result'" in await affiliate(ann, "member", f"{name}@{DOMAIN}")
        assert b"<policy-violation" in await affiliate(ann, "outcast")
        assert b"type='result'" in await affiliate(ann, "none", f"a@{DOMAIN}")
        assert b"type='result'" in await affiliate(ann, "outcast")


async def test_one_person_subscribes_so_often(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parties, "EACH_LIMIT", 1)
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await publish(ann, access_model="open")
        assert b"type='result'" in await subscribe(bob, BOB)
        assert b"type='result'" in await subscribe(bob, BOB)
        assert b"<too-many-subscriptions" in await subscribe(bob, f"{BOB}/x")
        assert b"type='result'" in await subscribe(ann, ANN, None)


async def test_subscriptions_outlast_the_server_and_end_with_the_person():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await publish(ann, access_model="open")
        await subscribe(bob, BOB)
        person = house.person("ann")
        again = Nodes(DatabasePubsub(house.database))
        node = (await again.book(person)).require("n")
        assert list(node.subscribers) == [BOB]
        await affiliate(ann, "outcast")
        house.services.nodes.forget(house.person("bob"))
        again.forget(house.person("bob"))
        assert list(node.subscribers) == []
        book = await house.services.nodes.book(person)
        assert book.require("n").affiliations == {}


async def test_many_subscribers_are_told_by_turns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pep_notices, "SLICE", 1)
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.say("<presence/>")
        await publish(ann, access_model="open")
        await subscribe(bob, BOB)
        bob.line.take()
        await publish(ann, "j")
        assert events_of(bob.line.take()) == [("n", ["item j"])]


async def test_whom_one_has_blocked_hears_nothing():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.say("<presence/>")
        await publish(ann, access_model="open")
        await subscribe(bob, BOB)
        await ann.ask("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{BOB}'/></block>")
        bob.line.take()
        await publish(ann, "j")
        assert events_of(bob.line.take()) == []


@pytest.mark.parametrize(("field", "told"), [("notify_delete", True), ("notify_delete", False)])
async def test_whether_a_deletion_is_told(field: str, *, told: bool):
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.say("<presence/>")
        await publish(ann, access_model="open", **{field: str(int(told))})
        await subscribe(bob, BOB)
        bob.line.take()
        await ann.ask("set", f"<pubsub xmlns='{OWNER}'><delete node='n'/></pubsub>")
        assert events_of(bob.line.take()) == ([("n", ["delete"])] if told else [])


async def test_a_new_configuration_is_told_with_the_form():
    async with household(*ALL) as house:
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await bob.say("<presence/>")
        await publish(ann, access_model="open", notify_config="1")
        await subscribe(bob, BOB)
        bob.line.take()
        form = (
            "<x xmlns='jabber:x:data' type='submit'><field var='pubsub#title'>"
            "<value>News</value></field></x>"
        )
        await ann.ask(
            "set", f"<pubsub xmlns='{OWNER}'><configure node='n'>{form}</configure></pubsub>"
        )
        (raw,) = bob.line.take()
        assert b"<configuration node='n'><x xmlns='jabber:x:data' type='result'>" in raw
        assert b"News" in raw
