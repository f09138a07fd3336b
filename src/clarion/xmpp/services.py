"""What the XMPP door works with: everything it is handed by ``app.py``."""

from collections.abc import Callable
from dataclasses import dataclass

from clarion.config.server import LimitsConfig
from clarion.core.archive import Archive
from clarion.core.book import Ledger
from clarion.core.bus import Bus
from clarion.core.directory import Directory
from clarion.core.identity import Identity
from clarion.core.ports import Router, Sessions
from clarion.core.seal import Seal
from clarion.lib.clock import Clock
from clarion.lib.crashpoint import CrashPoints
from clarion.lib.crew import Crew
from clarion.lib.ids import Mint
from clarion.xmpp.rosters import Rosters


@dataclass(frozen=True, slots=True)
class Features:
    """What service discovery tells of us (XEP-0030), as the ``Switchboard`` joined it.

    A value, so that the feature which tells it need not know all others.

    Attributes:
        server: Features of the server.
        account: Features of every person's bare address.

    """

    server: tuple[str, ...] = ()
    account: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Services:
    """The rest of the house, as the XMPP door sees it.

    Attributes:
        domain: The organisation's domain, normalised.
        ask_for_marks: Add ``<markable/>`` to what local people send local
            people (``[ledger] ask``).
        token: Makes a fresh unguessable text.
        crew: Runs what takes longer than a turn of the loop.
        features: What service discovery tells.

    """

    domain: str
    ask_for_marks: bool
    limits: LimitsConfig
    archive: Archive
    bus: Bus
    clock: Clock
    crash_points: CrashPoints
    crew: Crew
    directory: Directory
    identity: Identity
    ledger: Ledger
    mint: Mint
    rosters: Rosters
    router: Router
    seal: Seal
    sessions: Sessions
    token: Callable[[], str]
    features: Features = Features()
