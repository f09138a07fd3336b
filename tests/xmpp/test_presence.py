"""RFC 6121 section 4."""

import asyncio
from dataclasses import replace

import pytest

from clarion.core.model import PersonNumber
from clarion.core.ports import Parcel
from clarion.lib.errors import UnavailableError
from clarion.wire.xml import parse
from clarion.wire.xmpp.acks import Outbound
from clarion.xmpp.books import BOOKS_CACHED
from clarion.xmpp.ext.presence import presence
from clarion.xmpp.notices import shown
from clarion.xmpp.session import DIRECTED_LIMIT
from fakes.acquaintances import Acquaintances, acquaintances, in_short
from fakes.household import DOMAIN, Client


async def say(client: Client, raw: str) -> list[str]:
    return in_short(await client.say(raw))


def heard(client: Client) -> list[str]:
    return in_short(client.line.take())


def directed(to: str, kind: str = "") -> str:
    typed = f"type='{kind}'" if kind else ""
    return f"<presence to='{to}' {typed}/>"


async def leave_books_in_use(here: Acquaintances) -> None:
    """Look into so many other books that only those stay in memory that are in use."""
    person = here.house.person("cai")
    for number in range(BOOKS_CACHED):
        other = replace(
            person, number=PersonNumber(1_000 + number), address=f"other{number}@{DOMAIN}"
        )
        await here.services.rosters.book(other)


# -- initial presence (4.2) --------------------------------------------------------------


async def test_initial_presence_goes_to_subscribers_and_to_ones_own_sessions():
    async with acquaintances() as here:
        bob = await here.client("bob")
        cai = await here.client("cai")
        desk = await here.client("ann", "desk")
        hidden = await here.client("ann", "hidden", available=False)
        await here.house.contacts("ann", "bob", "from")
        await here.house.contacts("bob", "ann", "to")
        ann = await here.client("ann", available=False)
        assert await say(ann, "<presence/>") == [
            "available ann/phone>ann",
            "available ann/desk>ann/phone",
        ]
        assert heard(bob) == ["available ann/phone>bob"]
        assert heard(desk) == ["available ann/phone>ann"]
        assert heard(cai) == heard(hidden) == []


async def test_a_new_session_hears_of_those_whom_it_is_subscribed_to():
    async with acquaintances() as here:
        await here.client("bob")
        await here.client("bob", "desk")
        await here.client("bob", "hidden", available=False)
        await here.client("cai")
        await here.house.contacts("ann", "bob", "to")
        await here.house.contacts("bob", "ann", "from")
        await here.house.contacts("ann", "cai", "from")
        await here.house.contacts("cai", "ann", "to")
        ann = await here.client("ann", available=False)
        assert await say(ann, "<presence/>") == [
            "available ann/phone>ann",
            "available bob/phone>ann/phone",
            "available bob/desk>ann/phone",
        ]


async def test_everything_in_presence_arrives_as_it_was_said():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob = await here.client("bob")
        ann = await here.client("ann", available=False)
        ann.session.lang = "de"
        inside = (
            "<show>dnd</show><status>a &lt; b &#x41;</status><priority> 5 </priority>"
            "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>"
        )
        await ann.say(f'<presence id="p">{inside}</presence>')
        expected = (
            f"<presence to='bob@{DOMAIN}' from='ann@{DOMAIN}/phone' xml:lang='de' id=\"p\">"
            f"{inside}</presence>"
        )
        assert bob.line.take() == [expected.encode()]
        late = await here.client("bob", "late", available=False)
        assert await late.say("<presence/>")
        assert ann.session.presence == expected.replace(f" to='bob@{DOMAIN}'", "").encode()


