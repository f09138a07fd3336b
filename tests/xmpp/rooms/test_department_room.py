"""Rooms of departments: what the directory says there is nobody else's to change."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from xml.etree.ElementTree import Element

from clarion.core.department_rooms import DepartmentRooms
from clarion.core.rooms import Affiliation, Room
from clarion.xmpp.rooms.hats import NS as HATS
from fakes.world import DOMAIN, ROOMS, FakeClient, World, world

ROOM = f"sales@{ROOMS}"
MUC = "http://jabber.org/protocol/muc"
ADMIN = f"{MUC}#admin"
OWNER = f"{MUC}#owner"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


@asynccontextmanager
async def sales(*names: str) -> AsyncGenerator[tuple[World, list[FakeClient]], None]:
    """The room of a department that ann manages and bob is in; clients of these people."""
    people = ("ann", "bob", "cai", "dan")
    async with world(*people) as here:
        DepartmentRooms(here.directory, here.book, here.bus, here.services.crew, ROOMS)
        address = f"sales@{DOMAIN}"
        await here.directory.add_department(address, "Sales")
        await here.directory.join(f"ann@{DOMAIN}", address, manager=True, title="Head of <sales>")
        await here.directory.join(f"bob@{DOMAIN}", address)
        await here.directory.change_person(f"dan@{DOMAIN}", admin=True)
        await here.settle()
        yield here, [await here.log_in(name) for name in names]


def room_of(here: World) -> Room:
    room = here.book.get(ROOM)
    assert room is not None
    return room


async def ask(client: FakeClient, kind: str, payload: str) -> Element:
    client.read()
    await client.send(f"<iq type='{kind}' id='q' to='{ROOM}'>{payload}</iq>")
    (answer,) = [one for one in client.read() if one.tag.endswith("}iq")]
    return answer


async def affiliate(client: FakeClient, name: str, word: str) -> Element:
    item = f"<item affiliation='{word}' jid='{name}@{DOMAIN}'/>"
    return await ask(client, "set", f"<query xmlns='{ADMIN}'>{item}</query>")


async def configure(client: FakeClient, name: str, value: str) -> Element:
    field = f"<field var='muc#roomconfig_{name}'><value>{value}</value></field>"
    form = f"<x xmlns='jabber:x:data' type='submit'>{field}</x>"
    return await ask(client, "set", f"<query xmlns='{OWNER}'>{form}</query>")


def refused(answer: Element, condition: str) -> str:
    assert answer.find(f".//{STANZAS}{condition}") is not None, condition
    return answer.findtext(f".//{STANZAS}text") or ""


async def test_who_belongs_is_the_directorys_to_say():
    async with sales("ann", "dan") as (here, (ann, dan)):
        for client in (ann, dan):
            for name, word in (("cai", "member"), ("bob", "none"), ("bob", "admin")):
                answer = await affiliate(client, name, word)
                if client is ann and word == "admin":
                    refused(answer, "forbidden")
                else:
                    assert "directory" in refused(answer, "not-allowed")
        assert room_of(here).affiliation(f"bob@{DOMAIN}") is Affiliation.MEMBER


async def test_people_are_banned_and_come_back_as_what_they_were():
    async with sales("ann") as (here, (ann,)):
        for name, was in (("bob", Affiliation.MEMBER), ("cai", Affiliation.NONE)):
            assert (await affiliate(ann, name, "outcast")).get("type") == "result"
            assert room_of(here).affiliation(f"{name}@{DOMAIN}") is Affiliation.OUTCAST
            assert (await affiliate(ann, name, "none")).get("type") == "result"
            assert room_of(here).affiliation(f"{name}@{DOMAIN}") is was


async def test_administrators_of_the_organisation_count_as_owners_where_there_is_none():
    async with sales("dan", "bob") as (_, (dan, bob)):
        assert (await affiliate(dan, "ann", "outcast")).get("type") == "result"
        refused(await affiliate(bob, "ann", "none"), "forbidden")
        listing = f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>"
        answer = await ask(dan, "get", listing)
        assert [one.get("jid") for one in answer.iter(f"{{{ADMIN}}}item")] == [f"ann@{DOMAIN}"]


async def test_some_of_its_configuration_is_the_directorys():
    async with sales("ann", "bob") as (here, (ann, bob)):
        for name, value in (
            ("roomname", "Marketing"),
            ("membersonly", "0"),
            ("persistentroom", "0"),
            ("whois", "moderators"),
        ):
            assert "directory" in refused(await configure(ann, name, value), "not-allowed")
        refused(await configure(bob, "roomdesc", "x"), "forbidden")
        assert (await configure(ann, "roomdesc", "Who sells")).get("type") == "result"
        assert room_of(here).config.description == "Who sells"
        assert room_of(here).config.name == "Sales"


async def test_it_ends_with_the_department_and_not_before():
    async with sales("ann", "dan") as (here, clients):
        for client in clients:
            answer = await ask(client, "set", f"<query xmlns='{OWNER}'><destroy/></query>")
            assert "department" in refused(answer, "not-allowed")
        assert here.book.get(ROOM) is not None


async def test_nobody_is_invited_who_does_not_belong():
    async with sales("ann") as (here, (ann,)):
        invite = f"<invite to='cai@{DOMAIN}'/>"
        await ann.send(f"<message to='{ROOM}'><x xmlns='{MUC}#user'>{invite}</x></message>")
        assert "directory" in refused(ann.read()[-1], "not-allowed")
        assert room_of(here).affiliation(f"cai@{DOMAIN}") is Affiliation.NONE


async def test_a_nickname_is_reserved_without_another_affiliation():
    async with sales("ann") as (here, (ann,)):
        field = "<field var='muc#register_roomnick'><value>Boss</value></field>"
        form = f"<x xmlns='jabber:x:data' type='submit'>{field}</x>"
        register = "<query xmlns='jabber:iq:register'>{}</query>"
        assert (await ask(ann, "set", register.format(form))).get("type") == "result"
        known = room_of(here).affiliations[f"ann@{DOMAIN}"]
        assert (known.affiliation, known.nick) == (Affiliation.ADMIN, "Boss")
        refused(await ask(ann, "set", register.format("<remove/>")), "not-allowed")


async def test_everybody_wears_their_title_and_no_other():
    async with sales("ann", "bob") as (_, (ann, bob)):
        x = f"<x xmlns='{MUC}'/>"
        forged = f"<hats xmlns='{HATS}'><hat title='King' uri='urn:king'/></hats>"
        await bob.send(f"<presence to='{ROOM}/bob'>{forged}{x}</presence>")
        bob.read()
        await ann.send(f"<presence to='{ROOM}/ann'>{forged}{x}</presence>")
        (shown,) = [one for one in bob.read() if one.get("from") == f"{ROOM}/ann"]
        hats = [dict(one.attrib) for one in shown.iter(f"{{{HATS}}}hat")]
        uri = "urn:clarion:title:Head%20of%20%3Csales%3E"
        assert hats == [{"title": "Head of <sales>", "uri": uri}]
        (other,) = [one for one in ann.read() if one.get("from") == f"{ROOM}/bob"]
        assert other.find(f"{{{HATS}}}hats") is None
        answer = await ask(ann, "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
        assert HATS in {one.get("var") for one in answer.iter()}


async def test_a_new_title_is_seen_at_once():
    async with sales("ann", "bob") as (here, clients):
        for name, client in zip(("ann", "bob"), clients, strict=True):
            await client.send(f"<presence to='{ROOM}/{name}'><x xmlns='{MUC}'/></presence>")
        for client in clients:
            client.read()
        await here.directory.join(f"bob@{DOMAIN}", f"sales@{DOMAIN}", title="Seller")
        await here.settle()
        for client in clients:
            (shown,) = client.read()
            assert shown.get("from") == f"{ROOM}/bob"
            assert [one.get("title") for one in shown.iter(f"{{{HATS}}}hat")] == ["Seller"]
