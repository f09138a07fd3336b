"""Sessions: begin, lose their connection, resume, end."""

import asyncio
from collections.abc import Sequence
from xml.etree.ElementTree import Element

import pytest

from clarion.config.server import LimitsConfig
from clarion.core.archive import Item, Owner
from clarion.lib.errors import UnavailableError
from clarion.wire.xmpp.errors import StreamCondition, StreamError
from fakes.world import DOMAIN, HEADER, FakeClient, World, world

BOB = f"bob@{DOMAIN}"
SM = "urn:xmpp:sm:3"
STREAM_ERRORS = "{urn:ietf:params:xml:ns:xmpp-streams}"
BIND = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"


def ending(client: FakeClient) -> str:
    """Return the condition of the stream error that a client got last."""
    return client.read()[-1][0].tag.removeprefix(STREAM_ERRORS)


def bodies(elements: list[Element]) -> list[str | None]:
    messages = [e for e in elements if e.tag == "{jabber:client}message"]
    return [message.findtext("{jabber:client}body") for message in messages]


def stanzas(elements: list[Element]) -> int:
    return sum(e.tag.startswith("{jabber:client}") for e in elements)


def chat(body: str, to: str = BOB) -> str:
    return (
        f"<message to='{to}' type='chat'><body>{body}</body>"
        f"<origin-id xmlns='urn:xmpp:sid:0' id='{body}'/></message>"
    )


class Resumable:
    """A client that counts, so that it can resume."""

    def __init__(self, here: World, client: FakeClient, previous: str) -> None:
        self.here = here
        self.client = client
        self.previous = previous
        self.counted = 0

    def read(self) -> list[Element]:
        elements = self.client.read()
        self.counted += stanzas(elements)
        return elements

    async def resume(self, name: str = "bob", h: object = None, previous: str = "") -> FakeClient:
        """Resume over a new connection."""
        self.client = await to_bind(self.here, name)
        counted = self.counted if h is None else h
        await self.client.send(
            f"<resume xmlns='{SM}' previd='{previous or self.previous}' h='{counted}'/>"
        )
        return self.client


async def to_bind(here: World, name: str) -> FakeClient:
    """Log a client in, up to where it binds or resumes."""
    client = here.connect()
    await client.send(HEADER)
    await client.authenticate(name)
    await client.send(HEADER)
    client.read()
    return client


async def resumable(here: World, name: str = "bob", resource: str = "phone") -> Resumable:
    client = await here.log_in(name, resource)
    await client.send(f"<enable xmlns='{SM}' resume='true'/>")
    (enabled,) = client.read()
    assert enabled.tag == f"{{{SM}}}enabled"
    previous = enabled.get("id")
    assert previous
    counting = Resumable(here, client, previous)
    await client.send("<presence/>")
    counting.read()
    return counting


# -- beginning --------------------------------------------------------------------------------


async def test_a_resource_bound_twice_ends_the_older_session():
    async with world("bob") as here:
        old = await here.log_in("bob", "phone")
        new = await here.log_in("bob", "phone")
        assert ending(old) == "conflict"
        assert old.over
        assert old.gone
        assert not new.gone
        assert len(here.door.lifecycle) == 1


async def test_too_many_sessions_end_the_oldest_even_one_that_waits_to_be_resumed():
    async with world("bob", limits=LimitsConfig(sessions_per_person=2)) as here:
        first = await resumable(here, "bob", "one")
        second = await here.log_in("bob", "two")
        await first.client.hang_up()
        third = await here.log_in("bob", "three")
        assert len(here.door.lifecycle) == 2
        await here.log_in("bob", "four")
        assert ending(second) == "conflict"
        assert not third.gone
        refused = await first.resume()
        assert refused.read()[0].tag == f"{{{SM}}}failed"


async def test_a_resource_of_the_servers_choice_is_unguessable_and_a_wrong_one_is_refused():
    async with world("bob") as here:
        one, two = here.connect(), here.connect()
        assert await one.log_in("bob") != await two.log_in("bob")
        client = await to_bind(here, "bob")
        await client.send(BIND.replace("/></iq>", "><resource>\x7f</resource></bind></iq>"))
        (error,) = client.read()
        assert error.get("type") == "error"
        await client.send(BIND)
        assert client.read()[0].get("type") == "result"


async def test_who_is_disabled_between_log_in_and_binding_gets_no_session():
    async with world("bob") as here:
        client = await to_bind(here, "bob")
        await here.directory.disable(BOB)
        await client.send(BIND)
        (error,) = client.read()
        assert error.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}not-allowed") is not None
        assert len(here.door.lifecycle) == 0
        assert here.people.get(BOB) is None


async def test_rights_that_end_between_log_in_and_binding_are_not_the_sessions():
    async with world("bob") as here:
        await here.directory.change_person(BOB, admin=True)
        client = await to_bind(here, "bob")
        await here.directory.change_person(BOB, admin=False)
        await client.send(BIND)
        assert client.read()[0].get("type") == "result"
        assert not client.connection.context.person.admin
        assert not client.connection.context.entity.person.admin


