"""How sessions begin, lose their connection, resume and end."""

from clarion.core.model import Person
from clarion.core.ports import SessionId, SessionRef
from clarion.lib.clock import Alarm
from clarion.lib.ids import ItemId
from clarion.lib.log import get_logger
from clarion.wire.xmpp.acks import Inbound
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, StreamCondition, StreamError
from clarion.wire.xmpp.jid import Jid, make_jid
from clarion.xmpp.arriving import connection_lost, looked_at
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Switchboard
from clarion.xmpp.people import People
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.services import Services
from clarion.xmpp.session import Line, Session
from clarion.xmpp.unheard import refusals

Ends = tuple[ItemId, ItemId]
"""The first and the last item of an archive."""

log = get_logger("xmpp")


class Lifecycle:
    """The sessions of this node."""

    def __init__(self, services: Services, people: People, switchboard: Switchboard) -> None:
        self._services = services
        self._people = people
        self._switchboard = switchboard
        self._contexts: dict[SessionId, Context] = {}
        self._alarms: dict[SessionId, Alarm] = {}

    def __len__(self) -> int:
        return len(self._contexts)

    def session(self, session: SessionId) -> Session | None:
        """Return the session with this id, connected or waiting to be resumed."""
        context = self._contexts.get(session)
        return None if context is None else context.session

    def contexts(self) -> list[Context]:
        """Return the context of every session."""
        return list(self._contexts.values())

    async def begin(
        self, person: Person, resource: str, lang: str, line: Line, client: str = ""
    ) -> Context:
        """Bind a resource (RFC 6120 section 7).

        The older session of the same resource ends with ``<conflict/>``
        (section 7.7.2.2), as do those of the same client (XEP-0386 section
        3.2) and the oldest one of a person who has too many.

        Args:
            person: Who has logged in.
            resource: What the client asks for; ``""`` leaves it to us.
            lang: The stream's ``xml:lang``.
            line: The connection.
            client: The id of the client's installation, or ``""``.

        Raises:
            JidError: The resource has characters that are not allowed.
            UnavailableError: The store cannot say what has reached the person.
            StanzaError: The person was disabled or deleted meanwhile.

        """
        local, _, domain = person.address.partition("@")
        jid = make_jid(local, domain, resource or self._services.token())
        entity = await self._people.enter(person)
        # By number: the address may be another person's since the log-in.
        now = self._services.directory.by_number(person.number)
        if now is None:
            self._people.forget(person)
            raise StanzaError(StanzaCondition.NOT_ALLOWED, "this account has been deleted")
        if now.disabled:
            self._people.leave(entity)
            raise StanzaError(StanzaCondition.NOT_ALLOWED, "this account has been disabled")
        entity.found = None
        entity.person = now  # with the rights of now, not of the log-in
        self._make_room(entity, jid, client)
        session = Session(SessionId(self._services.token()), now, jid, lang)
        session.line = line
        session.client = client
        entity.sessions = {**entity.sessions, session.id: session}
        context = Context(session, entity, self._people, self._services)
        self._contexts[session.id] = context
        self._services.tally.sessions["bound"] += 1
        self._services.sessions.announce(jid.bare, SessionRef(session.id, jid.resource, None))
        return context

    async def begin_reading(
        self, person: Person, resource: str, lang: str, line: Line, client: str
    ) -> tuple[Context, Ends | None]:
        """Bind a resource for a client that reads in the archive what waits (XEP-0386 3.2).

        Returns:
            The context, and what is in the archive; what comes behind that
            the session is sent.

        Raises:
            JidError: As ``begin``, like the others.
            UnavailableError: The store cannot answer.
            StanzaError: The person was disabled or deleted meanwhile.

        """
        entity = await self._people.enter(person)
        if entity.found is not None:  # nobody else is here, and what was read just now tells it
            ends = entity.found.ends
        else:
            await self._services.archive.settled(person.number)
            ends = await self._services.archive.ends(person.number)
        context = await self.begin(person, resource, lang, line, client)
        context.session.fetched_to = None if ends is None else ends[1]
        return context, ends

    def _make_room(self, entity: PersonEntity, jid: Jid, client: str) -> None:
        for session in entity.sessions.values():
            if session.jid.resource == jid.resource or (client and session.client == client):
                self.end(session, StreamError(StreamCondition.CONFLICT, "replaced by a new one"))
        most = self._services.limits.sessions_per_person
        while len(entity.sessions) >= most:
            oldest = next(iter(entity.sessions.values()))
            self.end(oldest, StreamError(StreamCondition.CONFLICT, "too many sessions"))

    def resume(self, person: Person, previous: str, line: Line) -> Context | None:
        """Give a session a new connection (XEP-0198 section 5).

        Returns:
            ``None`` when there is no such session, it is somebody else's, or
            it may not be resumed.

        """
        context = self._resumable(person, previous)
        if context is None:
            return None
        session = context.session
        session.inactive = False
        if session.held is not None:
            # XEP-0352 section 5.2: a resumed stream is active. What was held was never sent,
            # and goes out behind what is sent again.
            connected, session.line = session.line, None
            session.activate()
            session.line = connected
            if session.overflowed:
                return None
        alarm = self._alarms.pop(session.id, None)
        if alarm is not None:
            alarm.cancel()
        self._services.tally.sessions["resumed"] += 1
        old, session.line = session.line, line
        if old is not None:
            old.end(StreamError(StreamCondition.CONFLICT, "resumed on another connection"))
        if session.inbound is not None:
            # The client sends again what this does not count, so what is still
            # under way of it must not be counted when it is done.
            session.inbound = Inbound(session.inbound.handled)
        looked_at(self._services, context.entity)
        return context

    def release(self, person: Person, previous: str) -> None:
        """Take a session that is about to be resumed from the connection that it still has."""
        context = self._resumable(person, previous)
        if context is not None and context.session.line is not None:
            old = context.session.line
            self.lost(context.session, old)
            old.end(StreamError(StreamCondition.CONFLICT, "resumed on another connection"))

    def _resumable(self, person: Person, previous: str) -> Context | None:
        context = self._contexts.get(SessionId(previous))
        if context is None:
            return None
        session = context.session
        if session.person.number != person.number or not session.resumable or session.overflowed:
            return None
        return context

    def lost(self, session: Session, line: Line) -> None:
        """Note that ``line`` broke; a resumable session waits for its client."""
        if session.line is not line:
            return  # it was resumed on another one
        session.line = None
        context = self._contexts.get(session.id)
        if context is not None:
            connection_lost(self._services, context.entity, session)
        if not session.resumable or session.overflowed:
            self.end(session)
            return
        self._alarms[session.id] = self._services.clock.call_later(
            self._services.limits.resume_time, lambda: self.end(session)
        )

    def end(self, session: Session, error: StreamError | None = None) -> None:
        """End a session for good; what it held unacknowledged waits again."""
        context = self._contexts.pop(session.id, None)
        if context is None:
            return
        alarm = self._alarms.pop(session.id, None)
        if alarm is not None:
            alarm.cancel()
        session.ended = True
        tally = self._services.tally
        tally.stanzas_out += session.sent
        tally.deliveries += session.delivered
        line, session.line = session.line, None
        if line is not None:
            line.end(error)
        entity = context.entity
        # A new mapping: this may happen while somebody sends to all sessions of the old one.
        entity.sessions = {k: s for k, s in entity.sessions.items() if k != session.id}
        self._services.sessions.withdraw(session.jid.bare, session.id)
        for closed in self._switchboard.closed:
            work = closed(context)
            if work is not None:
                self._services.crew.errand(work, name=f"end of {session.full}")
        entity.reach.ended(session.id)
        session.moved()
        self._redeliver(context)
        self._refuse_unheard(context)
        self._people.leave(entity)

    def _redeliver(self, context: Context) -> None:
        """Let another session have at once what the ended one never acknowledged."""
        entity = context.entity
        if entity.reach.waiting_above is None:
            return
        takers = [other for other in entity.sessions.values() if other.takes_messages]
        if takers:
            other = next((taker for taker in takers if taker.line is not None), takers[0])
            self._services.crew.errand(entity.deliver_waiting(other), name=f"for {other.full}")

    def _refuse_unheard(self, context: Context) -> None:
        """Answer those who wait for the ended session, or think that it has what they wrote."""
        alone = not any(other.takes_messages for other in context.entity.sessions.values())
        for entity, refusal in refusals(context.session, alone=alone):
            self._services.router.to_entity(entity, refusal)

    def throw_out(self, address: str, error: StreamError) -> None:
        """End every session of a person."""
        entity = self._people.get(address)
        if entity is not None:
            for session in entity.sessions.values():
                log.info("session thrown out", jid=session.full, why=str(error))
                self.end(session, error)
