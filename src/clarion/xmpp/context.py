"""What a handler of the XMPP door may see: one session, its person, and the house."""

from clarion.core.model import Person
from clarion.xmpp.people import People
from clarion.xmpp.person import PersonEntity
from clarion.xmpp.services import Services
from clarion.xmpp.session import Session


class Context:
    """Handed to every handler; one per session.

    Attributes:
        session: Whose stanza it is.
        entity: The session's person: other sessions, what has reached them.
        people: The entities of all persons that are in memory.
        services: Directory, archive, ledger, router and the rest.

    """

    __slots__ = ("entity", "people", "services", "session")

    def __init__(
        self, session: Session, entity: PersonEntity, people: People, services: Services
    ) -> None:
        self.session = session
        self.entity = entity
        self.people = people
        self.services = services

    @property
    def person(self) -> Person:
        """The session's person."""
        return self.session.person

    @property
    def account(self) -> str:
        """The person's bare JID."""
        return self.session.jid.bare
