"""What the XMPP door works with: everything it is handed by ``app.py``."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree.ElementTree import Element

from clarion.config.server import LimitsConfig
from clarion.core.archive import Archive
from clarion.core.blocking import Blocking
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.invitations import Invitations
from clarion.core.model import Person
from clarion.core.ports import (
    EntityId,
    Outside,
    Router,
    Sessions,
    domain_entity,
    person_entity,
    room_entity,
)
from clarion.core.preferences import ArchivePreferences
from clarion.core.registration import Registrar
from clarion.core.room_book import RoomBook
from clarion.core.seal import Seal
from clarion.core.tokens import Tokens
from clarion.core.upload_slots import UploadService
from clarion.lib.clock import Clock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.crew import Crew
from clarion.lib.ids import Mint
from clarion.wire.xml import escape
from clarion.wire.xmpp.caps import NS as CAPS
from clarion.wire.xmpp.caps import DiscoInfo
from clarion.wire.xmpp.caps import Identity as DiscoIdentity
from clarion.wire.xmpp.executions import Executions
from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.activity import ActivityStore
from clarion.xmpp.afar import Afar
from clarion.xmpp.bytestreams import Bytestreams
from clarion.xmpp.external import ExternalServices
from clarion.xmpp.interests import Interests
from clarion.xmpp.nodes import Nodes
from clarion.xmpp.pushing import Pusher
from clarion.xmpp.rosters import Rosters
from clarion.xmpp.tally import Tally
from clarion.xmpp.vcard import CardStore

CAPS_NODE: Final = "urn:clarion:server"
"""What names this software in its entity capabilities (XEP-0115 section 4)."""

NodeKey = tuple[str, str, str]
"""Whom service discovery asks (``At``), for what (``info`` or ``items``), and the node."""

NodeHandler = Callable[[Any, Stanza, Element], bytes | Awaitable[bytes | None] | None]
"""Answers for a node; called like the handler of a request, with its ``Context``."""


@dataclass(frozen=True, slots=True)
class Features:
    """What service discovery tells of us (XEP-0030), as the ``Switchboard`` joined it.

    A value, so that the feature which tells it need not know all others.

    Attributes:
        server: Features of the server.
        account: Features of every person's bare address.
        identities: What the server is.
        account_identities: What every person's bare address is.
        forms: More about the server (XEP-0128).
        nodes: Who answers for nodes.

    """

    server: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    identities: tuple[DiscoIdentity, ...] = ()
    account_identities: tuple[DiscoIdentity, ...] = ()
    forms: tuple[Form, ...] = ()
    nodes: Mapping[NodeKey, NodeHandler] = field(default_factory=dict)

    @property
    def info(self) -> DiscoInfo:
        """What the server says of itself."""
        return DiscoInfo(self.identities, self.server, self.forms)

    @property
    def caps_node(self) -> str:
        """The node that names what the server can do as of now (XEP-0115 section 6.2)."""
        return f"{CAPS_NODE}#{self.info.ver()}"

    @property
    def stream_feature(self) -> bytes:
        """The server's entity capabilities among its stream features (XEP-0115 section 6.3)."""
        ver = escape(self.info.ver())
        return f"<c xmlns='{CAPS}' hash='sha-1' node='{CAPS_NODE}' ver='{ver}'/>".encode()