async def test_presence_that_many_are_sent_is_kept_once_until_they_acknowledge_it():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob = await here.client("bob")
        bob.session.outbound = Outbound(limit_bytes=1 << 20, limit_count=8)
        ann = await here.client("ann")  # bob hears of it
        ann.session.outbound = Outbound(limit_bytes=1 << 20, limit_count=8)
        bob.line.take()
        await ann.say("<presence><show>away</show></presence>")
        (raw,) = bob.line.take()
        queued = bob.session.outbound
        assert queued.unacknowledged(f"bob@{DOMAIN}")[-1] == raw
        assert queued.untokened() == []
        # In its place to everybody else stands the same value.
        assert shown(ann.session) is shown(ann.session)
        await ann.say("<presence type='unavailable'/>")
        assert ann.session.shown is None
        assert queued.unacknowledged(f"bob@{DOMAIN}")[-2] == raw


async def test_presence_with_a_prefix_of_its_own_stays_whole():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob = await here.client("bob")
        ann = await here.client("ann", available=False)
        await ann.say("<c:presence xmlns:c='jabber:client'><c:show>away</c:show></c:presence>")
        (raw,) = bob.line.take()
        assert parse(raw).get("to") == f"bob@{DOMAIN}"
        assert raw.startswith(b"<c:presence to=")


async def test_nobody_hears_of_a_session_that_only_asked_for_the_roster():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob = await here.client("bob")
        ann = await here.client("ann", available=False)
        assert heard(bob) == []
        await bob.say("<presence><show>away</show></presence>")
        assert heard(ann) == []
        await here.hang_up(ann)
        assert heard(bob) == []


async def test_a_session_is_announced_with_its_priority():
    async with acquaintances() as here:
        ann = await here.client("ann", available=False)
        for raw, priority in (
            ("<presence/>", 0),
            ("<presence><priority>7</priority></presence>", 7),
            ("<presence><priority>-1</priority></presence>", -1),
            ("<presence type='unavailable'/>", None),
        ):
            await ann.say(raw)
            (ref,) = here.services.sessions.of(f"ann@{DOMAIN}")
            assert (ref.resource, ref.priority) == ("phone", priority)
            assert ann.session.priority == priority
        await here.hang_up(ann)
        assert here.services.sessions.of(f"ann@{DOMAIN}") == ()


async def test_presence_that_comes_before_the_roster_is_read_waits_for_it():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob = await here.client("bob")
        await leave_books_in_use(here)
        ann = await here.client("ann", interested=False, available=False)
        assert here.services.rosters.cached(f"ann@{DOMAIN}") is None
        await ann.say("<presence/>")
        assert heard(bob) == ["available ann/phone>bob"]


async def test_presence_is_refused_when_the_roster_cannot_be_read():
    async with acquaintances() as here:
        ann = await here.client("ann", interested=False, available=False)
        here.house.database.fail_next_read(UnavailableError("the disk is gone"))
        assert await say(ann, "<presence/>") == ["error resource-constraint"]
        assert ann.session.presence is None


async def test_messages_that_wait_are_sent_when_a_session_takes_messages():
    async with acquaintances() as here:
        await here.house.store(f"bob@{DOMAIN}", f"ann@{DOMAIN}", "hello")
        ann = await here.client("ann", available=False)
        got = await ann.say("<presence><priority>-5</priority></presence>")
        assert not any(b"hello" in raw for raw in got)
        got = await ann.say("<presence/>")
        assert b"<body>hello</body>" in got[-1]


# -- probes (4.3) ------------------------------------------------------------------------


async def test_a_probe_is_answered_with_the_presence_of_every_session():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        await here.client("bob")
        await here.client("bob", "desk")
        ann = await here.client("ann")
        assert await say(ann, directed(f"bob@{DOMAIN}", "probe")) == [
            "available bob/phone>ann/phone",
            "available bob/desk>ann/phone",
        ]
        assert await say(ann, directed(f"bob@{DOMAIN}/desk", "probe")) == [
            "available bob/desk>ann/phone"
        ]
        assert await say(ann, directed(f"bob@{DOMAIN}/gone", "probe")) == [
            "unavailable bob>ann/phone"
        ]


