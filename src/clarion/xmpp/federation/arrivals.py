"""What comes from other domains, handed to people of ours by the same rules as from a session.

The only way in for servers and components. The sender's domain has been proven,
and the recipient is of a domain of ours. Errors go back as stanzas.
"""

from asyncio import Future
from collections.abc import Coroutine
from typing import Any, Final

from clarion.core.archive import Item, pair_thread
from clarion.core.ledger import Act
from clarion.core.model import Person
from clarion.core.ports import ItemRef, Parcel, domain_entity, person_entity, room_entity
from clarion.lib.errors import UnavailableError
from clarion.wire.xml import parse
from clarion.wire.xmpp.errors import (
    StanzaCondition,
    StanzaError,
    error_reply,
    may_answer,
)
from clarion.wire.xmpp.jid import Jid, JidError, parse_jid
from clarion.wire.xmpp.names import BODY, CLIENT, IQ, MESSAGE
from clarion.wire.xmpp.payloads import MARKER, RECEIPT
from clarion.wire.xmpp.splice import append_child
from clarion.wire.xmpp.stamps import ORIGIN_ID, STANZA_ID, stanza_id
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp import keeping
from clarion.xmpp.copies import copied, fleeting
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.federation.callers import Callers
from clarion.xmpp.federation.questions import answer_request
from clarion.xmpp.marks import move_mark_of
from clarion.xmpp.people import People
from clarion.xmpp.pep_notices import greet_afar
from clarion.xmpp.refusals import stanza_error
from clarion.xmpp.routing import MESSAGE_TYPES, without_ids_of
from clarion.xmpp.services import Services

Work = Future[Any] | Coroutine[Any, Any, None] | None
"""``None``: it is done. A future: it is delivered, and safe when that is done."""

_MARKS: Final = ((RECEIPT, Act.DELIVERED), (MARKER, Act.MARKED))


