"""The operator sets the clock: order, marks, sessions and timers do not mind."""

import pytest

from clarion.core.ledger import State
from fakes.clock import START_WALL
from fakes.world import DOMAIN, HEADER, FakeClient, world

YEAR = 365 * 86_400.0
JUMPS = {"back": -YEAR, "far back": -START_WALL, "forward": 10 * YEAR}
ANN, BOB = f"ann@{DOMAIN}", f"bob@{DOMAIN}"
BODY = "{jabber:client}body"
SM = "urn:xmpp:sm:3"
jumps = pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)


def message(name: str, to: str = BOB, more: str = "") -> str:
    return f"<message to='{to}' type='chat' id='{name}'><body>{name}</body>{more}</message>"


def bodies(client: FakeClient) -> list[str]:
    return [text for one in client.read() if (text := one.findtext(f".//{BODY}")) is not None]


@jumps
async def test_what_waits_comes_in_the_order_in_which_it_was_sent(jump: float):
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        await ann.send("<presence/>" + message("one") + message("two"))
        here.clock.set_wall(here.clock.wall() + jump)
        await ann.send(message("three"))
        here.clock.set_wall(START_WALL)
        await ann.send(message("four"))
        await here.advance(1)
        bob = await here.log_in("bob")
        await bob.send("<presence/>")
        assert bodies(bob) == ["one", "two", "three", "four"]
        await bob.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")
        assert bodies(bob) == ["one", "two", "three", "four"]


@jumps
async def test_a_mark_reaches_across_the_jump(jump: float):
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await bob.send("<presence/>")
        await ann.send("<presence/>" + message("before"))
        here.clock.set_wall(here.clock.wall() + jump)
        await ann.send(message("after"))
        mark = "<displayed xmlns='urn:xmpp:chat-markers:0' id='after'/>"
        await bob.send(f"<message to='{ANN}/phone' type='chat'>{mark}</message>")
        await here.advance(1)
        shown = await here.ledger.show_thread(ANN, BOB, 10)
        assert [entry.state for _, entry in shown] == [State.READ, State.READ]


@jumps
async def test_nobody_is_hung_up_on_and_a_session_is_resumed(jump: float):
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        stranger = here.connect()
        await bob.send(f"<presence/><enable xmlns='{SM}' resume='true'/>")
        (token,) = [one.get("id") for one in bob.read() if one.tag == f"{{{SM}}}enabled"]
        await bob.hang_up()
        here.clock.set_wall(here.clock.wall() + jump)
        await ann.send(message("meanwhile"))
        await here.advance(here.limits.login_time / 2)
        assert not ann.gone
        assert not stranger.gone  # the time to log in is not over for the jump
        again = here.connect()
        await again.send(HEADER)
        await again.authenticate("bob")
        await again.send(f"{HEADER}<resume xmlns='{SM}' previd='{token}' h='0'/>")
        assert bodies(again) == ["meanwhile"]
        await here.advance(here.limits.login_time)
        assert stranger.gone
