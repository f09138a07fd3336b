"""XEP-0191: what the talks (``xep0191_*.talk``) do not show."""

from xml.etree.ElementTree import Element

import pytest

from clarion.core.blocking import BLOCKED_LIMIT, Blocking
from clarion.core.ledger import State
from clarion.store.blocking import DatabaseBlocking
from clarion.xmpp.roster import RosterItem
from fakes.world import DOMAIN, FakeClient, World, world

NS = "urn:xmpp:blocking"
CLIENT = "{jabber:client}"
ANN, BOB, CAI = (f"{name}@{DOMAIN}" for name in ("ann", "bob", "cai"))


def command(what: str, *jids: str) -> str:
    items = "".join(f"<item jid='{jid}'/>" for jid in jids)
    return f"<iq type='set' id='b'><{what} xmlns='{NS}'>{items}</{what}></iq>"


def stanzas(client: FakeClient, name: str) -> list[Element]:
    return [element for element in client.read() if element.tag == f"{CLIENT}{name}"]


def refusal(elements: list[Element]) -> str:
    error = elements[-1].find(f"{CLIENT}error")
    return "" if error is None else error[0].tag.rpartition("}")[2]


def kinds(elements: list[Element]) -> list[tuple[str | None, str | None]]:
    return [(element.get("type"), element.get("from")) for element in elements]


async def available(here: World, name: str, resource: str = "phone") -> FakeClient:
    client = await here.log_in(name, resource)
    await client.send("<presence/>")
    client.read()
    return client


async def befriend(here: World, *names: str) -> None:
    """Let everybody see everybody's presence."""
    for name in names:
        person = here.directory.person(f"{name}@{DOMAIN}")
        assert person is not None
        async with here.services.rosters.change(person) as book:
            for other in names:
                if other != name:
                    item = RosterItem(f"{other}@{DOMAIN}", subscription="both")
                    await book.put(item, visible=True)


async def test_it_is_told_by_the_server():
    async with world("ann") as here:
        assert NS in here.services.features.server


async def test_too_long_a_list_is_refused():
    async with world("ann") as here:
        ann = await here.log_in("ann")
        most = [f"{number}.example" for number in range(BLOCKED_LIMIT)]
        await ann.send(command("block", *most))
        assert refusal(ann.read()) == ""
        await ann.send(command("block", "one.more.example"))
        assert refusal(ann.read()) == "not-allowed"


async def test_foreign_elements_are_no_items():
    async with world("ann") as here:
        ann = await here.log_in("ann")
        await ann.send(f"<iq type='set' id='b'><block xmlns='{NS}'><x xmlns='a'/></block></iq>")
        assert refusal(ann.read()) == "bad-request"


async def test_a_list_outlives_sessions_and_the_entity():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(command("block", BOB))
        await ann.hang_up()
        assert here.people.get(ANN) is None
        await bob.send(f"<message to='{ANN}' id='m' type='chat'><body>hi</body></message>")
        assert refusal(bob.read()) == "service-unavailable"
        again = Blocking(DatabaseBlocking(here.database), here.bus)
        await again.load(here.directory)
        assert again.lists == here.blocking.lists


async def test_whom_one_resource_is_blocked_of():
    async with world("ann", "bob") as here:
        ann = await available(here, "ann")
        desk, phone = await available(here, "bob", "desk"), await available(here, "bob", "phone")
        await ann.send(command("block", f"{BOB}/desk"))
        for client in (desk, phone):
            await client.send(f"<message to='{ANN}' id='m' type='chat'><body>hi</body></message>")
        assert refusal(stanzas(desk, "message")) == "service-unavailable"
        assert stanzas(phone, "message") == []
        await ann.send(f"<message to='{BOB}/phone' id='m' type='chat'><body>hi</body></message>")
        assert len(stanzas(phone, "message")) == 1


async def test_who_is_blocked_by_name_domain_or_client_sees_one_go_and_come_back():
    async with world("ann", "bob", "cai") as here:
        await befriend(here, "ann", "bob", "cai")
        ann, bob, cai = [await available(here, name) for name in ("ann", "bob", "cai")]
        for client in (ann, bob, cai):
            client.read()
        gone, back = [("unavailable", f"{ANN}/phone")], [(None, f"{ANN}/phone")]
        await ann.send(command("block", f"{CAI}/phone"))
        assert (kinds(stanzas(cai, "presence")), stanzas(bob, "presence")) == (gone, [])
        await ann.send(command("block", BOB))
        assert (kinds(stanzas(bob, "presence")), stanzas(cai, "presence")) == (gone, [])
        await ann.send(command("block", DOMAIN))
        # Bob knows already; to Cai's other clients she had not gone yet.
        assert (stanzas(bob, "presence"), kinds(stanzas(cai, "presence"))) == ([], gone)
        await ann.send(command("block", BOB, CAI))
        await ann.send(command("unblock", BOB, f"{CAI}/phone", CAI))
        assert stanzas(bob, "presence") + stanzas(cai, "presence") == []  # the domain is blocked
        await ann.send(command("unblock", DOMAIN))
        assert kinds(stanzas(bob, "presence")) == kinds(stanzas(cai, "presence")) == back
        # and she sees them again, though she missed what they said meanwhile
        assert {sender for _, sender in kinds(stanzas(ann, "presence"))} == {
            f"{BOB}/phone",
            f"{CAI}/phone",
        }


