"""Every way to other domains: takes what the router has for them (RFC 6120 section 10.4)."""

from collections.abc import Callable
from typing import Final

from clarion.core.ports import Parcel
from clarion.wire.xml import MalformedError, parse
from clarion.wire.xmpp.dialback import Dialback
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError, error_reply, may_answer
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.names import CLIENT
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.federation.link import Answered, Link
from clarion.xmpp.services import Services

LINKS_LIMIT: Final = 10_000  # LIMIT: pairs of domains of which anything is remembered

MakeLink = Callable[[str, str, Callable[[Parcel, StanzaError], None]], Link]


class Links:
    """The links, by our domain and the other.

    Args:
        services: The house.
        make: Makes a link; ``None``: there are no other servers, only components.
        admits: Whether we talk to a domain.

    """

    def __init__(
        self, services: Services, make: MakeLink | None, admits: Callable[[str], bool]
    ) -> None:
        self._services = services
        self._make = make
        self._admits = admits
        self._links: dict[tuple[str, str], Link] = {}

    def reaches(self, domain: str) -> bool:
        """See ``Outside``."""
        return self._make is not None and self._admits(domain)

    def take(self, domain: str, parcel: Parcel) -> None:
        """Take a parcel for another domain; a ``Take`` of the router."""
        local = parcel.sender.partition("/")[0].rpartition("@")[2]
        link = self._link(local, domain)
        if link is None:
            self.bounce(parcel, StanzaError(StanzaCondition.REMOTE_SERVER_NOT_FOUND))
        else:
            link.send(parcel)

    def verify(self, asked: Dialback, answered: Answered) -> None:
        """Ask another domain's server whether a key is its own."""
        link = self._link(asked.recipient, asked.sender)
        if link is None:
            answered("error", StanzaError(StanzaCondition.REMOTE_SERVER_NOT_FOUND))
        else:
            link.verify(asked, answered)

    def close(self) -> None:
        """End every stream."""
        for link in list(self._links.values()):
            link.close()

    def bounce(self, parcel: Parcel, error: StanzaError) -> None:
        """Send the sender of what could not be delivered an error.

        Presence is dropped, but for requests: nobody waits for its fate.
        """
        if parcel.name == "presence" and parcel.kind != "subscribe":
            return
        try:
            given = parse(parcel.stanza, CLIENT).attrib
        except MalformedError:
            return
        stanza = Stanza(f"{{{CLIENT}}}{parcel.name}", given, (), parcel.stanza)
        if not may_answer(stanza) or not given.get("to"):
            return
        sender, services = parse_jid(parcel.sender), self._services
        services.tally.refusals[error.condition.value] += 1
        reply = error_reply(stanza, error)
        copy = given.get("id", "") if parcel.name == "message" else None
        back = Parcel(parcel.name, "error", given["to"], sender.resource, reply, None, copy)
        services.router.to_entity(services.entity(sender.bare), back)

    def _link(self, local: str, remote: str) -> Link | None:
        if not self.reaches(remote) or self._make is None:
            return None
        link = self._links.get((local, remote))
        if link is None:
            if len(self._links) >= LINKS_LIMIT:
                self._links = {pair: one for pair, one in self._links.items() if not one.idle}
                if len(self._links) >= LINKS_LIMIT:
                    return None
            link = self._links[local, remote] = self._make(local, remote, self.bounce)
        return link
