from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest

from clarion.core.ports import Parcel, room_entity
from clarion.core.rooms import Affiliated, Affiliation, Role, RoomConfig, Whom
from clarion.lib.errors import UnavailableError
from clarion.xmpp.rooms import disco, entering
from clarion.xmpp.rooms import room as entity_module
from clarion.xmpp.rooms.entering import PRESENCE_BYTES
from clarion.xmpp.rooms.room import RoomEntity
from clarion.xmpp.rooms.rooms import TEMPORARY_GRACE
from clarion.xmpp.rooms.talking import SUBJECT_LIMIT
from fakes.household import RecordingLine
from fakes.world import DOMAIN, ROOMS, FakeClient, World, world

ROOM = f"coven@{ROOMS}"
MUC = "http://jabber.org/protocol/muc"
X = f"<x xmlns='{MUC}'/>"
LASTING = RoomConfig(persistent=True)


@asynccontextmanager
async def coven(
    *names: str, config: RoomConfig = LASTING, **affiliations: Affiliation
) -> AsyncGenerator[tuple[World, list[FakeClient]], None]:
    """A room that ann owns, and clients of these people in it, under their own names."""
    async with world(*names) as here:
        given = {"ann": Affiliation.OWNER, **affiliations}
        entries = [Affiliated(f"{name}@{DOMAIN}", what) for name, what in given.items()]
        await here.book.create(ROOM, config, entries)
        clients = []
        for name in names:
            client = await here.log_in(name)
            await enter(client, name)
            clients.append(client)
        for client in clients:
            client.read()
        yield here, clients


async def enter(client: FakeClient, nick: str, inner: str = "") -> None:
    await client.send(f"<presence to='{ROOM}/{nick}'>{inner}{X}</presence>")


def entity_of(here: World) -> RoomEntity:
    assert here.door.rooms is not None
    room = here.door.rooms.entity(ROOM)
    assert room is not None
    return room


def codes(presence: Element) -> list[str]:
    return [one.get("code", "") for one in presence.iter(f"{{{MUC}#user}}status")]


def condition(stanza: Element) -> str:
    assert stanza.get("type") == "error", stanza.attrib
    error = stanza.find("{jabber:client}error")
    assert error is not None
    return error[0].tag.rpartition("}")[2]


async def say(client: FakeClient, text: str = "hello") -> None:
    await client.send(f"<message to='{ROOM}' type='groupchat'><body>{text}</body></message>")


# -- what others do to an occupant


async def test_a_role_is_given_and_everybody_is_told():
    async with coven("ann", "bob", "cai") as (here, (ann, bob, cai)):
        room = entity_of(here)
        occupant = room.occupants.nick("bob")
        assert occupant is not None
        room.set_role(occupant, Role.VISITOR, actor="ann", reason="Not now")
        await here.settle()
        for client in (ann, bob, cai):
            (told,) = client.read()
            item = told.find(f".//{{{MUC}#user}}item")
            assert item is not None
            assert item.get("role") == "visitor"
            assert item.findtext(f"{{{MUC}#user}}reason") == "Not now"
            assert codes(told) == (["110"] if client is bob else [])
        await say(bob)
        assert condition(bob.read()[0]) == "forbidden"


async def test_who_is_kicked_is_told_with_everybody_else_and_may_come_back():
    async with coven("ann", "bob") as (here, (ann, bob)):
        room = entity_of(here)
        occupant = room.occupants.nick("bob")
        assert occupant is not None
        room.set_role(occupant, Role.NONE, actor="ann", reason="Avaunt")
        await here.settle()
        assert codes(ann.read()[0]) == ["307"]
        assert codes(bob.read()[0]) == ["307", "110"]
        assert room.occupants.nick("bob") is None
        await enter(bob, "bob")
        assert bob.read()[0].get("type") is None


async def test_a_domain_may_be_banned():
    async with coven("ann", "bob") as (here, (ann, bob)):
        room = entity_of(here).room
        await here.book.affiliate(room, [Affiliated(DOMAIN, Affiliation.OUTCAST)], "")
        await here.settle()
        assert codes(bob.read()[0]) == ["301", "110"]
        assert [codes(one) for one in ann.read()] == [["301"]]


async def test_who_banned_is_named():
    async with coven("ann", "bob") as (here, (_ann, bob)):
        change = [Affiliated(f"bob@{DOMAIN}", Affiliation.OUTCAST, reason="Treason")]
        await here.book.affiliate(entity_of(here).room, change, f"ann@{DOMAIN}")
        await here.settle()
        (told,) = bob.read()
        item = told.find(f".//{{{MUC}#user}}item")
        assert item is not None
        actor = item.find(f"{{{MUC}#user}}actor")
        assert actor is not None
        assert actor.get("nick") == "ann"
        assert item.findtext(f"{{{MUC}#user}}reason") == "Treason"


