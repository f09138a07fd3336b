"""What is told on the bus."""

from dataclasses import dataclass

from clarion.config.model import Config
from clarion.core.ledger import Move
from clarion.core.model import Department, Person
from clarion.core.rooms import Affiliated, Room, RoomConfig


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person was added or changed; the directory already answers with the new state."""

    person: Person


@dataclass(frozen=True, slots=True)
class PersonDisabled:
    """A person may no longer be here: every door ends their sessions at once."""

    person: Person


@dataclass(frozen=True, slots=True)
class PersonDeleted:
    """A person is no more: every door ends their sessions; the address may be given anew.

    The directory has forgotten the person already. The number is never given again.
    """

    person: Person


@dataclass(frozen=True, slots=True)
class SessionsUnwanted:
    """An administrator ends a person's sessions at every door; they may come back.

    Attributes:
        person: Whose.
        resource: Of this one only; ``""``: all of them.

    """

    person: Person
    resource: str = ""


@dataclass(frozen=True, slots=True)
class AdministrationDone:
    """An administrator changed something over the wire, or a person their own account.

    Attributes:
        actor: The address of who did it.
        verb: What, as the administration door calls it, e.g. ``"person.add"``.
        target: An address, mostly; ``""`` where it concerns all.

    """

    actor: str
    verb: str
    target: str


@dataclass(frozen=True, slots=True)
class LogInSlowed:
    """A log-in failed where so many had that the next must wait, or was refused unseen for that.

    Attributes:
        person: The address that was claimed; it need not exist.
        network: As ``core.throttle.network_of`` returns it.

    """

    person: str
    network: str


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """A password or app password changed or went: what was verified before counts no more."""

    person: Person


@dataclass(frozen=True, slots=True)
class DepartmentChanged:
    """A department was added or changed, or its members were."""

    department: Department


@dataclass(frozen=True, slots=True)
class PoliciesChanged:
    """An operator changed settings that need no restart; they are in force now.

    Attributes:
        config: The settings in force: what needs a restart is still as it was.
        keys: Which ones are new, e.g. ``"limits.stanza_bytes"``.

    """

    config: Config
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DepartmentRemoved:
    """A department is no more; the directory has forgotten it already."""

    department: Department


@dataclass(frozen=True, slots=True)
class MarkMoved:
    """A reader has come at least so far in a thread.

    May be told again after a restart, never for a mark that is known to be
    behind. It is not in the store yet when it is told.
    """

    move: Move


@dataclass(frozen=True, slots=True)
class RoomCreated:
    """There is a new room; the book already answers with it."""

    room: Room


@dataclass(frozen=True, slots=True)
class RoomConfigured:
    """A room was configured; ``before`` is what it was like."""

    room: Room
    before: RoomConfig


@dataclass(frozen=True, slots=True)
class RoomAffiliated:
    """Affiliations of a room have changed.

    Attributes:
        room: Which.
        changes: What is so now; who has none any more with ``NONE``.
        by: The bare JID of who did it; ``""``: the server.

    """

    room: Room
    changes: tuple[Affiliated, ...]
    by: str


@dataclass(frozen=True, slots=True)
class RoomDestroyed:
    """A room is no more; the book has forgotten it already.

    Attributes:
        room: As it was.
        reason: Why, or ``""``.
        alternate: The JID of a room to meet in instead, or ``""``.
        password: Of that room, or ``""``.

    """

    room: Room
    reason: str
    alternate: str
    password: str = ""
