"""Whose archives show a message, by hints, preferences and rosters; and retractions."""

import pytest

from clarion.core.archive import Item, PageQuery
from clarion.core.ledger import State
from clarion.core.preferences import Policy, Preferences
from clarion.lib.ids import FIRST, LAST
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.payloads import REACTIONS_NS, RETRACTION
from clarion.xmpp import keeping
from clarion.xmpp.ext.archive import archive
from clarion.xmpp.ext.delay import delay
from clarion.xmpp.ext.stanza_ids import stanza_ids
from fakes.household import DOMAIN, Household, household, settle, stanza_of

EXTENSIONS = (archive, delay, stanza_ids)
ANN, BOB, CAI = f"ann@{DOMAIN}", f"bob@{DOMAIN}", f"cai@{DOMAIN}"
ALL = PageQuery(None, None, FIRST, LAST, 50)
NO_PERMANENT_STORE = "<no-permanent-store xmlns='urn:xmpp:hints'/>"
NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>"
STORE = "<store xmlns='urn:xmpp:hints'/>"
COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
RETRACT = "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>"
FALLBACK = "<fallback xmlns='urn:xmpp:fallback:0' for='{0}'/>"
REACTIONS = "<reactions xmlns='urn:xmpp:reactions:0' id='m1'><reaction>x</reaction></reactions>"


def message(inner: str, to: str = BOB, name: str = "m1") -> str:
    return f"<message to='{to}' type='chat' id='{name}'>{inner}</message>"


async def shown(house: Household, name: str) -> list[Item]:
    page = await house.services.archive.page(house.person(name).number, ALL)
    return list(page.items)


async def waiting(house: Household, name: str) -> list[bytes]:
    """Return what the next client of this person is delivered."""
    entity = await house.people.enter(house.person(name))
    entity.reach.stored(LAST)
    items = await house.services.archive.incoming_after(house.person(name).number, FIRST, 50)
    return [item.stanza for item in items]


@pytest.mark.parametrize(
    ("inner", "kept", "read"),
    [
        ("<body>hi</body>", True, True),
        (f"<body>hi</body>{NO_STORE}", False, True),
        (f"<body>hi</body>{NO_STORE}{STORE}", False, True),
        (f"<body>hi</body>{NO_PERMANENT_STORE}", True, True),
        (STORE, True, False),
        (f"{COMPOSING}{STORE}", True, False),
        (COMPOSING, False, False),
        (NO_PERMANENT_STORE, False, False),
        (f"<x xmlns='urn:secret'/>{STORE}", True, True),
        ("<x xmlns='urn:secret'/>", True, True),
        (RETRACT, True, False),
        (f"{RETRACT}<body>/me took it back</body>", True, True),
        (f"{RETRACT}{FALLBACK.format('urn:other')}<body>hi</body>", True, True),
        (f"{RETRACT}{FALLBACK.format(RETRACTION)}<body>x</body>", True, False),
        (REACTIONS, True, False),
        (f"{REACTIONS}{FALLBACK.format(REACTIONS_NS)}<body>+1</body>", True, False),
        (f"{REACTIONS}{FALLBACK.format(RETRACTION)}<body>+1</body>", True, True),
        (f"{REACTIONS}<body>+1</body>", True, True),
        ("<received xmlns='urn:xmpp:chat-markers:0' id='m'/>", True, False),
        ("<acknowledged xmlns='urn:xmpp:chat-markers:0' id='m'/>", True, False),
    ],
)
def test_what_is_kept_and_what_is_read(inner: str, *, kept: bool, read: bool) -> None:
    stanza = stanza_of(message(inner).encode())
    assert keeping.worth_keeping(stanza) is kept
    assert keeping.countable(stanza) is read


async def test_no_permanent_store_waits_and_is_in_no_archive() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await ann.say(message(f"<body>hush</body>{NO_PERMANENT_STORE}"))
        assert await shown(house, "ann") == []
        assert await shown(house, "bob") == []
        (stanza,) = await waiting(house, "bob")
        assert b"<body>hush</body>" in stanza


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (Preferences(Policy.NEVER), 0),
        (Preferences(Policy.ALWAYS, never=frozenset({ANN})), 0),
        (Preferences(Policy.ALWAYS, never=frozenset({f"{ANN}/phone"})), 0),
        (Preferences(Policy.ALWAYS, never=frozenset({f"{ANN}/desk"})), 1),
        (Preferences(Policy.NEVER, always=frozenset({ANN})), 1),
        (Preferences(Policy.NEVER, always=frozenset({CAI})), 0),
        (Preferences(Policy.ROSTER), 0),
    ],
)
async def test_who_gets_a_message_has_it_as_they_chose(chosen: Preferences, seen: int) -> None:
    async with household(*EXTENSIONS) as house:
        await house.services.preferences.choose(house.person("bob").number, chosen)
        ann = await house.log_in("ann")
        await ann.say(message("<body>hi</body>"))
        assert len(await shown(house, "bob")) == seen
        assert len(await shown(house, "ann")) == 1
        assert len(await waiting(house, "bob")) == 1


