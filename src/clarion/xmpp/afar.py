"""Clients of other servers that want to hear of our people's nodes (XEP-0163 section 4).

Their presence brings their capabilities (XEP-0115); what they can do is asked
in the name of whoever got the presence. Each is a ``Session`` whose line leads
to the other server, so that everything about nodes treats all clients alike.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.model import Person, PersonNumber
from clarion.core.ports import Parcel, Router, SessionId, domain_entity
from clarion.wire.xmpp.errors import StreamError
from clarion.wire.xmpp.jid import Jid
from clarion.wire.xmpp.names import IQ
from clarion.wire.xmpp.splice import readdress
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.interests import Interests
from clarion.xmpp.session import Session

AFAR_LIMIT: Final = 10_000
"""LIMIT: clients of other servers that are remembered, the latest heard of, some 20 MiB when all
are used; one that was forgotten is heard of again with its next presence."""
NOBODY: Final = PersonNumber(0)  # nobody's number: they own nothing here

Greeted = tuple[Session, str, frozenset[str]]
"""A client, the person of ours whose last items it is to be sent, and of which nodes."""


@dataclass(slots=True)
class _Client:
    session: Session
    accounts: set[str] = field(default_factory=set)  # people of ours who got its presence
    greeted: set[str] = field(default_factory=set)  # those whose last items it was sent


class Afar:
    """Those clients.

    Args:
        interests: What they want to hear of; of their own, so that none of
            them can keep our clients waiting for its answer.
        router: Leads to their servers.
        limit: See ``AFAR_LIMIT``.

    """

    def __init__(self, interests: Interests, router: Router, limit: int = AFAR_LIMIT) -> None:
        self._interests = interests
        self._router = router
        self._limit = limit
        self._clients: OrderedDict[str, _Client] = OrderedDict()
        self._by_bare: dict[str, dict[str, Session]] = {}

    def of(self, bare: str) -> Iterable[Session]:
        """Return the clients of somebody elsewhere, as far as they are known."""
        return tuple(self._by_bare.get(bare, {}).values())

    def wants(self, session: Session, node: str) -> bool:
        """Whether a client wants to hear of nodes with this name."""
        return self._interests.wants(session.id, node)

    def heard(self, sender: Jid, account: str, stanza: Stanza) -> list[Greeted]:
        """Take available presence for a person of ours; returns who is to be sent last items."""
        client = self._clients.get(sender.full)
        initial = client is None
        if client is None:
            client = self._enter(sender, account)
        self._clients.move_to_end(sender.full)
        client.session.presence = stanza.raw
        client.accounts.add(account)
        learnt = list(self._interests.heard(client.session, stanza, initial=initial))
        nodes = self._interests.of(client.session.id)
        found = [(client.session, account, nodes)] if nodes else []
        return self._new(found) + self._of_all(learnt)

    def expects(self, sender: Jid, stanza_id: str) -> bool:
        """Whether a result or error answers a question of ours."""
        return self._interests.expects(_session(sender.full), stanza_id)

    def answered(self, sender: Jid, stanza: Stanza, payload: Element | None) -> list[Greeted]:
        """Take an answer that ``expects`` knows; returns who is to be sent last items."""
        client = self._clients[sender.full]
        return self._of_all(self._interests.answered(client.session, stanza, payload))

    def greet_again(self, account: str, contact: str) -> list[Greeted]:
        """Return who is to be sent last items of a person whom they may see since now."""
        found = []
        for session in self.of(contact):
            client = self._clients[session.full]
            client.greeted.discard(account)
            found.append((session, account, self._interests.of(session.id)))
        return self._new(found)

    def gone(self, sender: Jid) -> None:
        """Forget a client that is unavailable; without a resource, all of somebody's."""
        for session in self.of(sender.bare):
            if not sender.resource or session.full == sender.full:
                self._forget(session.full)

    def _enter(self, sender: Jid, account: str) -> _Client:
        if len(self._clients) >= self._limit:
            self._forget(next(iter(self._clients)))
        person = Person(NOBODY, sender.bare, sender.local or sender.domain)
        session = Session(_session(sender.full), person, sender, "")
        session.line = _Line(self._router, sender, account)
        client = self._clients[sender.full] = _Client(session)
        self._by_bare.setdefault(sender.bare, {})[sender.full] = session
        return client

    def _forget(self, full: str) -> None:
        session = self._clients.pop(full).session
        session.ended = True
        session.presence = session.line = None
        self._interests.forget(session.id)
        others = self._by_bare[session.jid.bare]
        del others[full]
        if not others:
            del self._by_bare[session.jid.bare]

    def _of_all(self, learnt: Iterable[tuple[Session, frozenset[str]]]) -> list[Greeted]:
        found: list[Greeted] = []
        for session, nodes in learnt:
            client = self._clients.get(session.full)
            if client is not None:
                found += [(session, account, nodes) for account in sorted(client.accounts)]
        return self._new(found)

    def _new(self, found: Iterable[Greeted]) -> list[Greeted]:
        """Return those that were not greeted yet, and take note."""
        new = []
        for session, account, nodes in found:
            greeted = self._clients[session.full].greeted
            if nodes and account not in greeted:
                greeted.add(account)
                new.append((session, account, nodes))
        return new


class _Line:
    """Leads to another server; see ``session.Line``."""

    def __init__(self, router: Router, to: Jid, account: str) -> None:
        self._router = router
        self._to = to
        self._account = account

    @property
    def local(self) -> tuple[str, int] | None:
        return None

    def write(self, data: bytes) -> None:
        name = "message"
        if data.startswith(b"<iq"):
            # What a client of ours would be asked in its own name.
            name = "iq"
            asked = Stanza(IQ, {"from": self._to.bare, "to": self._to.full}, (), data)
            data = readdress(asked, sender=self._account)
        parcel = Parcel(name, "get", self._account, self._to.resource, data)
        self._router.to_entity(domain_entity(self._to.domain), parcel)

    async def drained(self) -> None:
        return None

    def hold_reading(self, *, hold: bool) -> None:
        pass

    def prove_soon(self) -> None:
        pass

    def ask_about_the_rest(self) -> None:
        pass

    def end(self, error: StreamError | None) -> None:
        pass


def _session(full: str) -> SessionId:
    return SessionId(f"afar:{full}")
