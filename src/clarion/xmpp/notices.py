"""Presence on its way: written once, addressed to many (RFC 6121 sections 3 and 4)."""

import re
from typing import Final

from clarion.core.ports import Parcel, person_entity
from clarion.wire.xml import escape
from clarion.xmpp.people import People
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.rosters import RosterBook
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session

_START: Final = re.compile(rb"<[^\s/>]+")


class Notice:
    """A presence stanza without ``to``, cut where ``to`` goes.

    Args:
        raw: Complete but for ``to``.

    """

    __slots__ = ("_end", "_start")

    def __init__(self, raw: bytes) -> None:
        found = _START.match(raw)
        assert found is not None, "a stanza begins with a tag"
        self._start = raw[: found.end()]
        self._end = raw[found.end() :]

    def to(self, address: str) -> bytes:
        """Return the stanza addressed to ``address``."""
        return b"%s to='%s'%s" % (self._start, escape(address).encode(), self._end)


def plain(kind: str, sender: str) -> Notice:
    """Return presence of this type with no content; ``""`` is available."""
    typed = f" type='{kind}'" if kind else ""
    return Notice(f"<presence from='{escape(sender)}'{typed}/>".encode())


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
    if services.directory.person(recipient) is None:
        return
    stanza = plain(kind, sender).to(recipient) if raw is None else raw
    services.router.to_entity(
        person_entity(recipient), Parcel("presence", kind, sender, "", stanza)
    )


def to_person(
    services: Services, people: People, notice: Notice, kind: str, sender: str, address: str
) -> None:
    """Send presence to a bare JID; who has no session here needs none."""
    if people.get(address) is not None:
        services.router.to_entity(
            person_entity(address), Parcel("presence", kind, sender, "", notice.to(address))
        )


def to_watchers(
    services: Services, people: People, book: RosterBook, notice: Notice, kind: str, sender: str
) -> None:
    """Send presence to all contacts that get it (sections 4.2.2, 4.4.2, 4.5.2).

    Costs a look-up per contact, and one splice per contact that is on line.
    """
    for address in book.watchers:
        to_person(services, people, notice, kind, sender, address)


def hide_from(services: Services, people: People, entity: PersonEntity, address: str) -> None:
    """Tell ``address`` that each available session is unavailable (3.2.2, 3.3.3)."""
    for session in entity.available():
        notice = plain("unavailable", session.full)
        to_person(services, people, notice, "unavailable", session.full, address)


def show_to(
    services: Services, people: People, watcher: str, contact: str, sessions: list[Session]
) -> None:
    """Send the current presence of ``contact`` to sessions of ``watcher``.

    This is the probe of section 4.3 between people of one server: the
    contact's roster decides. Where it does not know the watcher, the two
    disagree, and the watcher's side is told (section 4.3.2, rule 1). A contact
    who is not on line is passed over: a client takes everybody it has not
    heard of to be unavailable.
    """
    entity = people.get(contact)
    # The book of everybody who is available is in memory.
    book = services.rosters.cached(contact)
    if entity is None or book is None:
        return
    if watcher not in book.watchers:
        tell(services, "unsubscribed", contact, watcher)
        return
    for shown in entity.available():
        assert shown.presence is not None, "available() says so"
        notice = Notice(shown.presence)
        for session in sessions:
            session.send(notice.to(session.full))