async def test_who_may_not_see_one_is_told_nothing():
    async with world("ann", "bob") as here:
        ann, bob = await available(here, "ann"), await available(here, "bob")
        await ann.send(command("block", BOB) + command("unblock", BOB))
        assert bob.read() == []


async def test_directed_presence_is_taken_back_too():
    async with world("ann", "bob") as here:
        ann, bob = await available(here, "ann"), await available(here, "bob")
        await ann.send(f"<presence to='{BOB}/phone'/>")
        bob.read()
        await ann.send(command("block", BOB))
        assert kinds(stanzas(bob, "presence")) == [("unavailable", f"{ANN}/phone")]
        await ann.hang_up()
        assert bob.read() == []


async def test_requests_to_see_one_are_not_heard_and_ends_are():
    async with world("ann", "bob", "cai") as here:
        await befriend(here, "ann", "bob")
        ann, bob, cai = [await available(here, name) for name in ("ann", "bob", "cai")]
        await ann.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
        await cai.send(f"<presence to='{ANN}' type='subscribe'/>")
        assert [kind for kind, _ in kinds(stanzas(ann, "presence"))].count("subscribe") == 1
        await ann.send(command("block", BOB, CAI))
        await cai.send(f"<presence to='{ANN}' type='subscribe'/>")
        await bob.send(f"<presence to='{ANN}' type='unsubscribe'/>")
        came = ann.read()
        assert [e for e in came if e.tag == f"{CLIENT}presence"] == []
        # Her roster agrees with his, as otherwise she would be shown to him for ever.
        book = here.services.rosters.cached(ANN)
        assert book is not None
        assert BOB not in book.watchers
        # A new client of hers is not asked what waited.
        desk = await here.log_in("ann", "desk")
        await desk.send("<presence/>")
        assert ("subscribe", CAI) not in kinds(desk.read())


async def test_ones_own_clients_are_never_blocked():
    async with world("ann") as here:
        phone, desk = await available(here, "ann"), await available(here, "ann", "desk")
        phone.read()
        await phone.send(command("block", ANN, f"{ANN}/desk"))
        assert refusal(phone.read()) == ""
        await phone.send(f"<message to='{ANN}/desk' type='chat'><body>hi</body></message>")
        assert len(stanzas(desk, "message")) == 1


@pytest.mark.parametrize("kind", ["result", "error"])
async def test_who_blocks_the_server_itself_is_still_known_to_be_there(kind: str):
    async with world("ann") as here:
        ann = await available(here, "ann")
        await ann.send(command("block", DOMAIN))
        ann.read()
        query = f"<iq type='get' id='q' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
        await ann.send(query)
        assert refusal(ann.read()) == "not-acceptable"
        session = here.door.lifecycle.contexts()[0].session
        await here.advance(here.limits.idle_time)
        here.door.look_around(here.clock.monotonic())
        await here.settle()
        (ping,) = stanzas(ann, "iq")
        assert session.proof_id
        await ann.send(f"<iq type='{kind}' id='{ping.get('id')}' to='{DOMAIN}'/>")
        assert session.proof_id == ""


async def test_a_marker_of_somebody_blocked_moves_no_mark():
    async with world("ann", "bob") as here:
        ann, bob = await available(here, "ann"), await available(here, "bob")
        await ann.send(f"<message to='{BOB}' id='m1' type='chat'><body>hi</body></message>")
        bob.read()
        await ann.send(command("block", BOB))
        marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>"
        await bob.send(f"<message to='{ANN}' id='d' type='chat'>{marker}</message>")
        assert refusal(bob.read()) == "service-unavailable"
        shown = await here.ledger.show_thread(ANN, BOB, 10)
        assert [entry.state for _, entry in shown] == [State.SENT]


@pytest.mark.parametrize("to", ["@", f"{BOB}/"])
async def test_what_is_no_address_is_refused_as_that(to: str):
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        await ann.send(command("block", BOB))
        ann.read()
        await ann.send(f"<message to='{to}' id='m'><body>hi</body></message>")
        assert refusal(ann.read()) == "jid-malformed"
