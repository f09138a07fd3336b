"""One room while somebody is in it: who they are, what they may do, and telling everybody.

What lasts of it is a ``core.rooms.Room``, which ``RoomBook`` alone changes.
Whoever changes what lasts (affiliations, configuration, the room's end) asks
the book; the book's events come back here, and what they mean for those who
are in the room happens here, in one place.
"""

import hmac
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from clarion.core.ports import ItemRef
from clarion.core.room_book import RoomBook
from clarion.core.rooms import Affiliated, Affiliation, Role, Room, RoomConfig, Whom
from clarion.lib.limits import Allowance
from clarion.wire.xml import escape
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.parts import Parts, Sheet
from clarion.xmpp.rooms.announcing import GONE, News, client_shown
from clarion.xmpp.rooms.history import History
from clarion.xmpp.rooms.incoming import Incoming
from clarion.xmpp.rooms.occupants import Client, Occupant, Occupants, send
from clarion.xmpp.rooms.rates import Rates
from clarion.xmpp.rooms.relay import Relayed
from clarion.xmpp.services import Services

OCCUPANT_ID: Final = "urn:xmpp:occupant-id:0"
"""The namespace of occupant ids (XEP-0421)."""
DELIVERIES_RATE: Final = 30_000.0
"""LIMIT: stanzas a second that one room sends on behalf of those who talk or change presence."""
DELIVERIES_BURST: Final = 150_000.0
"""LIMIT: the same at once: 300 people hear 500 messages."""

_STATUS: Final = Parts(b"<message", b" type='groupchat'", b"")