async def test_everybody_goes_with_a_room_that_is_destroyed():
    async with coven("ann", "bob") as (here, clients):
        await here.book.destroy(entity_of(here).room, "Macbeth", f"heath@{ROOMS}")
        await here.settle()
        for client in clients:
            (told,) = client.read()
            destroyed = told.find(f".//{{{MUC}#user}}destroy")
            assert destroyed is not None
            assert destroyed.get("jid") == f"heath@{ROOMS}"
        assert here.door.rooms is not None
        assert here.door.rooms.busy == 0


async def test_everybody_goes_when_the_server_stops():
    async with coven("ann", "bob") as (here, clients):
        assert here.door.rooms is not None
        here.door.rooms.shut_down()
        await here.settle()
        for client in clients:
            assert [codes(one) for one in client.read()] == [["332", "110"]]
        assert here.door.rooms.busy == 0
        assert here.book.get(ROOM) is not None


async def test_presence_of_some_roles_is_shown_to_moderators_and_themselves_only():
    config = replace(
        LASTING, moderated=True, presence=frozenset({Role.MODERATOR, Role.PARTICIPANT})
    )
    async with coven("ann", "bob", config=config, bob=Affiliation.MEMBER) as (here, (ann, bob)):
        await here.add("cai")
        cai = await here.log_in("cai")
        await enter(cai, "cai")
        assert [one.get("from") for one in ann.read()] == [f"{ROOM}/cai"]
        assert bob.read() == []
        names = [one.get("from") for one in cai.read() if one.tag.endswith("presence")]
        assert names == [f"{ROOM}/ann", f"{ROOM}/bob", f"{ROOM}/cai"]


async def test_configuration_that_changes_nothing_tells_nobody():
    async with coven("ann", "bob") as (here, clients):
        room = entity_of(here).room
        await here.book.configure(room, room.config)
        await here.settle()
        assert all(client.read() == [] for client in clients)


async def test_who_sees_jids_changes_at_once():
    async with coven("ann", "bob") as (here, (_ann, bob)):
        room = entity_of(here).room
        await here.book.configure(room, replace(room.config, whois=Whom.MODERATORS))
        await here.settle()
        assert codes(bob.read()[0]) == ["173"]
        await here.add("cai")
        cai = await here.log_in("cai")
        await enter(cai, "cai")
        told = cai.read()[0]
        item = told.find(f".//{{{MUC}#user}}item")
        assert item is not None
        assert item.get("jid") is None


# -- limits


async def test_presence_that_is_too_large_is_refused():
    async with coven("ann") as (_, (ann,)):
        long = "x" * PRESENCE_BYTES
        await ann.send(f"<presence to='{ROOM}/ann'><status>{long}</status></presence>")
        assert condition(ann.read()[0]) == "policy-violation"
        await ann.send(
            f"<presence type='unavailable' to='{ROOM}/ann'><status>{long}</status></presence>"
        )
        assert ann.read()[0].find("{jabber:client}status") is None  # but one may always go


async def test_a_room_has_so_many_occupants(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entering, "OCCUPANTS_LIMIT", 1)
    async with world("ann", "bob") as here:
        owner = Affiliated(f"ann@{DOMAIN}", Affiliation.OWNER)
        await here.book.create(ROOM, LASTING, [owner])
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await enter(ann, "ann")
        await enter(bob, "bob")
        assert condition(bob.read()[0]) == "service-unavailable"


async def test_a_nickname_has_so_many_clients(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entering, "CLIENTS_LIMIT", 1)
    async with coven("ann") as (here, _):
        desk = await here.log_in("ann", "desk")
        await enter(desk, "ann")
        assert condition(desk.read()[0]) == "service-unavailable"


async def test_a_subject_is_so_long_at_most():
    async with coven("ann") as (_, (ann,)):
        text = "x" * (SUBJECT_LIMIT + 1)
        await ann.send(f"<message to='{ROOM}' type='groupchat'><subject>{text}</subject></message>")
        assert condition(ann.read()[0]) == "not-acceptable"


async def test_a_room_sends_so_much_a_second(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entity_module, "DELIVERIES_BURST", 3.0)
    monkeypatch.setattr(entity_module, "DELIVERIES_RATE", 2.0)
    async with coven("ann", "bob") as (here, (ann, bob)):
        await say(ann, "1")
        await say(bob, "2")
        assert condition(bob.read()[-1]) == "resource-constraint"
        await here.advance(1)
        ann.read()
        await say(bob, "3")
        assert ann.read()[0].findtext("{jabber:client}body") == "3"


