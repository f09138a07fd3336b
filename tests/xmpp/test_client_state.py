"""XEP-0352: what a session holds back while nobody looks at its client."""

from clarion.config.server import LimitsConfig
from clarion.core.ports import ItemRef
from clarion.lib.ids import FIRST
from clarion.wire.xmpp.acks import Outbound
from clarion.xmpp.held import Held
from clarion.xmpp.session import Token
from fakes.world import DOMAIN, HEADER, FakeClient, world

NS = "urn:xmpp:csi:0"
INACTIVE, ACTIVE = f"<inactive xmlns='{NS}'/>", f"<active xmlns='{NS}'/>"
STATE = "<{} xmlns='http://jabber.org/protocol/chatstates'/>"
ANN = f"ann@{DOMAIN}"
PRESENCE = f"<presence to='{ANN}/phone'/>"
SM = "urn:xmpp:sm:3"


def tags(client: FakeClient) -> list[str]:
    return [element.tag.rpartition("}")[2] for element in client.read()]


async def test_it_is_offered_after_log_in():
    async with world("ann") as here:
        assert f"<csi xmlns='{NS}'/>".encode() in here.door.switchboard.stream_features


async def test_an_operator_can_turn_it_off():
    async with world("ann", "bob", limits=LimitsConfig(held_stanzas=0)) as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(INACTIVE)
        await bob.send(PRESENCE)
        assert tags(ann) == ["presence"]


async def test_what_is_held_is_in_no_count():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(f"<enable xmlns='{SM}'/>{INACTIVE}")
        ann.read()
        await bob.send(PRESENCE)
        session = next(c.session for c in here.door.lifecycle.contexts() if c.account == ANN)
        assert session.outbound is not None
        assert (len(session.outbound), session.outbound.send_count) == (0, 0)
        await ann.send(ACTIVE)
        assert tags(ann)[:1] == ["presence"]
        assert len(session.outbound) == 1
        assert session.held is None


async def test_requests_take_along_what_was_held():
    async with world("ann", "bob") as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(INACTIVE)
        await bob.send(PRESENCE)
        await bob.send(
            f"<iq type='get' id='v' to='{ANN}/phone'><query xmlns='jabber:iq:version'/></iq>"
        )
        assert tags(ann) == ["presence", "iq"]


async def test_copies_of_chat_states_wait_too_and_other_copies_do_not():
    async with world("ann", "bob") as here:
        ann, desk, bob = [
            await here.log_in(name, resource)
            for name, resource in (("ann", "phone"), ("ann", "desk"), ("bob", "phone"))
        ]
        await ann.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>" + INACTIVE)
        ann.read()
        for state in ("composing", "paused"):
            text = f"<message to='{{}}' type='chat'>{STATE.format(state)}</message>"
            await bob.send(text.format(f"{ANN}/desk"))
            await desk.send(text.format(f"bob@{DOMAIN}/phone"))
        assert tags(ann) == []
        await bob.send(f"<message to='{ANN}/desk' type='chat'><body>hi</body></message>")
        came = [[e.tag.rpartition("}")[2] for e in m.iter()] for m in ann.read()]
        assert [[tag in one for tag in ("received", "sent", "paused", "body")] for one in came] == [
            [True, False, True, False],
            [False, True, True, False],
            [True, False, False, True],
        ]


async def test_what_is_archived_is_never_held():
    async with world("ann") as here:
        await here.log_in("ann")
        session = here.door.lifecycle.contexts()[0].session
        session.outbound = Outbound[Token](limit_bytes=1000, limit_count=10)
        session.held = held = Held(5)
        session.send(b"<presence from='bob@corp.example/x'/>", ItemRef(FIRST, None))
        assert len(held) == 0
        assert len(session.outbound) == 1


async def test_a_queue_that_cannot_take_what_was_held_is_not_resumed():
    async with world("ann", "bob", limits=LimitsConfig(unacknowledged_stanzas=10)) as here:
        ann, bob = await here.log_in("ann"), await here.log_in("bob")
        await ann.send(f"<enable xmlns='{SM}' resume='true'/>")
        previous = ann.read()[-1].get("id")
        for number in range(10):
            await bob.send(f"<message to='{ANN}/phone' type='headline' id='{number}'/>")
        await ann.send(INACTIVE)
        await bob.send(PRESENCE)
        await ann.hang_up()
        again = here.connect()
        await again.send(HEADER)
        await again.authenticate("ann")
        await again.send(f"{HEADER}<resume xmlns='{SM}' previd='{previous}' h='0'/>")
        assert tags(again)[-1] == "failed"