class Arrivals:
    """Takes stanzas of other domains.

    Args:
        services: The house.
        people: Who is on line.
        switchboard: Who answers requests.

    """

    def __init__(self, services: Services, people: People, switchboard: Switchboard) -> None:
        self._services = services
        self._people = people
        self._switchboard = switchboard
        self._callers = Callers(services, people)

    def take(self, stanza: Stanza) -> Work:
        """Take a stanza from a domain that is proven, to one of ours.

        Never raises: what is refused is answered with an error, or dropped
        where that may not be answered.
        """
        self._services.tally.stanzas_in += 1
        try:
            return self._take(stanza)
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender is told
            self.refuse(stanza, stanza_error(error))
            return None

    def refuse(self, stanza: Stanza, error: StanzaError) -> None:
        """Send a stanza's sender an error, if it is one that may be answered."""
        if not may_answer(stanza):
            return
        if stanza.tag not in {MESSAGE, IQ} and stanza.attributes.get("type") != "subscribe":
            return  # nobody waits for the fate of presence
        try:
            sender = parse_jid(stanza.attributes["from"])
        except JidError:
            return  # nobody can have sent it
        self._services.tally.refusals[error.condition.value] += 1
        recipient = stanza.attributes["to"]
        reply = error_reply(stanza, error)
        name = stanza.tag.rpartition("}")[2]
        parcel = Parcel(name, "error", recipient, sender.resource, reply)
        self._services.router.to_entity(domain_entity(sender.domain), parcel)

    def _take(self, stanza: Stanza) -> Work:
        sender = parse_jid(stanza.attributes["from"])
        recipient = parse_jid(stanza.attributes["to"])
        services = self._services
        if recipient.domain == services.rooms_domain:
            return self._to_room(stanza, sender, recipient)
        if recipient.domain != services.domain:
            self._pass_on(stanza, sender, recipient)
            return None
        if stanza.tag == MESSAGE:
            return self._message(stanza, sender, recipient)
        if stanza.tag == IQ:
            return self._iq(stanza, sender, recipient)
        return self._callers.take(stanza, sender, recipient)

    def _pass_on(self, stanza: Stanza, sender: Jid, recipient: Jid) -> None:
        """Hand on what is for another part of this server, or from a component for a server."""
        name = stanza.tag.rpartition("}")[2]
        kind = stanza.attributes.get("type", "")
        parcel = Parcel(name, kind, sender.full, recipient.resource, stanza.raw)
        self._services.router.to_entity(self._services.entity(recipient.bare), parcel)

    def _to_room(self, stanza: Stanza, sender: Jid, recipient: Jid) -> Future[Any] | None:
        """Hand a stanza to a room, which judges for itself (XEP-0045); it answers as a room does.

        Raises:
            StanzaError: It is a request that nobody could answer.

        """
        name = stanza.tag.rpartition("}")[2]
        kind = stanza.attributes.get("type", "")
        if stanza.tag == MESSAGE and kind not in MESSAGE_TYPES:
            kind = "normal"
        if stanza.tag == IQ and (
            kind not in {"get", "set", "result", "error"} or not stanza.attributes.get("id")
        ):
            raise StanzaError(StanzaCondition.BAD_REQUEST, "an iq has a type and an id")
        parcel = Parcel(name, kind, sender.full, recipient.resource, stanza.raw)
        kept = self._services.router.hand_over(room_entity(recipient.bare), parcel)
        if kept is not None:
            kept.add_done_callback(lambda done: self._kept(stanza, done))
        return kept

    # -- messages (RFC 6121 section 8.5) -------------------------------------------------

    def _message(self, stanza: Stanza, sender: Jid, recipient: Jid) -> Work:
        kind = stanza.attributes.get("type", "normal")
        if kind not in MESSAGE_TYPES:
            kind = "normal"
        person = self._person(sender, recipient)
        if not self._deliverable(recipient, kind):
            return None
        services = self._services
        if STANZA_ID in stanza.children:
            stanza = without_ids_of({recipient.bare, services.domain}, stanza)
        read = kind in {"chat", "normal"}
        kept = None
        if read and keeping.worth_keeping(stanza):
            kept = self._keep(stanza, sender, recipient, person, kind)
        elif read and BODY in stanza.children and not self._heard(recipient):
            raise StanzaError(
                StanzaCondition.SERVICE_UNAVAILABLE,
                f"{recipient.bare} is not on line, and the message is not to be kept",
            )
        else:
            self._deliver(stanza, sender, recipient, kind, stanza.raw, None)
        marks = self._marks(stanza, sender, recipient) if read else None
        return kept if marks is None else self._finish(stanza, kept, marks)

    async def _finish(
        self, stanza: Stanza, kept: Future[Any] | None, marks: Coroutine[Any, Any, None]
    ) -> None:
        try:
            await marks
            if kept is not None:
                await kept
        except UnavailableError as error:
            self.refuse(stanza, stanza_error(error))

    def _marks(
        self, stanza: Stanza, sender: Jid, recipient: Jid
    ) -> Coroutine[Any, Any, None] | None:
        """Move the sender's marks: what they have received or read of the recipient's."""
        waits = []
        for tag, act in _MARKS:
            message_id = stanza.child_attribute(tag, "id")
            if message_id:
                wait = move_mark_of(
                    self._services, self._people, sender.bare, recipient.bare, message_id, act
                )
                if wait is not None:
                    waits.append(wait)

        async def all_of_them() -> None:
            for wait in waits:
                await wait

        return all_of_them() if waits else None

    def _person(self, sender: Jid, recipient: Jid) -> Person:
        services = self._services
        person = services.directory.person(recipient.bare)
        blocked = services.blocking.of(recipient.bare) if services.blocking.lists else None
        if person is None or person.disabled or (blocked is not None and blocked.blocks(sender)):
            # XEP-0191 section 3.3: who is blocked sees the same as where there is nobody.
            raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "there is nobody here")
        return person

    def _deliverable(self, recipient: Jid, kind: str) -> bool:
        """Apply sections 8.5.2 and 8.5.3; ``False``: drop without a word.

        Raises:
            StanzaError: The sender must be told.

        """
        if not recipient.resource:
            if kind == "groupchat":
                raise StanzaError(
                    StanzaCondition.SERVICE_UNAVAILABLE, "this is a person, not a room"
                )
            return kind != "error"
        refs = self._services.sessions.of(recipient.bare)
        if any(ref.resource == recipient.resource for ref in refs) or kind == "chat":
            return True
        if kind in {"headline", "error"}:
            return False
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "nobody is there")

    def _heard(self, recipient: Jid) -> bool:
        return any(
            ref.resource == recipient.resource or (ref.priority is not None and ref.priority >= 0)
            for ref in self._services.sessions.of(recipient.bare)
        )

    def _keep(
        self, stanza: Stanza, sender: Jid, recipient: Jid, person: Person, kind: str
    ) -> Future[Any]:
        services = self._services
        thread = pair_thread(sender.bare, recipient.bare)
        countable = keeping.countable(stanza)
        item = Item(
            services.mint.item(),
            thread,
            sender.full,
            recipient.full,
            stanza.attributes.get("id", ""),
            stanza.child_attribute(ORIGIN_ID, "id"),
            stanza.raw,
            countable,
        )
        kept, shown = keeping.keep_arrived(services, stanza, item, person)
        kept.add_done_callback(lambda done: self._kept(stanza, done))
        raw = stanza.raw
        if shown:
            raw = append_child(raw, stanza_id(recipient.bare, services.seal.seal(item.id)))
        ref = ItemRef(item.id, thread if countable else None)
        self._deliver(stanza, sender, recipient, kind, raw, ref)
        return kept

    def _kept(self, stanza: Stanza, done: Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self.refuse(stanza, stanza_error(error))

    def _deliver(
        self,
        stanza: Stanza,
        sender: Jid,
        recipient: Jid,
        kind: str,
        raw: bytes,
        ref: ItemRef | None,
    ) -> None:
        copy = stanza.attributes.get("id", "") if copied(stanza, kind) else None
        passing = ref is None and fleeting(stanza, kind)
        parcel = Parcel("message", kind, sender.full, recipient.resource, raw, ref, copy, passing)
        self._services.router.to_entity(person_entity(recipient.bare), parcel)

    # -- iq ---------------------------------------------------------------------------------

    def _iq(self, stanza: Stanza, sender: Jid, recipient: Jid) -> Work:
        kind = stanza.attributes.get("type", "")
        if kind in {"result", "error"}:
            if self._answers_us(stanza, sender):
                return None
            if recipient.resource:
                self._hand(stanza, sender, recipient, kind)
            return None
        if kind not in {"get", "set"} or not stanza.attributes.get("id"):
            raise StanzaError(StanzaCondition.BAD_REQUEST, "an iq has a type and an id")
        if len(stanza.children) != 1:
            raise StanzaError(StanzaCondition.BAD_REQUEST, "a request has exactly one child")
        if recipient.local:
            self._person(sender, recipient)
        return self._ask(stanza, sender, recipient, kind)

    def _answers_us(self, stanza: Stanza, sender: Jid) -> bool:
        """Take what a client there can do, or what a push service says; ``False``: neither."""
        services = self._services
        if services.pusher is not None and services.pusher.take_answer(sender.full, stanza):
            return True
        if services.afar is None or not services.afar.expects(
            sender, stanza.attributes.get("id", "")
        ):
            return False
        payload = None
        if stanza.attributes.get("type") == "result" and len(stanza.children) == 1:
            payload = parse(stanza.raw, CLIENT)[0]
        greet_afar(services, services.afar.answered(sender, stanza, payload))
        return True

    async def _ask(self, stanza: Stanza, sender: Jid, recipient: Jid, kind: str) -> None:
        services = self._services
        try:
            answer = await answer_request(
                services, self._people, self._switchboard, stanza, sender, recipient
            )
            if answer is None:
                self._hand(stanza, sender, recipient, kind)
                return
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender is told
            self.refuse(stanza, stanza_error(error))
            return
        parcel = Parcel("iq", "result", recipient.full, sender.resource, answer)
        services.router.to_entity(domain_entity(sender.domain), parcel)

    def _hand(self, stanza: Stanza, sender: Jid, recipient: Jid, kind: str) -> None:
        """Hand an iq to the session that its full JID names."""
        refs = self._services.sessions.of(recipient.bare)
        if not any(ref.resource == recipient.resource for ref in refs):
            self.refuse(stanza, StanzaError(StanzaCondition.SERVICE_UNAVAILABLE))
            return
        parcel = Parcel("iq", kind, sender.full, recipient.resource, stanza.raw)
        self._services.router.to_entity(person_entity(recipient.bare), parcel)