async def test_lists_are_cut_into_pages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disco, "PAGE_LIMIT", 1)
    async with coven("ann", "bob") as (_, (ann, _bob)):
        rsm, items = "http://jabber.org/protocol/rsm", "http://jabber.org/protocol/disco#items"
        after, pages = "", []
        for _ in range(3):
            page = f"<set xmlns='{rsm}'><max>9</max>{after}</set>"
            query = f"<query xmlns='{items}'>{page}</query>"
            await ann.send(f"<iq type='get' id='1' to='{ROOM}'>{query}</iq>")
            (answer,) = ann.read()
            pages.append([one.get("name") for one in answer.iter(f"{{{items}}}item")])
            last = answer.findtext(f".//{{{rsm}}}last")
            after = f"<after>{last}</after>"
            if last is None:
                break
        assert pages == [["ann"], ["bob"], []]


# -- rooms that come and go


async def test_only_people_of_ours_make_rooms():
    async with world("ann") as here:
        raw = f"<presence from='eve@other.example/x' to='{ROOM}/eve'>{X}</presence>".encode()
        parcel = Parcel("presence", "", "eve@other.example/x", "eve", raw)
        here.services.router.hand_over(room_entity(ROOM), parcel)
        await here.settle()
        assert here.book.get(ROOM) is None


async def test_who_makes_too_many_rooms_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("clarion.xmpp.rooms.rates.CREATE_BURST", 1.0)
    async with world("ann") as here:
        ann = await here.log_in("ann")
        await enter(ann, "ann")
        ann.read()
        await ann.send(f"<presence to='other@{ROOMS}/ann'>{X}</presence>")
        assert condition(ann.read()[0]) == "policy-violation"


async def test_two_who_make_a_room_at_the_same_time_make_one():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        for client, nick in ((ann, "ann"), (bob, "bob")):
            client.connection.data_received(f"<presence to='{ROOM}/{nick}'>{X}</presence>".encode())
        await here.settle()
        assert "201" in codes(ann.read()[0])
        assert condition(bob.read()[0]) == "item-not-found"  # locked


async def test_a_room_that_cannot_be_made_is_told():
    async with world("ann") as here:
        ann = await here.log_in("ann")
        here.database.fail_next(UnavailableError("the disk is full"))
        await enter(ann, "ann")
        assert condition(ann.read()[0]) == "resource-constraint"
        await enter(ann, "ann")
        assert "201" in codes(ann.read()[0])


async def test_temporary_rooms_of_the_last_life_end_after_a_while():
    async with world("ann", "bob") as here:
        owner = Affiliated(f"ann@{DOMAIN}", Affiliation.OWNER)
        for name in ("kept", "lost"):
            await here.book.create(f"{name}@{ROOMS}", RoomConfig(), [owner])
        await here.book.create(ROOM, LASTING, [owner])
        assert here.door.rooms is not None
        here.door.rooms.begin()
        bob = await here.log_in("bob")
        await bob.send(f"<presence to='kept@{ROOMS}/bob'>{X}</presence>")
        await here.advance(TEMPORARY_GRACE)
        assert sorted(room.address for room in here.book.all()) == [ROOM, f"kept@{ROOMS}"]
        assert here.door.rooms.busy == 1


async def test_a_lasting_room_is_let_go_when_nobody_is_in_it_and_comes_back_as_it_was():
    async with coven("ann") as (here, (ann,)):
        await say(ann, "still here")
        ann.read()
        await ann.send(f"<presence type='unavailable' to='{ROOM}'/>")
        ann.read()
        assert here.door.rooms is not None
        assert here.door.rooms.busy == 0
        await enter(ann, "ann")
        bodies = [one.findtext("{jabber:client}body") for one in ann.read()]
        assert "still here" in bodies


async def test_a_departments_address_names_its_room():
    async with world("ann") as here:
        await here.directory.add_department(f"sales@{DOMAIN}", "Sales")
        department = here.directory.department(f"sales@{DOMAIN}")
        assert department is not None
        await here.book.create(f"sales@{ROOMS}", LASTING, department=department.number)
        ann = await here.log_in("ann")
        await ann.send(f"<message id='1' to='sales@{DOMAIN}'><body>hello</body></message>")
        (refused,) = ann.read()
        assert condition(refused) == "gone"
        gone = refused.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}gone")
        assert gone is not None
        assert gone.text == f"xmpp:sales@{ROOMS}?join"


async def test_many_rooms_take_no_place_among_the_addresses_of_a_session():
    async with coven("ann") as (here, (ann,)):
        for nick in ("a", "b", "c"):
            await enter(ann, nick)
        (context,) = here.door.lifecycle.contexts()
        assert context.session.directed == {ROOM}
        await ann.send(f"<presence type='unavailable' to='{ROOM}/c'/>")
        assert context.session.directed == set()