async def test_whose_address_is_another_persons_by_now_gets_no_session():
    async with world("bob") as here:
        client = await to_bind(here, "bob")
        await here.directory.delete(BOB)
        await here.add("bob")
        await client.send(BIND)
        (error,) = client.read()
        assert error.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}not-allowed") is not None
        assert len(here.door.lifecycle) == 0
        other = await here.log_in("bob")
        assert other.connection.context.entity.person == here.directory.person(BOB)


async def test_a_store_that_cannot_say_what_was_received_refuses_the_binding():
    async with world("bob") as here:
        client = await to_bind(here, "bob")
        here.database.fail_next_read(UnavailableError("the disk is broken"))
        await client.send(BIND)
        (error,) = client.read()
        assert error.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}resource-constraint") is not None
        await client.send(BIND)
        assert client.read()[0].get("type") == "result"


# -- resuming ----------------------------------------------------------------------------------


async def test_who_resumes_gets_what_was_not_acknowledged_and_what_came_meanwhile():
    async with world("ann", "bob") as here:
        ann, phone = await here.log_in("ann"), await resumable(here)
        await ann.send(chat("seen"))
        assert bodies(phone.read()) == ["seen"]
        await ann.send(chat("lost"))
        await phone.client.hang_up()
        await ann.send(chat("meanwhile"))
        client = await phone.resume()
        resumed, *rest = client.read()
        assert resumed.tag == f"{{{SM}}}resumed"
        assert resumed.get("h") == "1"  # the presence
        assert bodies(rest) == ["lost", "meanwhile"]
        await ann.send(chat("live"))
        assert bodies(client.read()) == ["live"]


@pytest.mark.parametrize("why", ["unknown", "somebody else's", "not resumable", "no longer"])
async def test_what_may_not_be_resumed_is_refused_and_the_client_may_bind(why: str):
    async with world("ann", "bob") as here:
        phone = await resumable(here)
        await phone.client.hang_up()
        name, previous = "bob", phone.previous
        if why == "unknown":
            previous = "guessed"
        elif why == "somebody else's":
            name = "ann"
        elif why == "no longer":
            await here.advance(here.limits.resume_time)
        else:
            plain = await here.log_in("bob", "plain")
            await plain.send(f"<enable xmlns='{SM}'/>")
            assert plain.read()[0].get("id") is None
            previous = next(
                c.session.id
                for c in here.door.lifecycle.contexts()
                if c.session.full.endswith("plain")
            )
        client = await phone.resume(name, previous=previous)
        (failed,) = client.read()
        assert failed.tag == f"{{{SM}}}failed"
        assert failed[0].tag.endswith("item-not-found")
        await client.send(BIND)
        assert client.read()[0].get("type") == "result"
        # The session it was about is none the worse.
        if why in ("unknown", "somebody else's"):
            assert (await phone.resume()).read()[0].tag == f"{{{SM}}}resumed"


async def test_an_overflowed_session_cannot_be_resumed_and_loses_nothing():
    limits = LimitsConfig(unacknowledged_stanzas=10)
    async with world("ann", "bob", limits=limits) as here:
        ann, phone = await here.log_in("ann"), await resumable(here)
        await phone.client.hang_up()
        expected = [str(number) for number in range(14)]
        for body in expected:
            await ann.send(chat(body))
        assert (await phone.resume()).read()[0].tag == f"{{{SM}}}failed"
        again = await here.log_in("bob")
        await again.send("<presence/>")
        assert bodies(again.read()) == expected


async def test_a_session_is_taken_over_from_a_connection_that_still_lives():
    async with world("ann", "bob") as here:
        ann, phone = await here.log_in("ann"), await resumable(here)
        old = phone.client
        await ann.send(chat("one"))
        client = await phone.resume()
        assert bodies(client.read()) == ["one"]
        assert ending(old) == "conflict"
        assert old.gone
        await ann.send(chat("two"))
        assert bodies(client.read()) == ["two"]
        assert len(here.door.lifecycle) == 2


@pytest.mark.parametrize("h", [99, "no-number", 2**32])
async def test_a_wrong_count_ends_the_stream_and_what_was_held_waits(h: object):
    async with world("ann", "bob") as here:
        ann, phone = await here.log_in("ann"), await resumable(here)
        await ann.send(chat("one"))
        await phone.client.hang_up()
        client = await phone.resume(h=h)
        assert ending(client) in ("undefined-condition", "bad-format")
        assert client.gone
        again = await here.log_in("bob")
        await again.send("<presence/>")
        assert bodies(again.read()) == ["one"]


async def test_nobody_waits_for_ever_and_another_session_gets_what_was_held():
    async with world("ann", "bob") as here:
        ann, phone = await here.log_in("ann"), await resumable(here)
        desk = await here.log_in("bob", "desk")
        await desk.send("<presence/>")
        await phone.client.hang_up()
        await ann.send(chat("for the phone", f"{BOB}/phone"))
        assert bodies(desk.read()) == []
        await here.advance(here.limits.resume_time - 1)
        assert len(here.door.lifecycle) == 3
        assert bodies(desk.read()) == []
        await here.advance(1)
        assert len(here.door.lifecycle) == 2
        assert bodies(desk.read()) == ["for the phone"]


