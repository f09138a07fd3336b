"""All rooms as entities: what comes to their domain, in order for each room (XEP-0045).

A room is in memory while somebody is in it. What comes to one is handled at
once, and in order (``lanes.py``).
"""

from asyncio import Future
from collections.abc import Awaitable, Coroutine
from functools import partial
from inspect import isawaitable
from typing import Any, Final

from clarion.core.archive import room_thread
from clarion.core.events import DepartmentChanged, RoomAffiliated, RoomConfigured, RoomDestroyed
from clarion.core.ports import Parcel
from clarion.core.room_book import RoomBook
from clarion.core.rooms import Affiliated, Affiliation, Room, RoomConfig
from clarion.lib.errors import UnavailableError, UsageError
from clarion.lib.log import get_logger
from clarion.wire.xml import escape
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.caps import INFO_QUERY
from clarion.wire.xmpp.disco_answers import ITEMS_QUERY
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, error_reply, may_answer
from clarion.wire.xmpp.splice import append_child
from clarion.xmpp.refusals import stanza_error
from clarion.xmpp.rooms import entering, hats, passing, talking
from clarion.xmpp.rooms.asked import Asked, Handler
from clarion.xmpp.rooms.disco import service_info, service_items
from clarion.xmpp.rooms.history import HISTORY_LIMIT
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.lanes import Lanes, Work
from clarion.xmpp.rooms.rates import Rates
from clarion.xmpp.rooms.requests import APART, MESSAGES, ROOM
from clarion.xmpp.rooms.room import RoomEntity
from clarion.xmpp.rooms.waking import Waker, Watched
from clarion.xmpp.services import Services

TEMPORARY_GRACE: Final = 3_600.0
"""Seconds after the start for which rooms that end with their last occupant wait for one."""

log = get_logger("xmpp")