class RoomEntity:
    """A room and who is in it.

    Args:
        room: What lasts of it.
        services: The house.
        book: Keeps what lasts.
        rates: How much each person may do in all rooms.
        wake: Told of what was said and kept: the room, the occupant JID, the message.

    Attributes:
        room: See ``Args``; always as it is now.
        occupants: Everybody in it.
        history: What was said last.
        relayed: Requests from one occupant to another that are not answered.
        wakeable: What ``waking.py`` knows of who is to be woken; ``None``: nothing.

    """

    def __init__(
        self,
        room: Room,
        services: Services,
        book: RoomBook,
        rates: Rates,
        wake: "Callable[[RoomEntity, str, Incoming], None]",
    ) -> None:
        self.room = room
        self.services = services
        self.book = book
        self.occupants = Occupants()
        self.history = History(room.address)
        self.relayed = Relayed(services.token)
        self.wake = wake
        self.wakeable: tuple[int, tuple[str, ...]] | None = None
        self._rates = rates
        self._allowance = Allowance(DELIVERIES_RATE, DELIVERIES_BURST)

    @property
    def address(self) -> str:
        """Its bare JID."""
        return self.room.address

    def default_role(self, affiliation: Affiliation) -> Role:
        """Return what somebody may do who enters with this affiliation (section 5.1.2)."""
        if affiliation >= Affiliation.ADMIN:
            return Role.MODERATOR
        if affiliation is Affiliation.MEMBER or not self.room.config.moderated:
            return Role.PARTICIPANT
        return Role.VISITOR

    def is_closed_to(self, bare: str) -> bool:
        """Whether only members enter and read, as far as somebody with this bare JID goes.

        People of other domains are let into public rooms alone: one that is not
        listed was made among people of the house, and its name can be guessed.
        """
        config = self.room.config
        outside = bare.rpartition("@")[2] != self.services.domain
        return config.members_only or (outside and not config.public)

    def sees_jids(self, occupant: Occupant) -> bool:
        """Whether an occupant is shown who the others are (section 15.5.3: whois)."""
        return occupant.role is Role.MODERATOR or self.room.config.whois is Whom.ANYONE

    def mark(self, bare: str) -> bytes:
        """Return the ``<occupant-id/>`` of a person in this room (XEP-0421 section 4).

        The same each time they enter, another one in each room, and no way
        back: a keyed hash of the room's number, which no other room ever has.
        """
        text = f"{self.room.number}\0{bare}".encode()
        name = hmac.digest(self.services.occupant_key, text, "sha256").hex()
        return f"<occupant-id xmlns='{OCCUPANT_ID}' id='{name}'/>".encode()

    def spend(self, bare: str) -> None:
        """Count a stanza of somebody's that everybody is to be sent.

        Raises:
            StanzaError: This person has said too much lately, or all together have.

        """
        self.spend_alone(bare)
        now = self.services.clock.monotonic()
        if not self._allowance.take(len(self.occupants), now):
            raise StanzaError(
                StanzaCondition.RESOURCE_CONSTRAINT,
                "too much is said in this room just now; say it again in a moment",
            )

    def spend_alone(self, bare: str) -> None:
        """Count a stanza of somebody's that nobody else is sent.

        Raises:
            StanzaError: This person has said too much lately.

        """
        self._rates.spend(bare, self.services.clock.monotonic())

    # -- telling ------------------------------------------------------------------------

    def sheet(self, occupant: Occupant, *, jid: bool) -> Sheet:
        """Return an occupant's presence as others get it.

        Args:
            occupant: Whose.
            jid: With the real JID.

        """
        found = occupant.sheets.get(jid)
        if found is None:
            news = News(occupant.shown, occupant.affiliation, occupant.role)
            real = client_shown(occupant).full if jid else ""
            found = occupant.sheets[jid] = news.sheet(occupant, real, own=False)
        return found

    def present(self, occupant: Occupant, codes: Iterable[int] = ()) -> News:
        """Return what an occupant is now, as news for everybody."""
        return News(occupant.shown, occupant.affiliation, occupant.role, tuple(codes))

    def tell(
        self, occupant: Occupant, news: News, real: str = "", but: Client | None = None
    ) -> None:
        """Tell everybody who may know, the occupant's own clients last (section 7.2.2).

        Args:
            occupant: Whom it is about.
            news: What is new.
            real: The full JID that stands for them; ``""``: as ``client_shown``.
            but: Not this client.

        """
        real = real or client_shown(occupant).full
        kind, sender, services = news.kind, occupant.jid, self.services
        sheets: dict[bool, Sheet] = {}
        plain = not (news.codes or news.nick or news.actor or news.reason or news.children)
        for other in self.occupants:
            if other is occupant or not self.hears(other, occupant):
                continue
            sees = self.sees_jids(other)
            sheet = sheets.get(sees)
            if sheet is None:
                if plain and not kind:
                    sheet = self.sheet(occupant, jid=sees)
                else:
                    sheet = news.sheet(occupant, real if sees else "", own=False)
                sheets[sees] = sheet
            for client in tuple(other.clients.values()):
                send(services, client, "presence", kind, sender, sheet)
        own = news.sheet(occupant, real if self.sees_jids(occupant) else "", own=True)
        for client in tuple(occupant.clients.values()):
            if client is not but:
                send(services, client, "presence", kind, sender, own)

    def tell_own(
        self, occupant: Occupant, client: Client, news: News, more: Sequence[int], answers: str
    ) -> None:
        """Tell one client of an occupant what is new about them.

        Args:
            occupant: Whom it is about.
            client: One of theirs.
            news: What is new.
            more: Status codes for this client alone.
            answers: The ``id`` of the presence that this answers, or ``""``.

        """
        jid = client.full if self.sees_jids(occupant) else ""
        sheet = news.sheet(occupant, jid, own=True, more=more, answers=answers)
        send(self.services, client, "presence", news.kind, occupant.jid, sheet)

    def hears(self, listener: Occupant, occupant: Occupant) -> bool:
        """Whether presence of ``occupant`` is broadcast to ``listener`` (presencebroadcast)."""
        return occupant.role in self.room.config.presence or listener.role is Role.MODERATOR

    def say(self, sheet: Sheet, sender: str, item: ItemRef | None = None) -> None:
        """Send a message to everybody; ``item``: which of the archive it is, if people read it."""
        services = self.services
        for occupant in self.occupants:
            for client in tuple(occupant.clients.values()):
                send(services, client, "message", "groupchat", sender, sheet, item)

    def say_codes(self, *codes: int) -> None:
        """Tell everybody that something about the room has changed (section 10.2.1)."""
        sheet = _STATUS.sheet(escape(self.address).encode(), muc.user_x(codes=codes))
        self.say(sheet, self.address)

    # -- people who go, or whose standing changes ---------------------------------------

    def remove(self, occupant: Occupant, news: News) -> None:
        """Take an occupant out with all clients, and tell everybody."""
        self.tell(occupant, news)
        for client in tuple(occupant.clients.values()):
            self.occupants.drop(client)
        occupant.role = Role.NONE

    def set_role(
        self, occupant: Occupant, role: Role, *, actor: str = "", reason: str = ""
    ) -> None:
        """Change what an occupant may do; ``NONE`` kicks (sections 8.2 to 8.4, 9.6, 9.7).

        Args:
            occupant: Whom.
            role: The new one; whether it may be given was looked at before.
            actor: The nickname of who does it.
            reason: Why.

        """
        if role is Role.NONE:
            code = (muc.Status.KICKED,)
            standing = occupant.affiliation
            news = News(GONE, standing, Role.NONE, code, actor=actor, reason=reason)
            self.remove(occupant, news)
            return
        occupant.stand(occupant.affiliation, role)
        news = News(occupant.shown, occupant.affiliation, role, actor=actor, reason=reason)
        self.tell(occupant, news)

    def affiliated(self, changes: Iterable[Affiliated], by: str) -> None:
        """Let affiliations that have changed take effect (section 9; called by the book's event).

        Args:
            changes: What has changed; a domain stands for everybody of it.
            by: Bare JID of who did it.

        """
        self.wakeable = None
        actor = next((one.nick for one in self.occupants.person(by)), "") if by else ""
        for change in changes:
            for occupant in self._concerned(change.jid):
                self._restand(occupant, change.reason, actor)

    def _concerned(self, jid: str) -> Sequence[Occupant]:
        if "@" in jid:
            return self.occupants.person(jid)
        return [one for one in self.occupants if one.bare.rpartition("@")[2] == jid]

    def _restand(self, occupant: Occupant, reason: str, actor: str) -> None:
        now, before = self.room.affiliation(occupant.bare), occupant.affiliation
        if now is before:
            return
        code = 0
        if now is Affiliation.OUTCAST:
            code = muc.Status.BANNED
        elif self.room.config.members_only and now < Affiliation.MEMBER:
            code = muc.Status.AFFILIATION_LOST
        if code:
            news = News(GONE, now, Role.NONE, (code,), actor=actor, reason=reason)
            self.remove(occupant, news)
            return
        role = occupant.role
        if now >= Affiliation.ADMIN or before >= Affiliation.ADMIN:
            role = self.default_role(now)
        elif now is Affiliation.MEMBER:
            role = max(role, Role.PARTICIPANT)
        occupant.stand(now, role)
        self.tell(occupant, News(occupant.shown, now, role, actor=actor, reason=reason))

    def configured(self, before: RoomConfig) -> None:
        """Let a new configuration take effect (section 10.2.1; called by the book's event)."""
        now = self.room.config
        if now == before:
            return  # it was unlocked as it is
        for occupant in self.occupants:
            occupant.sheets.clear()
        if now.members_only and not before.members_only:
            for occupant in self.occupants:
                if occupant.affiliation < Affiliation.MEMBER:
                    code = (muc.Status.MEMBERS_ONLY,)
                    news = News(GONE, occupant.affiliation, Role.NONE, code)
                    self.remove(occupant, news)
        codes = []
        if now.whois is not before.whois:
            everybody = now.whois is Whom.ANYONE
            codes.append(
                muc.Status.NOW_NON_ANONYMOUS if everybody else muc.Status.NOW_SEMI_ANONYMOUS
            )
        if now.archived is not before.archived:
            codes.append(muc.Status.LOGGED if now.archived else muc.Status.NOT_LOGGED)
        self.say_codes(*(codes or (muc.Status.CONFIGURATION_CHANGED,)))

    def destroyed(self, reason: str, alternate: str, password: str = "") -> None:
        """Send everybody away: the room is no more (section 10.9; called by the book's event)."""
        child = muc.destroyed(alternate, reason, password)
        for occupant in self.occupants:
            news = News(GONE, Affiliation.NONE, Role.NONE, children=(child,))
            self._dismiss(occupant, news)

    def shut_down(self) -> None:
        """Send everybody away: the server stops (code 332)."""
        for occupant in self.occupants:
            code = (muc.Status.SHUTDOWN,)
            self._dismiss(occupant, News(GONE, occupant.affiliation, Role.NONE, code))

    def _dismiss(self, occupant: Occupant, news: News) -> None:
        """Take an occupant out and tell nobody else: all go."""
        for client in tuple(occupant.clients.values()):
            self.tell_own(occupant, client, news, (), "")
            self.occupants.drop(client)
        occupant.role = Role.NONE


def not_here() -> StanzaError:
    """Return what those are told who are not in the room (section 7.4, XEP-0410 section 3)."""
    return StanzaError(
        StanzaCondition.NOT_ACCEPTABLE, "you are not in this room", kind=ErrorType.CANCEL
    )