@pytest.mark.parametrize(
    ("chosen", "to", "seen"),
    [
        (Preferences(Policy.NEVER), BOB, 0),
        (Preferences(Policy.NEVER, always=frozenset({f"{BOB}/desk"})), BOB, 0),
        (Preferences(Policy.NEVER, always=frozenset({f"{BOB}/desk"})), f"{BOB}/desk", 1),
        (Preferences(Policy.NEVER, always=frozenset({BOB})), f"{BOB.upper()}/desk", 1),
        (Preferences(Policy.ROSTER), BOB, 0),
        (Preferences(Policy.ALWAYS, never=frozenset({ANN})), ANN, 0),
        (Preferences(Policy.NEVER, always=frozenset({ANN})), ANN, 1),
    ],
)
async def test_who_sends_a_message_has_it_as_they_chose(
    chosen: Preferences, to: str, seen: int
) -> None:
    async with household(*EXTENSIONS) as house:
        await house.services.preferences.choose(house.person("ann").number, chosen)
        ann = await house.log_in("ann")
        await ann.say(message("<body>hi</body>", to))
        assert len(await shown(house, "ann")) == seen
        assert len(await waiting(house, "ann" if to == ANN else "bob")) == 1


@pytest.mark.parametrize("owner", ["ann", "bob"])
async def test_those_in_the_roster(owner: str) -> None:
    async with household(*EXTENSIONS) as house:
        await house.contacts(owner, "bob" if owner == "ann" else "ann", "none")
        await house.services.preferences.choose(
            house.person(owner).number, Preferences(Policy.ROSTER)
        )
        ann = await house.log_in("ann")
        await ann.say(message("<body>hi</body>"))
        await ann.say(message("<body>hi</body>", CAI))
        assert [item.recipient for item in await shown(house, owner)] == [BOB]


async def test_people_of_ones_departments_are_in_the_roster() -> None:
    async with household(*EXTENSIONS) as house:
        directory = house.services.directory
        await directory.add_department(f"sales@{DOMAIN}", "Sales")
        for name in ("ann", "bob"):
            await directory.join(f"{name}@{DOMAIN}", f"sales@{DOMAIN}")
        await house.services.preferences.choose(
            house.person("ann").number, Preferences(Policy.ROSTER)
        )
        ann = await house.log_in("ann")
        await ann.say(message("<body>hi</body>"))
        await ann.say(message("<body>hi</body>", CAI))
        assert [item.recipient for item in await shown(house, "ann")] == [BOB]


async def test_only_an_archive_that_shows_it_gives_an_id() -> None:
    async with household(*EXTENSIONS) as house:
        await house.services.preferences.choose(
            house.person("bob").number, Preferences(Policy.NEVER)
        )
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.say(message("<body>hi</body>"))
        (came,) = bob.line.take()
        assert b"stanza-id" not in came
        await bob.say(message("<body>hi</body>", ANN))
        (came,) = ann.line.take()
        assert f"by='{ANN}'".encode() in came


@pytest.mark.parametrize("known", [True, False])
async def test_where_the_roster_decides_contacts_messages_have_an_id(known: bool) -> None:
    async with household(*EXTENSIONS) as house:
        await house.services.preferences.choose(
            house.person("bob").number, Preferences(Policy.ROSTER)
        )
        if known:
            await house.contacts("bob", "ann", "none")
        await house.services.rosters.book(house.person("bob"))
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        await ann.say(message("<body>hi</body>"))
        (came,) = bob.line.take()
        assert (b"stanza-id" in came) is known
        await bob.say(message("<body>hi</body>", ANN))
        assert len(await shown(house, "bob")) == 2 * known


async def test_what_passed_is_gone_once_it_is_received() -> None:
    async with household(*EXTENSIONS) as house:
        await house.services.preferences.choose(
            house.person("bob").number, Preferences(Policy.NEVER)
        )
        ann, bob = await house.log_in("ann"), await house.log_in("bob")
        entity = bob.context.entity
        await entity.catch_up(bob.session)
        await ann.say(message(f"<body>hush</body>{NO_PERMANENT_STORE}"))
        entity.received(bob.session, bob.session.unproven)
        house.people.level_changed(entity)
        house.people.keep_levels()
        await settle()
        archive_ = house.services.archive
        assert not await archive_.incoming_after(house.person("bob").number, FIRST, 9)
        ((item, entry),) = await house.services.ledger.show_thread(ANN, BOB, 9)
        assert entry.state is State.DELIVERED
        assert b"hush" not in item.stanza


async def test_a_retraction_without_an_id_of_its_own_is_sent_on_only() -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        await ann.say(message("<body>hi</body>"))
        await ann.say(f"<message to='{BOB}' type='chat'>{RETRACT}</message>")
        await ann.say(message("<retract xmlns='urn:xmpp:message-retract:1'/>", BOB, "m2"))
        said, *others = await shown(house, "bob")
        assert b"<body>hi</body>" in said.stanza
        assert len(others) == 2


@pytest.mark.parametrize("kind", ["", "chat", "normal"])
async def test_a_tombstone_has_the_type_of_the_retraction(kind: str) -> None:
    async with household(*EXTENSIONS) as house:
        ann = await house.log_in("ann")
        typed = f" type='{kind}'" if kind else ""
        await ann.say(f"<message to='{BOB}' id='m1'{typed}><body>hi</body></message>")
        await ann.say(f"<message to='{BOB}' id='&lt;2'{typed}>{RETRACT}</message>")
        said, retraction = await shown(house, "bob")
        tombstone = stanza_of(said.stanza)
        assert tombstone.tag == f"{{{CLIENT}}}message"
        assert tombstone.attributes == {
            "from": f"{ANN}/phone",
            "to": BOB,
            "id": "m1",
            **({"type": kind} if kind else {}),
        }
        assert tombstone.children == (f"{{{RETRACTION}}}retracted",)
        (told,) = tombstone.child_attributes
        assert (told["id"], sorted(told)) == ("<2", ["id", "stamp"])
        assert said.countable
        assert not retraction.countable