class Rooms:
    """Takes every parcel for a room, or for the domain of rooms.

    Args:
        services: The house.
        book: What lasts of all rooms.
        watched: Says who looks at a client.

    """

    def __init__(self, services: Services, book: RoomBook, watched: Watched) -> None:
        self._services = services
        self._book = book
        self._rates = Rates()
        self._waker = Waker(services, watched)
        self._entities: dict[str, RoomEntity] = {}
        self._lanes = Lanes(services.crew, self._handle, self._refuse, self._look_after)
        self._stopping = False
        bus = services.bus
        bus.subscribe(RoomAffiliated, self._affiliated)
        bus.subscribe(RoomConfigured, self._configured)
        bus.subscribe(RoomDestroyed, self._destroyed)
        bus.subscribe(DepartmentChanged, self._department_changed)

    def begin(self) -> None:
        """Begin: temporary rooms of the last life wait for their people, for a while."""
        self._services.clock.call_later(TEMPORARY_GRACE, self._end_deserted)

    @property
    def busy(self) -> int:
        """How many rooms somebody is in."""
        return len(self._entities)

    def entity(self, address: str) -> RoomEntity | None:
        """Return a room that somebody is in."""
        return self._entities.get(address)

    def take(self, address: str, parcel: Parcel) -> Future[Any] | None:
        """Take a stanza; see ``Router.hand_over``.

        Args:
            address: Normalised bare JID of a room, or the domain of rooms.
            parcel: With ``from`` and ``to`` in its bytes.

        """
        return self._lanes.take(address, parcel)

    def shut_down(self) -> None:
        """Send everybody out of every room: the server stops."""
        self._stopping = True
        rooms, self._entities = self._entities, {}
        for address, room in rooms.items():
            # Without its entity nothing ends a room that is temporary: it comes back.
            self._lanes.meanwhile(address, room.shut_down)

    # -- rooms that come and go ------------------------------------------------------------

    def _look_after(self, address: str) -> Coroutine[Any, Any, None] | None:
        """Let go of a room that nobody is in; what is returned ends one that is not to last."""
        ending = self._ending(address)
        return None if ending is None else self._end(ending)

    def _ending(self, address: str) -> RoomEntity | None:
        """Return the room if it is to end now; a lasting one that is empty is let go."""
        room = self._entities.get(address)
        if room is None or len(room.occupants):
            return None
        del self._entities[address]
        lasting = room.room.config.persistent or room.room.department is not None
        return None if lasting and not room.room.locked else room

    async def _end(self, room: RoomEntity) -> None:
        """Destroy a room that was temporary or never set up (sections 10.1.3 and 14.1)."""
        if self._book.get(room.address) is not room.room:
            return
        try:
            await self._book.destroy(room.room)
        except (UnavailableError, UsageError) as error:
            log.warning("a deserted room stays", room=room.address, why=str(error))

    def _end_deserted(self) -> None:
        """End the temporary rooms that nobody came back to after the start."""
        for room in self._book.all():
            temporary = not room.config.persistent and room.department is None
            if temporary and room.address not in self._entities and not self._stopping:
                desert = partial(self._desert, room)
                self._lanes.meanwhile(room.address, desert)

    def _desert(self, room: Room) -> None:
        self._entities.setdefault(room.address, self._enter_memory(room))

    def _refuse(self, parcel: Parcel, error: BaseException) -> None:
        """Tell the sender of a stanza that it is refused."""
        incoming = Incoming(parcel)
        if not may_answer(incoming.stanza):
            return
        refusal = stanza_error(error)
        self._services.tally.refusals[refusal.condition.value] += 1
        sender = incoming.sender
        address = incoming.stanza.attributes.get("to", "")
        room = address.partition("/")[0]
        reply = error_reply(incoming.stanza, refusal, None, sender.full, by=room)
        if parcel.name == "presence":
            # As in all examples of section 7.2; slixmpp knows by it that it is not let in.
            reply = append_child(reply, f"<x xmlns='{muc.MUC}'/>".encode())
        answer = Parcel(parcel.name, "error", address, sender.resource, reply)
        self._services.router.to_entity(self._services.entity(sender.bare), answer)

    # -- who handles what ---------------------------------------------------------------------

    def _handle(self, address: str, parcel: Parcel) -> Work:
        incoming = Incoming(parcel)
        if "@" not in address:
            self._service(incoming, parcel)
            return None
        if parcel.name == "message":
            return self._message(address, incoming)
        if parcel.name == "presence":
            return self._presence(address, incoming)
        return self._iq(address, incoming)

    def _message(self, address: str, incoming: Incoming) -> Work:
        room = self._entities.get(address)
        if incoming.kind == "error":
            if room is not None:
                _bounced(room, incoming)
            return None
        if incoming.kind == "groupchat":
            return talking.groupchat(room or self._known(address), incoming)
        room = room or self._known(address)
        if incoming.nick:
            talking.private(room, incoming)
            return None
        for tag in incoming.stanza.children:
            handler = MESSAGES.get(tag)
            if handler is not None:
                work = handler(room, incoming)
                return None if work is None else _wait(work)
        raise StanzaError(StanzaCondition.BAD_REQUEST, "what is for everybody is of type groupchat")

    def _presence(self, address: str, incoming: Incoming) -> Work:
        room, kind = self._entities.get(address), incoming.kind
        occupant = None if room is None else room.occupants.client(incoming.sender.full)
        if kind == "":
            if room is not None and occupant is not None:
                entering.here(room, occupant, incoming)
                return None
            if muc.ENTRY not in incoming.stanza.children:
                entering.turn_away(self._services, address, incoming)
                return None
            muc.prepare_nick(incoming.nick)
            if room is not None and room.history.loaded:
                entering.enter(room, incoming)
                return None
            return self._enter(address, incoming)
        if room is not None and occupant is not None:
            if kind == "unavailable":
                entering.leave(room, occupant, incoming)
            elif kind == "error":
                entering.bounced(room, occupant, incoming)
        return None

    async def _enter(self, address: str, incoming: Incoming) -> None:
        """Let somebody enter a room that nobody is in, or that there is not yet (10.1)."""
        lasting, created = self._book.get(address), False
        if lasting is None:
            lasting, created = await self._create(address, incoming), True
        room = self._entities.get(address)
        if room is None:
            room = self._entities[address] = self._enter_memory(lasting)
        try:
            if not room.history.loaded:
                await self._load(room)
            entering.enter(room, incoming, created=created)
        except BaseException:
            # Who is not let in ends no room: a temporary one may wait for its people.
            if not len(room.occupants) and not created:
                del self._entities[address]
            raise

    async def _create(self, address: str, incoming: Incoming) -> Room:
        """Make a room for somebody of ours, who owns it (section 10.1.1).

        Raises:
            StanzaError: It is nobody of ours, or they made many lately.

        """
        sender = incoming.sender
        if sender.domain != self._services.domain:
            raise StanzaError(StanzaCondition.NOT_ALLOWED, "only people of this house make rooms")
        self._rates.create(sender.bare, self._services.clock.monotonic())
        owner = Affiliated(sender.bare, Affiliation.OWNER)
        return await self._book.create(address, RoomConfig(), (owner,), locked=True)

    async def _load(self, room: RoomEntity) -> None:
        """Read what was said last in a room."""
        services = self._services
        await services.archive.settled(room.room.owner)
        items = await services.archive.thread_page(room_thread(room.address), HISTORY_LIMIT)
        room.history.fill((item, services.seal.seal(item.id)) for item in items)

    def _iq(self, address: str, incoming: Incoming) -> Work:
        room = self._entities.get(address)
        if incoming.kind in {"result", "error"}:
            if room is not None:
                passing.answered(room, incoming)
            return None
        if len(incoming.stanza.children) != 1:
            raise StanzaError(StanzaCondition.BAD_REQUEST, "a request has exactly one child")
        if incoming.nick:
            answer = passing.request(room or self._known(address), incoming)
            if answer is not None:
                self._go_apart(incoming, self._answer_later(incoming, answer))
            return None
        room = room or self._known(address)
        (tag,) = incoming.stanza.children
        handler = ROOM.get((incoming.kind, tag))
        if handler is not None:
            return self._answer(handler, Asked(room, incoming, incoming.tree[0]))
        handler = APART.get((incoming.kind, tag))
        if handler is None:
            raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, f"a room does not answer {tag}")
        work = self._answer(handler, Asked(room, incoming, incoming.tree[0]))
        if work is not None:
            self._go_apart(incoming, work)
        return None

    def _go_apart(self, incoming: Incoming, work: Coroutine[Any, Any, None]) -> None:
        name = f"query of {incoming.sender.full}"
        self._services.crew.errand(self._apart(incoming, work), name=name)

    def _answer(self, handler: Handler, asked: Asked) -> Coroutine[Any, Any, None] | None:
        payload = handler(asked)
        if isawaitable(payload):
            return self._answer_later(asked.incoming, payload)
        self._reply(asked.incoming, payload)
        return None

    async def _answer_later(self, incoming: Incoming, payload: Awaitable[bytes | None]) -> None:
        self._reply(incoming, await payload)

    async def _apart(self, incoming: Incoming, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender is told
            self._refuse(incoming.parcel, error)

    def _service(self, incoming: Incoming, parcel: Parcel) -> None:
        """Take what is for the domain itself (sections 6.1 to 6.3)."""
        if parcel.name == "presence" or not may_answer(incoming.stanza):
            return
        children = incoming.stanza.children
        tag = children[0] if parcel.name == "iq" and len(children) == 1 else ""
        if incoming.kind == "get" and tag == INFO_QUERY:
            self._reply(incoming, service_info(incoming.tree[0]))
        elif incoming.kind == "get" and tag == ITEMS_QUERY:
            bare = incoming.sender.bare
            self._reply(incoming, service_items(incoming.tree[0], self._book, bare))
        elif incoming.kind == "get" and tag == passing.PING:
            self._reply(incoming, None)
        else:
            raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "nobody here answers that")

    def _reply(self, incoming: Incoming, payload: bytes | None) -> None:
        sender, given = incoming.sender, incoming.stanza.attributes
        passing.reply(self._services, sender.full, given.get("to", ""), incoming.id, payload)

    def _known(self, address: str) -> RoomEntity:
        """Return a room that nobody is in, for the moment of one stanza.

        Raises:
            StanzaError: There is none.

        """
        room = self._book.get(address)
        if room is None:
            raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"there is no room {escape(address)}")
        return self._enter_memory(room)

    def _enter_memory(self, room: Room) -> RoomEntity:
        return RoomEntity(room, self._services, self._book, self._rates, self._waker.said)

    # -- what the book says ---------------------------------------------------------------------

    def _affiliated(self, event: RoomAffiliated) -> None:
        room = self._entities.get(event.room.address)
        if room is not None:
            act = partial(room.affiliated, event.changes, event.by)
            self._lanes.meanwhile(room.address, act)

    def _department_changed(self, event: DepartmentChanged) -> None:
        lasting = self._book.of_department(event.department.number)
        room = None if lasting is None else self._entities.get(lasting.address)
        if room is not None:
            hats.refresh(room)

    def _configured(self, event: RoomConfigured) -> None:
        room = self._entities.get(event.room.address)
        if room is not None:
            self._lanes.meanwhile(room.address, partial(room.configured, event.before))

    def _destroyed(self, event: RoomDestroyed) -> None:
        room = self._entities.get(event.room.address)
        if room is not None and room.room is event.room:
            del self._entities[event.room.address]
            act = partial(room.destroyed, event.reason, event.alternate, event.password)
            self._lanes.meanwhile(room.address, act)


def _bounced(room: RoomEntity, incoming: Incoming) -> None:
    """Take an error for a message of the room's: a client is gone, or a private message failed."""
    occupant = room.occupants.client(incoming.sender.full)
    if occupant is None:
        return
    if incoming.nick and incoming.id:
        talking.bounced_private(room, occupant, incoming)
    entering.bounced(room, occupant, incoming)


async def _wait(work: Awaitable[None]) -> None:
    await work
