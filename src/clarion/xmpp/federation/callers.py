"""Presence from other domains: subscriptions, probes, who is there (RFC 6121 sections 3 and 4)."""

from collections.abc import Coroutine
from typing import Any, Final

from clarion.core.ports import Parcel, domain_entity, person_entity
from clarion.lib.errors import UnavailableError
from clarion.lib.log import get_logger
from clarion.wire.xmpp.jid import Jid
from clarion.wire.xmpp.splice import readdress
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.ext.subscriptions import REQUEST_LIMIT_BYTES
from clarion.xmpp.ext.subscriptions import take as take_subscription
from clarion.xmpp.notices import Notice, plain, shown
from clarion.xmpp.people import People
from clarion.xmpp.pep_notices import greet_afar
from clarion.xmpp.services import Services
from clarion.xmpp.subscription_states import KINDS

ENDINGS: Final = frozenset({"unsubscribe", "unsubscribed"})
_HANDED: Final = frozenset({"", "unavailable", "error"})

log = get_logger("federation")


class Callers:
    """Takes presence.

    Args:
        services: The house.
        people: Who is on line.

    """

    def __init__(self, services: Services, people: People) -> None:
        self._services = services
        self._people = people

    def take(self, stanza: Stanza, sender: Jid, recipient: Jid) -> Coroutine[Any, Any, None] | None:
        """Take presence for a person; what is for nobody is dropped without a word (8.5.1).

        Returns:
            What must be done before the presence behind it may be taken, or
            that would overtake the subscription which lets it be seen.

        """
        kind = stanza.attributes.get("type", "")
        services = self._services
        person = services.directory.person(recipient.bare)
        if person is None or person.disabled:
            return None
        if kind in KINDS:
            if len(stanza.raw) > REQUEST_LIMIT_BYTES:
                return None
            return self._subscription(stanza, kind, sender, recipient)
        if kind == "probe":
            return self._probed(sender, recipient)
        if kind in _HANDED:
            self._note_client(stanza, kind, sender, recipient)
            parcel = Parcel("presence", kind, sender.full, recipient.resource, stanza.raw)
            services.router.to_entity(person_entity(recipient.bare), parcel)
        return None

    def _note_client(self, stanza: Stanza, kind: str, sender: Jid, recipient: Jid) -> None:
        """Take note of what a client of a contact wants to hear of (XEP-0163 section 4)."""
        services = self._services
        if services.afar is None or not sender.local:
            return
        if kind:
            services.afar.gone(sender)
            return
        book = services.rosters.cached(recipient.bare)
        known = sender.resource and book is not None and sender.bare in book.watched
        if known and not services.blocking.between(sender, recipient):
            greet_afar(services, services.afar.heard(sender, recipient.bare, stanza))

    async def _subscription(self, stanza: Stanza, kind: str, sender: Jid, recipient: Jid) -> None:
        raw = readdress(stanza, sender=sender.bare, recipient=recipient.bare)
        if self._services.blocking.between(sender, recipient):
            if kind not in ENDINGS:
                return
            raw = b""  # the rosters of both go on agreeing; no client is sent the stanza
        parcel = Parcel("presence", kind, sender.bare, "", raw)
        await take_subscription(self._services, self._people, parcel, recipient.bare)

    async def _probed(self, sender: Jid, recipient: Jid) -> None:
        """Answer as the person's roster allows (section 4.3.2)."""
        services, contact = self._services, recipient.bare
        person = services.directory.person(contact)
        if person is None or services.blocking.between(sender, recipient):
            return
        try:
            book = await services.rosters.book(person)
        except UnavailableError as error:
            log.warning("a probe was not answered", of=contact, why=str(error))
            return
        entity = self._people.get(contact)
        sessions = [] if entity is None else list(entity.sessions.values())
        if recipient.resource:
            sessions = [one for one in sessions if one.jid.resource == recipient.resource]
        if sender.bare in book.watchers:
            found = [shown(one) for one in sessions if one.presence is not None]
            for notice in found or [plain("unavailable", contact)]:
                self._say(notice, sender)
            return
        # Section 4.6.5: whoever got directed presence may know that it still holds.
        shows = [s for s in sessions if not s.directed.isdisjoint((sender.bare, sender.full))]
        for session in shows:
            self._say(plain("", session.full), sender)
        if not shows:
            self._say(plain("unsubscribed", contact), Jid(sender.local, sender.domain))

    def _say(self, notice: Notice, to: Jid) -> None:
        parcel = notice.parcel(to.bare, to.resource)
        self._services.router.to_entity(domain_entity(to.domain), parcel)