def from_elsewhere(here: World, name: str, kind: str, to: str, inner: str) -> None:
    """Hand over a stanza as another server's would come."""
    sender, resource = "eve@other.example/x", to.partition("/")[2]
    typed = f" type='{kind}'" if kind else ""
    raw = f"<{name} id='1' from='{sender}' to='{to}'{typed}>{inner}</{name}>"
    parcel = Parcel(name, kind, sender, resource, raw.encode())
    here.services.router.hand_over(room_entity(to.partition("/")[0]), parcel)


async def test_somebody_from_elsewhere_may_be_in_a_room_and_talk():
    async with coven("ann", config=replace(LASTING, public=True)) as (here, (ann,)):
        from_elsewhere(here, "presence", "", f"{ROOM}/eve", X)
        from_elsewhere(here, "message", "groupchat", ROOM, "<body>hello</body>")
        await here.settle()
        presence, message = ann.read()
        item = presence.find(f".//{{{MUC}#user}}item")
        assert item is not None
        assert item.get("jid") == "eve@other.example/x"
        assert message.findtext("{jabber:client}body") == "hello"
        from_elsewhere(here, "presence", "unavailable", f"{ROOM}/eve", "")
        await here.settle()
        assert ann.read()[0].get("type") == "unavailable"


@pytest.mark.parametrize("to", [ROOM, f"{ROOM}/ann", ROOMS])
@pytest.mark.parametrize("inner", ["", "<a xmlns='u'/><b xmlns='u'/>"])
async def test_requests_that_are_none_do_no_harm(to: str, inner: str):
    async with coven("ann") as (here, (_ann,)):
        answers: list[Parcel] = []
        here.services.router._takes = {
            **here.services.router._takes,
            "domain": lambda domain, parcel: answers.append(parcel),
        }
        from_elsewhere(here, "iq", "get", to, inner)
        await here.settle()
        (answer,) = answers
        assert answer.kind == "error"
        assert b"internal-server-error" not in answer.stanza


async def test_temporary_rooms_outlive_the_server():
    async with world("ann") as here:
        ann = await here.log_in("ann")
        await enter(ann, "ann")
        room = here.book.get(ROOM)
        assert room is not None
        await here.book.configure(room, room.config)
        assert here.door.rooms is not None
        here.door.rooms.shut_down()
        await ann.hang_up()
        assert here.book.get(ROOM) is room


async def test_who_is_refused_ends_no_temporary_room():
    async with world("ann", "bob") as here:
        owner = Affiliated(f"ann@{DOMAIN}", Affiliation.OWNER)
        await here.book.create(ROOM, RoomConfig(members_only=True), [owner])
        bob = await here.log_in("bob")
        await enter(bob, "bob")
        assert condition(bob.read()[0]) == "registration-required"
        assert here.book.get(ROOM) is not None


async def test_a_client_that_does_not_read_leaves_while_it_is_told():
    """Its session ends in the middle of what everybody is told (a re-entrant departure)."""
    async with coven("ann", "bob", "cai") as (here, (ann, _bob, cai)):
        context = next(c for c in here.door.lifecycle.contexts() if c.account.startswith("bob"))

        class Full(RecordingLine):
            def write(self, data: bytes) -> None:
                context.session.line = None
                here.door.lifecycle.end(context.session, None)

        context.session.line = Full()
        await say(ann, "1")
        await say(cai, "2")
        room = entity_of(here)
        assert sorted(one.nick for one in room.occupants) == ["ann", "cai"]
        for client in (ann, cai):
            told = client.read()
            bodies = [one.findtext("{jabber:client}body") for one in told]
            assert [body for body in bodies if body] == ["1", "2"]
            gone = [one.get("from") for one in told if one.get("type") == "unavailable"]
            assert gone == [f"{ROOM}/bob"]


async def test_a_subject_that_is_refused_is_not_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entity_module, "DELIVERIES_BURST", 1.0)
    async with coven("ann") as (here, (ann,)):
        await say(ann, "1")
        ann.read()
        await ann.send(f"<message to='{ROOM}' type='groupchat'><subject>2</subject></message>")
        assert condition(ann.read()[0]) == "resource-constraint"
        assert entity_of(here).room.subject.text == ""


async def test_a_subject_that_cannot_be_kept_is_told_to_its_sender():
    async with coven("ann") as (here, (ann,)):
        here.database.fail_next(UnavailableError("the disk is full"), 2)
        await ann.send(f"<message to='{ROOM}' type='groupchat'><subject>2</subject></message>")
        assert condition(ann.read()[-1]) == "resource-constraint"
        assert entity_of(here).room.subject.text == ""
