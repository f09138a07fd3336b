"""Presence on its way: written once, addressed to many (RFC 6121 sections 3 and 4)."""

import re
from typing import Final

from clarion.core.ports import Parcel, person_entity
from clarion.wire.xml import escape
from clarion.wire.xmpp.jid import parse_jid
from clarion.xmpp.people import People
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.roster_book import RosterBook
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session

_START: Final = re.compile(rb"<[^\s/>]+")


class Notice:
    """A presence stanza without ``to``, cut where ``to`` goes; a ``Pattern``.

    Args:
        kind: Its type; ``""`` is available.
        sender: The full or bare JID it comes from.
        raw: Complete but for ``to``.

    """

    __slots__ = ("_cut", "_raw", "kind", "sender")

    def __init__(self, kind: str, sender: str, raw: bytes) -> None:
        found = _START.match(raw)
        assert found is not None, "a stanza begins with a tag"
        self.kind = kind
        self.sender = sender
        self._raw = raw
        self._cut = found.end()

    def __len__(self) -> int:
        """Return its bytes without ``to``."""
        return len(self._raw)

    def says(self, raw: bytes | None) -> bool:
        """Whether it was made of these bytes."""
        return self._raw is raw

    def to(self, address: str) -> bytes:
        """Return the stanza addressed to ``address``."""
        raw, cut = self._raw, self._cut
        return b"%s to='%s'%s" % (raw[:cut], escape(address).encode(), raw[cut:])

    def parcel(self, address: str, resource: str = "") -> Parcel:
        """Return it as a parcel for the entity of ``address``."""
        recipient = f"{address}/{resource}" if resource else address
        stanza = self.to(recipient)
        return Parcel("presence", self.kind, self.sender, resource, stanza, pattern=self)


def plain(kind: str, sender: str) -> Notice:
    """Return presence of this type with no content; ``""`` is available."""
    typed = f" type='{kind}'" if kind else ""
    return Notice(kind, sender, f"<presence from='{escape(sender)}'{typed}/>".encode())


def shown(session: Session) -> Notice:
    """Return the presence that an available session broadcast last: one notice for everybody."""
    notice = session.shown
    if not isinstance(notice, Notice) or not notice.says(session.presence):
        assert session.presence is not None, "only available sessions are shown"
        notice = session.shown = Notice("", session.full, session.presence)
    return notice


def tell(
    services: Services, kind: str, sender: str, recipient: str, raw: bytes | None = None
) -> None:
    """Send a subscription stanza from one bare JID to another.

    What is for nobody here is dropped without a word (section 8.5.1).

    Args:
        services: Has the router.
        kind: Its type.
        sender: Bare JID.
        recipient: Bare JID.
        raw: The stanza with ``from`` and ``to``; an empty one where there is none.

    """
    if services.directory.person(recipient) is None and not services.is_outside(recipient):
        return
    stanza = plain(kind, sender).to(recipient) if raw is None else raw
    parcel = Parcel("presence", kind, sender, "", stanza)
    services.router.to_entity(services.entity(recipient), parcel)


def to_person(services: Services, people: People, notice: Notice, address: str) -> None:
    """Send presence to a bare JID; of our people, who has no session here needs none."""
    if people.get(address) is not None:
        services.router.to_entity(person_entity(address), notice.parcel(address))
    elif services.outside is not None and services.is_outside(address):
        blocked = services.blocking.between(parse_jid(notice.sender), parse_jid(address))
        if not blocked:
            services.router.to_entity(services.entity(address), notice.parcel(address))


def to_watchers(services: Services, people: People, book: RosterBook, notice: Notice) -> None:
    """Send presence to all contacts that get it (sections 4.2.2, 4.4.2, 4.5.2).

    Costs a look-up per contact, and one splice per contact that is on line.
    """
    for address in book.watchers:
        to_person(services, people, notice, address)


def hide_from(services: Services, people: People, entity: PersonEntity, address: str) -> None:
    """Tell ``address`` that each available session is unavailable (3.2.2, 3.3.3)."""
    for session in entity.available():
        to_person(services, people, plain("unavailable", session.full), address)


def show_to(
    services: Services, people: People, watcher: str, contact: str, sessions: list[Session]
) -> bool:
    """Send the current presence of ``contact`` to sessions of ``watcher``.

    This is the probe of section 4.3 between people of one server: the
    contact's roster decides. A contact who is not on line is passed over: a
    client takes everybody it has not heard of to be unavailable.

    Returns:
        ``False`` when the contact's roster does not let the watcher see it.

    """
    entity = people.get(contact)
    available = () if entity is None else entity.available()
    if not available:
        return True
    blocking = services.blocking
    if blocking.lists and blocking.between(parse_jid(watcher), parse_jid(contact)):
        return True
    # The book of everybody who is available is in memory.
    book = services.rosters.cached(contact)
    if book is None:
        return True
    if watcher not in book.watchers:
        return False
    for other in available:
        notice = shown(other)
        for session in sessions:
            session.send(notice.to(session.full), None, notice)
    return True