async def test_what_is_under_way_when_the_client_resumes_is_not_counted_twice(
    monkeypatch: pytest.MonkeyPatch,
):
    async with world("ann", "bob") as here:
        phone = await resumable(here)
        commits: list[asyncio.Future[None]] = []

        def later(
            item: Item, owners: Sequence[Owner], retraction: object = None
        ) -> asyncio.Future[None]:
            commits.append(asyncio.get_running_loop().create_future())
            return commits[-1]

        monkeypatch.setattr(here.archive, "append", later)
        await phone.client.send(chat("one", f"ann@{DOMAIN}") + chat("two", f"ann@{DOMAIN}"))
        await phone.client.hang_up()
        client = await phone.resume()
        assert client.read()[0].get("h") == "1"
        # So the client sends both again; they are known by their origin-ids.
        await client.send(chat("one", f"ann@{DOMAIN}") + chat("two", f"ann@{DOMAIN}"))
        assert len(commits) == 2
        for commit in commits:
            commit.set_result(None)
        await here.settle()
        await client.send(f"<r xmlns='{SM}'/>")
        assert [e.get("h") for e in client.read() if e.tag == f"{{{SM}}}a"] == ["3"]


async def test_an_error_held_from_before_a_resumption_settles_nothing():
    async with world("ann", "bob") as here:
        phone = await resumable(here)
        here.database.fail_next(UnavailableError("the disk is full"))
        await phone.client.send(chat("one", f"ann@{DOMAIN}"))
        await phone.client.hang_up()
        client = await phone.resume()
        resumed, error, request = client.read()
        assert request.tag == f"{{{SM}}}r"
        assert resumed.get("h") == "1"
        assert error.get("type") == "error"
        await client.send(f"<a xmlns='{SM}' h='{phone.counted + 1}'/>")
        await client.send(chat("one", f"ann@{DOMAIN}") + f"<r xmlns='{SM}'/>")
        assert not client.gone
        assert [e.get("h") for e in client.read() if e.tag == f"{{{SM}}}a"] == ["2"]


async def test_stanzas_that_were_not_begun_are_not_done_twice():
    async with world("ann", "bob") as here:
        ann, phone = await here.log_in("ann"), await resumable(here)
        await ann.send("<presence/>")
        ann.read()
        messages = [chat(body, f"ann@{DOMAIN}") for body in ("one", "two", "three")]
        # The first one must ask the store whether it was sent before; the others queue behind.
        phone.client.connection.data_received("".join(messages).encode())
        phone.client.transport.close()
        await here.settle()
        client = await phone.resume()
        handled = int(client.read()[0].get("h") or 0)
        await client.send("".join(messages[handled - 1 :]))
        assert bodies(ann.read()) == ["one", "two", "three"]
        await client.send(f"<r xmlns='{SM}'/>")
        assert [e.get("h") for e in client.read() if e.tag == f"{{{SM}}}a"] == ["4"]


# -- ending ------------------------------------------------------------------------------------


async def test_without_time_to_resume_nobody_is_told_an_id():
    async with world("bob", limits=LimitsConfig(resume_time=0)) as here:
        client = await here.log_in("bob")
        await client.send(f"<enable xmlns='{SM}' resume='true'/>")
        assert client.read()[0].attrib == {}
        await client.hang_up()
        assert len(here.door.lifecycle) == 0


async def test_who_is_thrown_out_is_told_why_and_cannot_resume():
    async with world("ann", "bob") as here:
        phone, desk = await resumable(here), await here.log_in("bob", "desk")
        ann = await here.log_in("ann")
        await phone.client.hang_up()
        here.door.lifecycle.throw_out(BOB, StreamError(StreamCondition.POLICY_VIOLATION, "out"))
        here.door.lifecycle.throw_out(f"nobody@{DOMAIN}", StreamError(StreamCondition.RESET))
        await here.settle()
        assert ending(desk) == "policy-violation"
        assert not ann.gone
        assert (await phone.resume()).read()[0].tag == f"{{{SM}}}failed"
        assert here.clock.pending < 5  # no alarm of the ended sessions is left but that of bind


async def test_a_person_without_sessions_is_not_kept_in_memory():
    async with world("bob") as here:
        client = await here.log_in("bob")
        assert here.people.get(BOB) is not None
        assert here.services.sessions.of(BOB) != ()
        await client.send("</stream:stream>")
        client.read()
        assert client.over
        assert client.gone
        assert here.people.get(BOB) is None
        assert here.services.sessions.of(BOB) == ()
        assert here.door.connections == set()


async def test_to_end_a_session_twice_is_harmless():
    async with world("bob") as here:
        await here.log_in("bob")
        (context,) = here.door.lifecycle.contexts()
        assert here.door.lifecycle.session(context.session.id) is context.session
        here.door.lifecycle.end(context.session)
        here.door.lifecycle.end(context.session)
        assert here.door.lifecycle.session(context.session.id) is None
        await here.settle()