@dataclass(slots=True, eq=False)
class Services:
    """The rest of the house, as the XMPP door sees it.

    Nothing here changes but the policies (``limits``, ``ask_for_marks``,
    ``sync_counts``, the contact addresses in ``features``), which
    the door alone replaces when an operator reloads the configuration; so
    nobody keeps a copy of them for longer than a connection's life.

    Attributes:
        domain: The organisation's domain, normalised.
        ask_for_marks: Add ``<markable/>`` to what local people send local
            people (``[ledger] ask``).
        activity: When people were last here.
        began: Monotonic seconds when the server started.
        bytestreams: The proxy for files (XEP-0065); ``None``: there is none.
        external: STUN and TURN servers (XEP-0215); ``None``: none can be told.
        pusher: Wakes clients that sleep (XEP-0357); ``None``: nobody does.
        cards: What people say of themselves beside the directory.
        token: Makes a fresh unguessable text.
        tokens: With which clients log in without a password (XEP-0484).
        crew: Runs what takes longer than a turn of the loop.
        features: What service discovery tells.
        interests: Which clients want to hear of which nodes.
        nodes: People's pubsub nodes.
        sync_counts: What people's devices tell each other counts for the
            sender (``[ledger] sync_counts``).
        relay_marks: People of a room up to which they are told each other's
            marks (``[ledger] relay_marks``).
        tally: What metrics count.
        executions: Ad-hoc commands under way.
        rooms_domain: Where rooms are; ``""``: there are none.
        book: All rooms; ``None``: there are none.
        occupant_key: Makes occupant ids (XEP-0421).
        outside: Other domains that can be reached; ``None``: none can.
        afar: Clients there that want to hear of nodes; ``None``: there are none.
        registration: What people may do about their accounts in-band
            (XEP-0077); ``None``: nothing.
        uploads: Where people ask for places for files (XEP-0363); ``None``: nowhere.
        invitations: Who may make an account all the same (XEP-0445); ``None``: nobody.
        guests: Makes the accounts of the invited where ``registration`` does not.
        befriend: Makes two people contacts of each other (``newcomers.py``).
        public: Address of the web door; ``""``: there is none.

    """

    domain: str
    ask_for_marks: bool
    activity: ActivityStore
    cards: CardStore
    limits: LimitsConfig
    archive: Archive
    blocking: Blocking
    bus: Bus
    clock: Clock
    crash_points: CrashPoints
    crew: Crew
    directory: Directory
    identity: Identity
    interests: Interests
    ledger: Ledger
    mint: Mint
    nodes: Nodes
    preferences: ArchivePreferences
    rosters: Rosters
    router: Router
    seal: Seal
    sessions: Sessions
    token: Callable[[], str]
    tokens: Tokens
    began: float = 0.0
    features: Features = Features()
    sync_counts: bool = False
    relay_marks: int = 50
    tally: Tally = field(default_factory=Tally)
    executions: Executions = field(default_factory=Executions)
    registration: Registrar | None = None
    invitations: Invitations | None = None
    guests: Registrar | None = None
    befriend: Callable[[Person, Person], Awaitable[None]] | None = None
    public: str = ""
    bytestreams: Bytestreams | None = None
    rooms_domain: str = ""
    book: RoomBook | None = None
    occupant_key: bytes = b""
    uploads: UploadService | None = None
    outside: Outside | None = None
    afar: Afar | None = None
    external: ExternalServices | None = None
    pusher: Pusher | None = None

    def entity(self, bare: str) -> EntityId:
        """Return who takes what is for a bare JID: a person, a room, or another domain.

        The only place that knows which domain is whose: what other servers
        bring, and what goes there, is addressed here.
        """
        domain = bare.rpartition("@")[2]
        if domain == self.domain:
            return person_entity(bare)
        return room_entity(bare) if domain == self.rooms_domain else domain_entity(domain)

    def is_outside(self, bare: str) -> bool:
        """Whether a bare JID is of another domain that can be reached."""
        if self.outside is None:
            return False
        domain = bare.rpartition("@")[2]
        ours = domain in {self.domain, self.rooms_domain}
        return not ours and self.outside.reaches(domain)

    @property
    def registrar(self) -> Registrar | None:
        """Who makes accounts before log-in, for all or for those who are invited."""
        return self.registration or self.guests

    @property
    def proxy(self) -> str:
        """The JID of the proxy for files; ``""`` where there is none."""
        return "" if self.bytestreams is None else self.bytestreams.jid

    @property
    def upload(self) -> str:
        """The JID of whom people ask for places for files; ``""`` where there is none."""
        return "" if self.uploads is None else self.uploads.jid