async def test_a_probe_of_somebody_who_is_away():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        ann = await here.client("ann")
        assert await say(ann, directed(f"bob@{DOMAIN}", "probe")) == ["unavailable bob>ann/phone"]


async def test_a_probe_of_oneself():
    async with acquaintances() as here:
        ann = await here.client("ann")
        assert await say(ann, directed(f"ann@{DOMAIN}", "probe")) == [
            "available ann/phone>ann/phone"
        ]


@pytest.mark.parametrize("subscription", [None, "none", "to"])
async def test_a_probe_tells_strangers_as_much_as_of_nobody(subscription: str | None):
    async with acquaintances() as here:
        await here.client("bob")
        if subscription:
            await here.house.contacts("bob", "ann", subscription)
        ann = await here.client("ann")
        for name in ("bob", "cai", "nobody"):
            answer = await say(ann, directed(f"{name}@{DOMAIN}", "probe"))
            assert answer == [f"unsubscribed {name}>ann"]


async def test_a_probe_by_somebody_who_got_directed_presence_tells_no_more_than_that():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob", available=False)
        await bob.say("<presence><status>secret</status></presence>")
        await bob.say(directed(f"ann@{DOMAIN}/phone"))
        here.quiet()
        assert await ann.say(directed(f"bob@{DOMAIN}", "probe")) == [
            f"<presence to='ann@{DOMAIN}/phone' from='bob@{DOMAIN}/phone'/>".encode()
        ]


