"""RFC 6121 section 3."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.core.ports import Parcel
from clarion.lib.errors import UnavailableError
from clarion.store.roster import DatabaseRosters
from clarion.wire.xml import parse
from clarion.xmpp.ext.subscriptions import REQUEST_LIMIT_BYTES, correct, subscriptions, take
from clarion.xmpp.roster import RosterItem
from clarion.xmpp.roster_book import ROSTER_LIMIT_BYTES, RosterBook, item_size_bytes
from clarion.xmpp.subscription_states import state_of
from fakes.acquaintances import GET, Acquaintances, acquaintances, in_short, short
from fakes.household import DOMAIN, Client


def test_pre_approval_is_announced():
    feature = b"<sub xmlns='urn:xmpp:features:pre-approval'/>"
    assert subscriptions.card.stream_features == feature


# -- asking and allowing (3.1) ----------------------------------------------------------


async def test_a_subscription_from_the_request_to_the_first_presence():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        assert await here.say(ann, "subscribe", "bob") == ["push 1: bob none ask"]
        assert in_short(bob.line.take()) == ["subscribe ann>bob"]
        assert not (await here.item("bob", "ann")).listed
        assert await here.say(bob, "subscribed", "ann") == ["push 1: ann from"]
        assert in_short(ann.line.take()) == [
            "subscribed bob>ann",
            "push 2: bob to",
            "available bob/phone>ann/phone",
        ]
        assert (await here.item("bob", "ann")).pending_in is None


async def test_both_ways():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(ann, "subscribe", "bob")
        await here.say(bob, "subscribe", "ann")
        assert (await here.item("ann", "bob")).listed
        await here.say(bob, "subscribed", "ann")
        await here.say(ann, "subscribed", "bob")
        assert (await here.item("ann", "bob")).subscription == "both"
        assert (await here.item("bob", "ann")).subscription == "both"


async def test_a_request_carries_bare_addresses_and_all_that_was_in_it():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        inside = "<status>Hi</status><nick xmlns='http://jabber.org/protocol/nick'>A</nick>"
        await ann.say(
            f"<presence id='p' type='subscribe' to='bob@{DOMAIN}/phone' from='ann@{DOMAIN}/phone'>"
            f"{inside}</presence>"
        )
        (request,) = bob.line.take()
        tree = parse(request)
        assert (tree.get("from"), tree.get("to")) == (f"ann@{DOMAIN}", f"bob@{DOMAIN}")
        assert tree.get("id") == "p"
        assert inside.encode() in request


async def test_a_request_waits_until_it_is_answered():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await ann.say(
            f"<presence type='subscribe' to='bob@{DOMAIN}'><status>me</status></presence>"
        )
        phone = await here.house.log_in("bob", "phone", priority=None)
        await phone.ask("get", GET)
        # Interested is not enough, and every session is asked when it comes.
        assert phone.line.take() == []
        got = await phone.say("<presence/>")
        assert in_short(got) == ["available bob/phone>bob", "subscribe ann>bob"]
        assert b"<status>me</status>" in got[1]
        assert await phone.say("<presence><show>away</show></presence>") == [
            got[0].replace(b"/>", b"><show>away</show></presence>")
        ]
        desk = await here.house.log_in("bob", "desk", priority=None)
        assert "subscribe ann>bob" in in_short(await desk.say("<presence/>"))
        await here.say(desk, "unsubscribed", "ann")
        late = await here.house.log_in("bob", "late", priority=None)
        assert "subscribe ann>bob" not in in_short(await late.say("<presence/>"))


async def test_a_request_survives_the_server():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await here.say(ann, "subscribe", "bob")
        rosters = DatabaseRosters(here.house.database)
        stored = await rosters.load(here.house.person("bob").number)
        (item,) = stored.items
        assert (item.listed, item.subscription, stored.version) == (False, "none", 0)
        assert short(item.pending_in) == "subscribe ann>bob"


async def test_asking_again_changes_and_delivers_nothing():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(ann, "subscribe", "bob")
        here.quiet()
        assert await here.say(ann, "subscribe", "bob") == []
        assert bob.line.take() == []


async def test_who_is_subscribed_already_is_told_so_by_the_server():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        # The two rosters disagree: the stanza that allowed it was lost.
        await here.house.contacts("bob", "ann", "from")
        assert await here.say(ann, "subscribe", "bob") == [
            "push 1: bob none ask",
            "subscribed bob>ann",
            "push 2: bob to",
            "available bob/phone>ann/phone",
        ]
        assert bob.line.take() == []


async def test_approval_goes_to_interested_sessions_and_presence_to_available_ones():
    async with acquaintances() as here:
        phone = await here.client("ann", "phone")
        hidden = await here.client("ann", "hidden", available=False)
        deaf = await here.client("ann", "deaf", interested=False)
        bob = await here.client("bob")
        await here.client("bob", "off", available=False)
        await here.say(phone, "subscribe", "bob")
        here.quiet()
        await here.say(bob, "subscribed", "ann")
        told = ["subscribed bob>ann", "push 2: bob to"]
        assert in_short(phone.line.take()) == [*told, "available bob/phone>ann/phone"]
        assert in_short(hidden.line.take()) == told
        assert in_short(deaf.line.take()) == ["available bob/phone>ann/deaf"]


async def test_everything_works_while_the_other_is_away():
    async with acquaintances() as here:
        ann = await here.client("ann")
        await here.say(ann, "subscribe", "bob")
        await here.hang_up(ann)
        bob = await here.client("bob")
        assert await here.say(bob, "subscribed", "ann") == ["push 1: ann from"]
        assert (await here.item("ann", "bob")).subscription == "to"
        ann = await here.house.log_in("ann", priority=None)
        assert in_short(await ann.say("<presence/>")) == [
            "available ann/phone>ann",
            "available bob/phone>ann/phone",
        ]


# -- denying, cancelling, giving up (3.2, 3.3) --------------------------------------------


async def test_a_request_is_denied():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(ann, "subscribe", "bob")
        here.quiet()
        assert await here.say(bob, "unsubscribed", "ann") == []
        assert in_short(ann.line.take()) == ["unsubscribed bob>ann", "push 2: bob none"]
        assert await here.item("bob", "ann") is None


async def test_a_subscription_is_cancelled():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.client("bob", "desk")
        await here.befriend("ann", "bob")
        assert await here.say(bob, "unsubscribed", "ann") == ["push 2: ann to"]
        assert in_short(ann.line.take()) == [
            "unavailable bob/phone>ann",
            "unavailable bob/desk>ann",
            "unsubscribed bob>ann",
            "push 2: bob from",
        ]
        await bob.say("<presence/>")
        assert ann.line.take() == []


async def test_a_subscription_is_given_up():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.befriend("ann", "bob")
        assert await here.say(ann, "unsubscribe", "bob") == [
            "push 2: bob from",
            "unavailable bob/phone>ann",
        ]
        assert in_short(bob.line.take()) == ["unsubscribe ann>bob", "push 2: ann to"]


async def test_a_request_is_taken_back():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(ann, "subscribe", "bob")
        here.quiet()
        assert await here.say(ann, "unsubscribe", "bob") == ["push 2: bob none"]
        assert in_short(bob.line.take()) == ["unsubscribe ann>bob"]
        assert await here.item("bob", "ann") is None


@pytest.mark.parametrize("kind", ["unsubscribe", "unsubscribed"])
async def test_ending_what_is_not_there_says_nothing(kind: str):
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        assert await here.say(ann, kind, "bob") == []
        assert bob.line.take() == []
        assert await here.item("ann", "bob") is None


# -- pre-approval (3.4) --------------------------------------------------------------------


async def test_who_was_approved_beforehand_is_let_in_at_once():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        assert await here.say(bob, "subscribed", "ann") == ["push 1: ann none approved"]
        assert ann.line.take() == []
        assert await here.say(ann, "subscribe", "bob") == [
            "push 1: bob none ask",
            "subscribed bob>ann",
            "push 2: bob to",
            "available bob/phone>ann/phone",
        ]
        assert in_short(bob.line.take()) == ["push 2: ann from approved"]


async def test_a_pre_approval_is_cancelled():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(bob, "subscribed", "ann")
        assert await here.say(bob, "unsubscribed", "ann") == ["push 2: ann none"]
        assert ann.line.take() == []
        await here.say(ann, "subscribe", "bob")
        assert in_short(bob.line.take()) == ["subscribe ann>bob"]


async def test_who_was_thrown_out_is_not_let_in_by_an_old_pre_approval():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(bob, "subscribed", "ann")
        await here.say(ann, "subscribe", "bob")
        await here.say(bob, "unsubscribed", "ann")
        here.quiet()
        await here.say(ann, "subscribe", "bob")
        assert in_short(bob.line.take()) == ["subscribe ann>bob"]


@pytest.mark.parametrize("subscription", ["from", "both"])
async def test_approving_a_subscriber_changes_nothing(subscription: str):
    async with acquaintances() as here:
        bob = await here.client("bob")
        await here.house.contacts("bob", "ann", subscription)
        assert await here.say(bob, "subscribed", "ann") == []
        assert not (await here.item("bob", "ann")).approved


# -- whom it cannot be for -------------------------------------------------------------------


async def test_nobody_learns_who_has_an_account():
    async with acquaintances() as here:
        ann = await here.client("ann")
        assert await here.say(ann, "subscribe", "nobody") == ["push 1: nobody none ask"]
        assert await here.say(ann, "unsubscribe", "nobody") == ["push 2: nobody none"]
        assert await here.say(ann, "subscribed", "nobody") == ["push 3: nobody none approved"]
        assert await here.say(ann, "unsubscribed", "nobody") == ["push 4: nobody none"]


@pytest.mark.parametrize("kind", ["subscribe", "subscribed", "unsubscribe", "unsubscribed"])
async def test_other_domains_cannot_be_reached(kind: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        answer = await ann.say(f"<presence id='p' type='{kind}' to='zoe@else.example'/>")
        assert in_short(answer) == ["error remote-server-not-found"]
        assert list((await here.book("ann")).items()) == []


@pytest.mark.parametrize(
    ("to", "condition"),
    [
        ("", "bad-request"),
        (f"to='ann@{DOMAIN}'", "not-allowed"),
        (f"to='ann@{DOMAIN}/desk'", "not-allowed"),
        ("to='@'", "jid-malformed"),
    ],
)
async def test_odd_addresses(to: str, condition: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        answer = await ann.say(f"<presence type='subscribe' {to}/>")
        assert in_short(answer) == [f"error {condition}"]


async def test_a_request_that_would_be_kept_is_not_too_long():
    async with acquaintances() as here:
        ann = await here.client("ann")
        long = f"<status>{'x' * REQUEST_LIMIT_BYTES}</status>"
        answer = await ann.say(f"<presence type='subscribe' to='bob@{DOMAIN}'>{long}</presence>")
        assert in_short(answer) == ["error policy-violation"]
        assert await here.item("ann", "bob") is None


async def leave_room(here: Acquaintances, owner: str, left: int) -> None:
    """Let one contact's entry take all but so many bytes of the owner's roster."""
    async with here.services.rosters.change(here.house.person(owner)) as book:
        if book.get("large@x") is not None:
            await book.remove("large@x")
        empty = RosterItem("large@x", listed=False)
        size = ROSTER_LIMIT_BYTES - left - book.size_bytes
        name = "x" * (size - item_size_bytes(empty))
        await book.put(replace(empty, name=name), visible=False)
        assert book.size_bytes == ROSTER_LIMIT_BYTES - left


@pytest.mark.parametrize("kind", ["subscribe", "subscribed"])
async def test_a_roster_without_a_byte_left_takes_nobody_more(kind: str):
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        room = item_size_bytes(RosterItem(f"bob@{DOMAIN}"))
        await leave_room(here, "ann", room - 1)
        assert await here.say(ann, kind, "bob") == ["error not-allowed"]
        assert bob.line.take() == []
        assert await here.item("ann", "bob") is None
        await leave_room(here, "ann", room)
        (pushed,) = await here.say(ann, kind, "bob")
        assert pushed.startswith("push 1: bob none")


async def test_who_asks_the_owner_of_a_roster_without_room_for_it_is_told_no():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        refused = [
            "push 1: bob none ask",
            "unsubscribed bob>ann",
            "push 2: bob none",
        ]
        await leave_room(here, "bob", 200)
        assert await ann_asks(ann, "x" * 200) == refused
        assert bob.line.take() == []
        assert await here.item("bob", "ann") is None
        assert await ann_asks(ann, "x") == ["push 3: bob none ask"]
        assert in_short(bob.line.take()) == ["subscribe ann>bob"]
        kept = await here.item("bob", "ann")
        assert (await here.book("bob")).size_bytes == (
            ROSTER_LIMIT_BYTES
            - 200
            + item_size_bytes(replace(kept, pending_in=None))
            + len(kept.pending_in)
        )


async def test_a_request_of_a_listed_contact_needs_room_too():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.house.contacts("bob", "ann", "to")
        await here.house.contacts("ann", "bob", "from")
        await leave_room(here, "bob", 10)
        assert await ann_asks(ann, "") == [
            "push 2: bob from ask",
            "unsubscribed bob>ann",
            "push 3: bob from",
        ]
        assert bob.line.take() == []
        assert (await here.item("bob", "ann")).subscription == "to"
        # What keeps no request needs no room.
        await here.say(bob, "subscribed", "ann")
        here.quiet()
        await here.say(ann, "subscribe", "bob")
        assert (await here.item("ann", "bob")).subscription == "both"


async def test_a_full_roster_can_be_emptied_by_answering():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await here.say(ann, "subscribe", "bob")
        here.quiet()
        await leave_room(here, "bob", 0)
        assert await here.say(bob, "subscribed", "ann") == ["push 1: ann from"]
        assert (await here.book("bob")).size_bytes < ROSTER_LIMIT_BYTES


async def ann_asks(ann: Client, status: str) -> list[str]:
    return in_short(
        await ann.say(
            f"<presence type='subscribe' to='bob@{DOMAIN}'><status>{status}</status></presence>"
        )
    )


# -- when the store fails ----------------------------------------------------------------------


async def test_what_cannot_be_kept_is_refused_and_not_sent_on():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        here.house.database.fail_next(UnavailableError("the disk is full"))
        assert await here.say(ann, "subscribe", "bob") == ["error resource-constraint"]
        assert bob.line.take() == []
        assert await here.item("ann", "bob") is None


async def test_a_stanza_that_the_other_side_cannot_keep_is_lost_and_nothing_else():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        parcel = Parcel("presence", "subscribe", f"ann@{DOMAIN}", "", b"<presence/>")
        here.house.database.fail_next(UnavailableError("the disk is full"))
        await take(here.services, here.people, parcel, f"bob@{DOMAIN}")
        assert bob.line.take() == []
        assert await here.item("bob", "ann") is None
        await here.say(ann, "subscribe", "bob")
        assert in_short(bob.line.take()) == ["subscribe ann>bob"]


async def test_a_stanza_for_nobody_is_dropped():
    async with acquaintances() as here:
        parcel = Parcel("presence", "subscribe", f"ann@{DOMAIN}", "", b"<presence/>")
        await take(here.services, here.people, parcel, f"nobody@{DOMAIN}")
        await correct(here.services, here.people, f"nobody@{DOMAIN}", f"ann@{DOMAIN}")


async def test_rosters_that_disagree_are_corrected_when_somebody_comes():
    async with acquaintances() as here:
        await here.client("bob")
        await here.house.contacts("ann", "bob", "both")
        ann = await here.client("ann", available=False)
        assert in_short(await ann.say("<presence/>")) == [
            "available ann/phone>ann",
            "push 2: bob from",
        ]


async def test_a_correction_leaves_what_has_changed_since():
    async with acquaintances() as here:
        await here.client("bob")
        ann = await here.client("ann")
        await here.say(ann, "subscribe", "bob")
        before = await here.item("ann", "bob")
        await correct(here.services, here.people, f"ann@{DOMAIN}", f"bob@{DOMAIN}")
        assert await here.item("ann", "bob") == before
        await here.befriend("ann", "bob")
        await correct(here.services, here.people, f"ann@{DOMAIN}", f"bob@{DOMAIN}")
        assert (await here.item("ann", "bob")).subscription == "both"
        await here.house.contacts("bob", "ann", "none")
        here.house.database.fail_next(UnavailableError("the disk is full"))
        with pytest.raises(UnavailableError):
            await correct(here.services, here.people, f"ann@{DOMAIN}", f"bob@{DOMAIN}")
        assert (await here.item("ann", "bob")).subscription == "both"


# -- everything together -------------------------------------------------------------------------

Steps = list[tuple[str, str]]
ACTIONS = ("subscribe", "subscribed", "unsubscribe", "unsubscribed", "remove", "list")


class Reader:
    """What a client knows that believes its pushes and nothing else."""

    def __init__(self) -> None:
        self.version = 0
        self.known = {}

    def read(self, raws: list[bytes]):
        for raw in raws:
            tree = parse(raw)
            query = tree.find("{jabber:iq:roster}query")
            if query is None or tree.get("type") != "set":
                continue
            version = int(query.get("ver"))
            assert version == self.version + 1, "every push is one step"
            self.version = version
            item = dict(query[0].attrib)
            contact = item.pop("jid")
            if item["subscription"] == "remove":
                del self.known[contact]
            else:
                self.known[contact] = item


def expected(book: RosterBook):
    found = {}
    for item in book.items():
        if item.listed:
            found[item.contact] = {"subscription": item.subscription}
            found[item.contact] |= {"ask": "subscribe"} if item.ask else {}
            found[item.contact] |= {"approved": "true"} if item.approved else {}
    return found


async def play(steps: Steps):
    async with acquaintances() as here:
        clients = {name: await here.client(name) for name in ("ann", "bob")}
        readers = {name: Reader() for name in clients}
        for number, (name, action) in enumerate(steps):
            other = "bob" if name == "ann" else "ann"
            if action in {"remove", "list"}:
                rest = "subscription='remove'" if action == "remove" else ""
                raw = (
                    f"<iq type='set' id='i{number}'><query xmlns='jabber:iq:roster'>"
                    f"<item jid='{other}@{DOMAIN}' {rest}/></query></iq>"
                )
            else:
                raw = f"<presence type='{action}' to='{other}@{DOMAIN}'/>"
            readers[name].read(await clients[name].say(raw))
            readers[other].read(clients[other].line.take())
            await check(here, readers)


async def check(here: Acquaintances, readers: dict[str, Reader]):
    states = {}
    for name, other in (("ann", "bob"), ("bob", "ann")):
        book = await here.book(name)
        reader = readers[name]
        assert (reader.version, reader.known) == (book.version, expected(book))
        item = book.get(f"{other}@{DOMAIN}")
        states[name] = (False, False, False, False)
        if item is not None:
            state = state_of(item)
            assert item.subscription == state.subscription
            assert item.ask == state.ask
            assert (item.pending_in is not None) == state.pending_in
            states[name] = (state.sees, state.shows, state.ask, state.pending_in)
    ann, bob = states["ann"], states["bob"]
    # Who sees is shown, and who asks is waited for, seen from both sides.
    assert (ann[0], ann[1], ann[2], ann[3]) == (bob[1], bob[0], bob[3], bob[2])


STEPS = st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(ACTIONS)), max_size=25)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_two_rosters_always_agree_and_clients_know_theirs_from_pushes_alone(steps: Steps):
    asyncio.run(play(steps))
