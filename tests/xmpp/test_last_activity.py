"""XEP-0012."""

import pytest

from clarion.lib.errors import UnavailableError
from clarion.xmpp.activity import STATUS_LIMIT, LastActivity
from clarion.xmpp.ext.last_activity import NS, last_activity
from fakes.household import DOMAIN, Client, children_of, household
from fakes.world import world

ASK = f"<query xmlns='{NS}'/>"
BOB = f"bob@{DOMAIN}"


async def seconds(client: Client, to: str | None) -> tuple[str | None, str | None]:
    (query,) = children_of(await client.ask("get", ASK, to))
    return query.get("seconds"), query.text


async def test_the_server_tells_how_long_it_has_been_up():
    async with household(last_activity) as house:
        ann = await house.log_in("ann")
        house.clock.advance(123_456.7)
        assert await seconds(ann, DOMAIN) == ("123456", None)


@pytest.mark.parametrize("subscription", [None, "none", "to"])
async def test_who_may_not_see_presence_is_forbidden(subscription: str | None):
    async with household(last_activity) as house:
        ann = await house.log_in("ann")
        if subscription:
            await house.contacts("bob", "ann", subscription)
        await house.log_in("bob", "desk")
        for to in (BOB, f"{BOB}/desk", f"nobody@{DOMAIN}", f"nobody@{DOMAIN}/x"):
            answer = await ann.ask("get", ASK, to)
            assert b"<error type='auth'><forbidden" in answer, to


async def test_whoever_is_here_is_here_now():
    async with household(last_activity) as house:
        ann = await house.log_in("ann")
        await house.contacts("bob", "ann", "from")
        await house.log_in("bob", priority=None)  # connected is enough (section 3)
        house.clock.advance(60)
        assert await seconds(ann, BOB) == ("0", None)
        assert await seconds(ann, None) == ("0", None)


async def test_whoever_left_left_so_long_ago_with_these_words():
    async with household(last_activity) as house:
        ann = await house.log_in("ann")
        await house.contacts("bob", "ann", "both")
        number = house.person("bob").number
        await house.services.activity.left(number, LastActivity(house.clock.wall(), "<Home>"))
        house.clock.advance(903.9)
        assert await seconds(ann, BOB) == ("903", "<Home>")
        house.clock.set_wall(house.clock.wall() - 10_000)  # by the operator
        assert await seconds(ann, BOB) == ("0", "<Home>")


async def test_whoever_was_never_here():
    async with household(last_activity) as house:
        ann = await house.log_in("ann")
        await house.contacts("bob", "ann", "both")
        assert b"<item-not-found" in await ann.ask("get", ASK, BOB)


async def test_a_store_that_cannot_answer():
    async with household(last_activity) as house:
        ann = await house.log_in("ann")
        await house.contacts("bob", "ann", "both")
        house.database.fail_next_read(UnavailableError("the store is busy"))
        assert b"<error type='wait'>" in await ann.ask("get", ASK, BOB)


async def leave(last: str, *, again: bool = False) -> LastActivity | None:
    """Let Ann come and go with these words on leaving."""
    async with world("ann") as here:
        client = await here.log_in("ann")
        await client.send("<presence/>")
        await client.send(f"<presence type='unavailable'>{last}</presence>")
        if again:
            await client.send("<presence/>")
        here.clock.advance(30)
        person = here.directory.person(f"ann@{DOMAIN}")
        assert person is not None
        assert await here.services.activity.last(person.number) is None
        await client.send("</stream:stream>")
        await here.settle()
        how = await here.services.activity.last(person.number)
        assert how is not None
        assert how.at == here.clock.wall()
        return how


async def test_the_end_of_the_last_session_is_kept_with_the_last_status():
    how = await leave("<show>away</show><status>Heading &lt;Home</status>")
    assert how is not None
    assert how.status == "Heading <Home"


async def test_no_words_are_no_words():
    how = await leave("")
    assert how is not None
    assert how.status == ""


async def test_words_from_before_the_last_return_do_not_count():
    how = await leave("<status>Home</status>", again=True)
    assert how is not None
    assert how.status == ""


async def test_long_words_are_cut():
    how = await leave(f"<status>{'x' * (STATUS_LIMIT + 1)}</status>")
    assert how is not None
    assert how.status == "x" * STATUS_LIMIT


async def test_one_session_of_two_that_ends_is_no_end():
    async with world("ann") as here:
        one, two = await here.log_in("ann", "one"), await here.log_in("ann", "two")
        person = here.directory.person(f"ann@{DOMAIN}")
        assert person is not None
        await one.hang_up()
        await here.settle()
        assert await here.services.activity.last(person.number) is None
        await two.hang_up()
        await here.settle()
        assert await here.services.activity.last(person.number) is not None


async def test_directed_presence_lets_its_receiver_ask_that_client():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob", "desk")
        await bob.send(f"<presence to='ann@{DOMAIN}'/>")
        await ann.send(f"<iq type='get' id='1' to='{BOB}/desk'>{ASK}</iq>")
        await here.settle()
        (asked,) = bob.read()
        assert asked.get("from") == f"ann@{DOMAIN}/phone"
        assert asked[0].tag == f"{{{NS}}}query"


async def test_a_client_of_another_server_cannot_be_asked():
    async with household(last_activity) as house:
        ann = await house.log_in("ann")
        answer = await ann.ask("get", ASK, "bob@elsewhere.example/x")
        assert b"<remote-server-not-found" in answer