@pytest.mark.parametrize(
    ("to", "condition"),
    [("", "bad-request"), ("to='zoe@else.example'", "remote-server-not-found")],
)
async def test_probes_that_go_nowhere(to: str, condition: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        assert await say(ann, f"<presence type='probe' {to}/>") == [f"error {condition}"]


# -- subsequent and unavailable presence (4.4, 4.5) --------------------------------------


async def test_subsequent_presence_goes_to_the_same_and_asks_for_nothing():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob, ann = await here.client("bob"), await here.client("ann")
        desk = await here.client("ann", "desk")
        here.quiet()
        assert await say(ann, "<presence><show>away</show></presence>") == [
            "available ann/phone>ann"
        ]
        assert heard(bob) == ["available ann/phone>bob"]
        assert heard(desk) == ["available ann/phone>ann"]


async def test_unavailable_presence_goes_to_all_who_saw_the_session_and_to_itself():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob, ann = await here.client("bob"), await here.client("ann")
        desk = await here.client("ann", "desk")
        here.quiet()
        raw = "<presence type='unavailable'><status>gone home</status></presence>"
        assert await say(ann, raw) == ["unavailable ann/phone>ann"]
        (told,) = bob.line.take()
        assert b"<status>gone home</status>" in told
        assert heard(desk) == ["unavailable ann/phone>ann"]
        assert (ann.session.presence, ann.session.priority) == (None, None)
        assert await say(ann, raw) == []
        assert heard(bob) == heard(desk) == []
        # It may come back, and is new then.
        assert "available bob/phone>ann/phone" in await say(ann, "<presence/>")


async def test_a_session_that_ends_without_a_word_is_said_to_be_unavailable():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob, ann = await here.client("bob"), await here.client("ann")
        desk = await here.client("ann", "desk")
        here.quiet()
        await here.hang_up(ann)
        assert heard(bob) == ["unavailable ann/phone>bob"]
        assert heard(desk) == ["unavailable ann/phone>ann"]
        assert ann.line.take() == []


async def test_what_an_ended_session_still_says_is_not_heard():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        bob, ann = await here.client("bob"), await here.client("ann")
        await here.hang_up(ann)
        here.quiet()
        await ann.say("<presence/>")
        await ann.say("<presence type='unavailable'/>")
        await ann.say(directed(f"bob@{DOMAIN}"))
        assert heard(bob) == []
        assert not ann.session.directed


async def test_the_books_of_available_people_stay_in_memory():
    async with acquaintances() as here:
        ann = await here.client("ann", interested=False)
        await leave_books_in_use(here)
        assert here.services.rosters.cached(f"ann@{DOMAIN}") is not None
        await here.hang_up(ann)
        assert here.services.rosters.cached(f"ann@{DOMAIN}") is None


# -- presence for one address (4.6) ------------------------------------------------------


async def test_directed_presence_to_a_bare_address_and_to_a_session():
    async with acquaintances() as here:
        ann = await here.client("ann", available=False)
        phone, desk = await here.client("bob"), await here.client("bob", "desk")
        hidden = await here.client("bob", "hidden", available=False)
        await ann.say(directed(f"bob@{DOMAIN}"))
        assert heard(phone) == heard(desk) == ["available ann/phone>bob"]
        assert heard(hidden) == []
        await ann.say(directed(f"bob@{DOMAIN}/hidden"))
        assert heard(hidden) == ["available ann/phone>bob/hidden"]
        assert heard(phone) == heard(desk) == []
        await ann.say(directed(f"bob@{DOMAIN}/gone"))
        assert heard(phone) == heard(desk) == heard(hidden) == []


@pytest.mark.parametrize("end", ["unavailable", "hang up"])
@pytest.mark.parametrize("available", [True, False])
async def test_who_got_directed_presence_hears_of_its_end(end: str, available: bool):
    async with acquaintances() as here:
        ann, bob = await here.client("ann", available=available), await here.client("bob")
        await ann.say(directed(f"bob@{DOMAIN}"))
        await ann.say(directed(f"bob@{DOMAIN}/phone"))
        here.quiet()
        if end == "unavailable":
            await ann.say("<presence type='unavailable'/>")
        else:
            await here.hang_up(ann)
        assert heard(bob) == ["unavailable ann/phone>bob", "unavailable ann/phone>bob/phone"]
        assert not ann.session.directed


async def test_directed_presence_that_was_taken_back_is_forgotten():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await ann.say(directed(f"bob@{DOMAIN}"))
        await ann.say(directed(f"bob@{DOMAIN}", "unavailable"))
        assert heard(bob) == ["available ann/phone>bob", "unavailable ann/phone>bob"]
        await ann.say("<presence type='unavailable'/>")
        assert heard(bob) == []


async def test_subscribers_are_not_told_twice():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        ann, bob = await here.client("ann"), await here.client("bob")
        await ann.say(directed(f"bob@{DOMAIN}"))
        here.quiet()
        await ann.say("<presence type='unavailable'/>")
        assert heard(bob) == ["unavailable ann/phone>bob"]


async def test_subscribers_of_an_unavailable_session_are_remembered():
    async with acquaintances() as here:
        await here.befriend("ann", "bob")
        ann, bob = await here.client("ann", available=False), await here.client("bob")
        await ann.say(directed(f"bob@{DOMAIN}"))
        here.quiet()
        await ann.say("<presence type='unavailable'/>")
        assert heard(bob) == ["unavailable ann/phone>bob"]


async def test_later_presence_does_not_go_where_directed_presence_went():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        await ann.say(directed(f"bob@{DOMAIN}"))
        here.quiet()
        await ann.say("<presence><show>away</show></presence>")
        assert heard(bob) == []
        assert ann.session.presence is not None


async def test_directed_presence_does_not_make_a_session_available():
    async with acquaintances() as here:
        ann = await here.client("ann", available=False)
        await ann.say(directed(f"bob@{DOMAIN}"))
        assert (ann.session.presence, ann.session.priority) == (None, None)


@pytest.mark.parametrize("kind", ["", "unavailable"])
async def test_directed_presence_to_nobody_is_dropped_without_a_word(kind: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        assert await say(ann, directed(f"nobody@{DOMAIN}", kind)) == []
        assert await say(ann, directed(DOMAIN, kind)) == []
        assert not ann.session.directed


@pytest.mark.parametrize("kind", ["", "unavailable"])
async def test_directed_presence_to_other_domains_is_refused(kind: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        answer = await say(ann, directed("room@else.example/nick", kind))
        assert answer == ["error remote-server-not-found"]
        assert await say(ann, directed("@", kind)) == ["error jid-malformed"]


async def test_directed_presence_goes_to_a_limited_number_of_addresses():
    async with acquaintances() as here:
        ann = await here.client("ann")
        ann.session.directed |= {f"bob@{DOMAIN}/{number}" for number in range(DIRECTED_LIMIT)}
        assert await say(ann, directed(f"bob@{DOMAIN}/0")) == []
        assert await say(ann, directed(f"bob@{DOMAIN}")) == ["error policy-violation"]
        assert await say(ann, directed(f"bob@{DOMAIN}/0", "unavailable")) == []
        assert await say(ann, directed(f"bob@{DOMAIN}")) == []


# -- what presence may say (4.7) ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "priority"), [("-128", -128), ("127", 127), ("+3", 3), (" 0 ", 0), ("-0", 0)]
)
async def test_priorities(text: str, priority: int):
    async with acquaintances() as here:
        ann = await here.client("ann", available=False)
        await ann.say(f"<presence><priority>{text}</priority></presence>")
        assert ann.session.priority == priority


@pytest.mark.parametrize("text", ["128", "-129", "", "high", "1.5", "1 2", "<b/>", "٣", "9" * 9000])
async def test_a_bad_priority_is_refused_and_changes_nothing(text: str):
    async with acquaintances() as here:
        ann = await here.client("ann")
        before = ann.session.presence
        answer = await say(ann, f"<presence><priority>{text}</priority></presence>")
        assert answer == ["error bad-request"]
        assert (ann.session.presence, ann.session.priority) == (before, 0)


async def test_two_priorities_are_refused():
    async with acquaintances() as here:
        ann = await here.client("ann")
        two = "<priority>1</priority><priority>1</priority>"
        assert await say(ann, f"<presence>{two}</presence>") == ["error bad-request"]


async def test_a_type_that_does_not_exist_is_refused():
    async with acquaintances() as here:
        ann = await here.client("ann")
        assert await say(ann, "<presence type='available'/>") == ["error bad-request"]


async def test_errors_go_back_to_the_session_that_they_are_for():
    async with acquaintances() as here:
        ann, bob = await here.client("ann"), await here.client("bob")
        for to in (f"bob@{DOMAIN}/phone", f"bob@{DOMAIN}", "room@else.example/nick", ""):
            address = f"to='{to}'" if to else ""
            error = (
                "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            )
            assert await ann.say(f"<presence type='error' {address}>{error}</presence>") == []
        assert heard(bob) == ["error gone"]


# -- the entity, and the cost ------------------------------------------------------------


async def test_an_error_to_a_bare_address_is_for_nobody():
    async with acquaintances() as here:
        bob = await here.client("bob")
        parcel = Parcel("presence", "error", f"ann@{DOMAIN}/phone", "", b"<presence/>")
        bob.context.entity.take_presence(parcel)
        assert heard(bob) == []


async def test_a_broadcast_touches_only_contacts_who_are_on_line():
    async with acquaintances() as here:
        for number in range(500):
            await here.house.contacts("ann", f"c{number}", "both")
        await here.befriend("ann", "bob")
        bob, ann = await here.client("bob"), await here.client("ann")
        parcels = []
        router = here.services.router
        inner = router._takes["person"]
        router.connect(
            {"person": lambda to, parcel: (parcels.append(to), inner(to, parcel))},
            lambda _session, _stanza: None,
        )
        await ann.say("<presence><show>away</show></presence>")
        assert parcels == [f"bob@{DOMAIN}"]
        assert heard(bob)[-1] == "available ann/phone>bob"


def test_the_card():
    assert presence.card.needs == ("roster", "subscriptions")
    assert set(presence.presences) == {"", "unavailable", "probe", "error"}
    assert not asyncio.iscoroutinefunction(presence.presences[""]), "mostly there is no wait"
