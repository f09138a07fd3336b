"""What is told on the bus."""

from dataclasses import dataclass

from clarion.core.ledger import Move
from clarion.core.model import Department, Person


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person was added or changed; the directory already answers with the new state."""

    person: Person


@dataclass(frozen=True, slots=True)
class PersonDisabled:
    """A person may no longer be here: every door ends their sessions at once."""

    person: Person


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """A password or app password changed or went: what was verified before counts no more."""

    person: Person


@dataclass(frozen=True, slots=True)
class DepartmentChanged:
    """A department was added or changed, or its members were."""

    department: Department


@dataclass(frozen=True, slots=True)
class MarkMoved:
    """A reader has come at least so far in a thread.

    May be told again after a restart, never for a mark that is known to be
    behind. It is not in the store yet when it is told.
    """

    move: Move
