"""Binding on a stream, and what may come in its place (RFC 6120 section 7)."""

import pytest

from clarion.wire.xmpp.errors import StreamCondition
from clarion.wire.xmpp.names import BIND
from clarion.wire.xmpp.stanza import Stanza
from clarion.wire.xmpp.stream_events import BindWanted, Offered, Phase
from fakes.stream_peer import DOMAIN, HEADER, RESUME, SM, Peer, auth, bind

C = StreamCondition


def features():
    return (
        f"<stream:features><bind xmlns='{BIND}'/>"
        "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"
        f"<sm xmlns='{SM}'/><limits xmlns='urn:xmpp:stream-limits:0'>"
        "<max-bytes>262144</max-bytes></limits></stream:features>"
    )


def test_binding():
    peer = Peer()
    assert peer.say(HEADER, auth(), HEADER).endswith(features())
    told = peer.say(bind("desk", "id='&lt;'"))
    assert told == (
        f"<iq type='result' id='&lt;'><bind xmlns='{BIND}'><jid>ann@{DOMAIN}/desk</jid></bind></iq>"
    )
    assert peer.events[-1] == BindWanted("desk")


def test_the_server_may_choose_the_resource():
    peer = Peer()
    told = peer.say(HEADER, auth(), HEADER, bind())
    assert peer.events[-1] == BindWanted("")
    assert f"<jid>ann@{DOMAIN}/made-up</jid>" in told


def test_a_refused_resource_may_be_followed_by_another():
    peer = Peer()
    peer.say(HEADER, auth(), HEADER)
    told = peer.say(bind("bad"))
    assert told.startswith("<iq type='error' id='b'><error type='modify'><jid-malformed ")
    assert "<jid>" in peer.say(bind("good"))


def test_a_bind_without_id_is_refused_and_many_of_them_are_no_harm():
    peer = Peer(chunk=1 << 20)
    peer.say(HEADER, auth(), HEADER)
    told = peer.say(bind(name="") * 2000)
    assert told.count("<bad-request ") == 2000
    assert "<jid>" in peer.say(bind())


@pytest.mark.parametrize(
    "iq",
    [
        f"<iq type='get' id='1'><bind xmlns='{BIND}'/></iq>",
        f"<iq id='1'><bind xmlns='{BIND}'/></iq>",
        "<iq type='set' id='1'><bind xmlns='urn:other'/></iq>",
        "<iq type='set' id='1'/>",
    ],
)
def test_before_binding_nothing_but_binding(iq: str):
    peer = Peer()
    peer.say(HEADER, auth(), HEADER, iq)
    assert peer.end is C.NOT_AUTHORIZED


def test_an_offered_element_may_be_taken():
    peer = Peer(answers=False)
    peer.say(HEADER, auth())
    peer.stream.admit("ann")
    peer.say(HEADER, RESUME, "<message/>")
    assert isinstance(peer.events[-1], Offered)
    peer.stream.bound("")
    peer.stream.send(b"<resumed/>")
    assert peer.told() == "<resumed/>"
    peer.stream.pump()
    peer.pump()
    assert isinstance(peer.events[-1], Stanza)


def test_an_offered_element_may_be_declined():
    peer = Peer()
    assert peer.say(HEADER, auth(), HEADER, RESUME, bind()).count("<failed/>") == 1
    assert peer.stream.phase is Phase.BOUND


def test_a_refused_bind_without_id_leaves_nothing_to_answer():
    # Resumption after it must not be answered as if it were the bind.
    peer = Peer(answers=False)
    peer.say(HEADER, auth())
    peer.stream.admit("ann")
    peer.say(HEADER, bind(name=""), RESUME)
    peer.stream.bound("")
    assert peer.told() == ""


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_stanzas_behind_a_bind_wait_for_its_answer(chunk: int):
    peer = Peer(answers=False, chunk=chunk)
    peer.say(HEADER, auth())
    peer.stream.admit("ann")
    peer.say(HEADER, bind(), "<presence/>", "<message/>")
    assert isinstance(peer.events[-1], BindWanted)
    peer.stream.bound(f"ann@{DOMAIN}/desk")
    assert isinstance(peer.events[-1], BindWanted)
    peer.stream.pump()
    peer.pump()
    assert [event.raw for event in peer.events[-2:]] == [b"<presence/>", b"<message/>"]
