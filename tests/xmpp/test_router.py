"""The one-node router and the table of who is on line."""

import asyncio

from structlog.testing import capture_logs

from clarion.core.ports import (
    EntityId,
    Parcel,
    SessionId,
    SessionRef,
    person_entity,
    room_entity,
)
from clarion.xmpp.router import OneNodeRouter, OneNodeSessions

ANN = "ann@corp.example"
PARCEL = Parcel("message", "chat", ANN, "", b"<message/>")


def test_parcels_go_to_who_takes_their_kind_of_entity():
    router, taken = OneNodeRouter(), []
    router.connect({"person": lambda address, parcel: taken.append((address, parcel))}, print)
    router.to_entity(person_entity(ANN), PARCEL)
    with capture_logs() as lines:
        router.to_entity(EntityId("room:sales@rooms.corp.example"), PARCEL)
    assert taken == [(ANN, PARCEL)]
    assert [line["entity_kind"] for line in lines] == ["room"]


async def test_who_hands_over_is_told_what_to_wait_for():
    router, commit = OneNodeRouter(), asyncio.get_running_loop().create_future()
    taken: list[str] = []

    def keep(address: str, parcel: Parcel) -> asyncio.Future[None]:
        taken.append(address)
        return commit

    router.connect({"person": lambda address, parcel: None, "room": keep}, print)
    assert room_entity("rooms.corp.example") == "room:rooms.corp.example"
    assert router.hand_over(room_entity("sales@rooms.corp.example"), PARCEL) is commit
    router.to_entity(room_entity("rooms.corp.example"), PARCEL)
    assert taken == ["sales@rooms.corp.example", "rooms.corp.example"]
    assert router.hand_over(person_entity(ANN), PARCEL) is None
    with capture_logs() as lines:
        assert router.hand_over(EntityId("mailbox:x"), PARCEL) is None
    assert len(lines) == 1


def test_stanzas_go_to_sessions_once_the_door_is_open():
    router, sent = OneNodeRouter(), []
    router.to_session(SessionId("s"), b"dropped")
    router.connect({}, lambda session, stanza: sent.append((session, stanza)))
    router.to_session(SessionId("s"), b"<iq/>")
    assert sent == [("s", b"<iq/>")]


def test_who_is_on_line():
    sessions = OneNodeSessions()
    phone, desk = (SessionRef(SessionId(name), name, None) for name in ("phone", "desk"))
    assert sessions.of(ANN) == ()
    sessions.announce(ANN, phone)
    sessions.announce(ANN, desk)
    sessions.announce(ANN, SessionRef(phone.session, "phone", 5))
    assert [(ref.resource, ref.priority) for ref in sessions.of(ANN)] == [
        ("phone", 5),
        ("desk", None),
    ]
    for name in ("phone", "phone", "desk", "never"):
        sessions.withdraw(ANN, SessionId(name))
    sessions.withdraw("nobody@corp.example", SessionId("phone"))
    assert sessions.of(ANN) == ()
