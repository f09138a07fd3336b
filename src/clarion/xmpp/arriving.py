"""Messages that arrive for a person, and the notification where nobody looks (XEP-0357).

A message that people read is told to a person's push services when no session
took it, or when all that did are inactive (XEP-0352) or without a connection
(XEP-0198): also when the connection breaks before the client has confirmed it.
"""

from collections.abc import Collection
from typing import Final

from clarion.core.ports import ItemRef, Parcel
from clarion.lib.ids import ItemId
from clarion.wire.xmpp.splice import dissect
from clarion.xmpp.people import People
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.push_decision import Occasion
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session

_CALL: Final = b"urn:xmpp:jingle-message:0"  # XEP-0353: somebody's telephone is to ring
_PROPOSE: Final = b"<propose"


def take_message(
    services: Services, entity: PersonEntity | None, address: str, parcel: Parcel
) -> None:
    """Hand a message to the person's entity, and see to it that somebody notices.

    Args:
        services: The house.
        entity: The person's; ``None``: there are no sessions.
        address: The person's.
        parcel: The message; what is kept of it is on its way to the store.
            Who is told of one that was said in a room, the room knows
            (``rooms/waking.py``).

    """
    if entity is not None:
        entity.take_message(parcel)
    pusher, ref = services.pusher, parcel.item
    if pusher is None or not pusher.devices.any or ref is None or ref.thread is None or ref.room:
        return
    person = services.directory.person(address)
    sender = parcel.sender.partition("/")[0]
    if person is None or sender == address or not pusher.devices.of(person.number):
        return
    occasion = Occasion(_looked_at(entity, ref.item), important=_calls(parcel.stanza))
    pusher.tell(person.number, occasion, sender, parcel.stanza)


def take_own(services: Services, parcel: Parcel) -> None:
    """Take what comes back to the server itself: a push service was not reached.

    What other servers answer themselves comes through ``federation/arrivals.py``.
    """
    if services.pusher is not None and parcel.name == "iq" and parcel.kind == "error":
        services.pusher.take_answer(parcel.sender, dissect(parcel.stanza)[0])


def connection_lost(services: Services, entity: PersonEntity, session: Session) -> None:
    """Tell of what a client was sent and has not confirmed when its connection broke."""
    pusher = services.pusher
    if pusher is None or not pusher.devices.of(entity.person.number):
        return
    sent = _unconfirmed(entity, session)
    if not sent:
        return
    stanza, newest = sent[-1]
    pusher.tell(
        entity.person.number,
        Occasion(_looked_at(entity, newest.item)),
        message=stanza,
        count=len(sent),
    )


def looked_at(services: Services, entity: PersonEntity) -> None:
    """Note that somebody looks at a client of the person's."""
    if services.pusher is not None:
        services.pusher.seen(entity.person.number)


def watched(people: People, address: str, resources: Collection[str]) -> str:
    """Return which of these clients of somebody's is looked at; ``""``: none."""
    entity = people.get(address)
    for resource in resources:
        session = None if entity is None else entity.with_resource(resource)
        if session is not None and session.line is not None and not session.inactive:
            return resource
    return ""


def _looked_at(entity: PersonEntity | None, item: ItemId) -> str:
    """Return the resource of a client that has the item, or gets it, and is looked at."""
    if entity is None:
        return ""
    holders = entity.reach.holders(item)
    for session in entity.sessions.values():
        if session.line is None or session.inactive:
            continue
        if session.id in holders or (session.catching_up is not None and session.takes_messages):
            return session.jid.resource
    return ""


def _unconfirmed(entity: PersonEntity, session: Session) -> list[tuple[bytes, ItemRef]]:
    """Return what people would read of what is out to a client, and nobody else confirmed."""
    sent: list[tuple[bytes, ItemRef]] = [(b"", ref) for ref in session.unproven]
    if session.outbound is not None:
        pairs = session.outbound.tokened()
        sent += [(stanza, token) for stanza, token in pairs if isinstance(token, ItemRef)]
    reach = entity.reach
    return [
        (stanza, ref)
        for stanza, ref in sent
        if ref.thread is not None and not reach.has_received(ref.item)
    ]


def _calls(stanza: bytes) -> bool:
    return _PROPOSE in stanza and _CALL in stanza
