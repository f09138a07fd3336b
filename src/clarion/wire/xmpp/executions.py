"""Commands under way: whose they are, at which stage, what may be done next (XEP-0050 3.3, 3.4).

No I/O and no clock: ``now`` is monotonic seconds. Who runs the commands asks
``begin`` or ``find`` for an execution and ``submitted`` for what was answered
so far, and tells with ``took`` and ``ask``, or ``end``, how the command went.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from clarion.lib.errors import PeerError
from clarion.wire.xmpp.answers import checked, remembered
from clarion.wire.xmpp.commands import Action, CommandError, Note, Reason, Request
from clarion.wire.xmpp.forms import Form, FormKind

OPEN_LIMIT: Final = 10
"""LIMIT: commands that one session has under way; one more ends its oldest, for a client that
is closed in the middle of a command cancels nothing."""
LIFETIME: Final = 900.0
"""LIMIT: seconds between two steps of a command."""
ENDED_LIMIT: Final = 1_000
"""LIMIT: ended executions that are remembered, to tell those who use one again that it is over."""
STAGE_LIMIT: Final = 32
"""LIMIT: forms of one command."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A form to be filled in.

    Attributes:
        form: Of kind ``form``.
        notes: Lines for people.
        last: Whether the command is done once it is filled in.

    """

    form: Form
    notes: tuple[Note, ...] = ()
    last: bool = True


@dataclass(slots=True)
class Execution:
    """One command under way.

    Attributes:
        id: The ``sessionid``, unguessable.
        owner: The session of the client that began it; nobody else may go on.
        at: The address that was asked.
        node: Which command.
        touched: When its last step was, monotonic seconds.
        stages: What was asked so far; empty until the first form is shown.
        answers: What was answered; one less than ``stages`` while a form is open.

    """

    id: str
    owner: str
    at: str
    node: str
    touched: float
    stages: list[Stage] = field(default_factory=list)
    answers: list[Form] = field(default_factory=list)

    @property
    def actions(self) -> Collection[Action]:
        """What may be done at this stage, ``cancel`` and ``execute`` aside."""
        allowed = [self.default]
        if len(self.stages) > 1:
            allowed.append(Action.PREV)
        return allowed

    @property
    def default(self) -> Action:
        """What ``execute`` stands for at this stage."""
        return Action.COMPLETE if self.stages[-1].last else Action.NEXT


class Executions:
    """All commands under way.

    Args:
        lifetime: See ``LIFETIME``.
        limit: See ``OPEN_LIMIT``.

    """

    def __init__(self, lifetime: float = LIFETIME, limit: int = OPEN_LIMIT) -> None:
        self._lifetime = lifetime
        self._limit = limit
        self._by_owner: dict[str, OrderedDict[str, Execution]] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()  # id to owner

    def __len__(self) -> int:
        return sum(len(mine) for mine in self._by_owner.values())

    def begin(self, request: Request, owner: str, at: str, new_id: str, now: float) -> Execution:
        """Begin an execution.

        Args:
            request: Without a ``sessionid``.
            owner: Who may go on with it.
            at: The address that was asked.
            new_id: Fresh and unguessable.
            now: Monotonic seconds.

        Raises:
            CommandError: The action needs a command that is under way.

        """
        direct = request.form is not None and request.action in {Action.COMPLETE, Action.NEXT}
        if request.action is not Action.EXECUTE and not direct:
            raise CommandError(
                Reason.BAD_ACTION, f"{request.action} is for a command that is under way"
            )
        mine = self._by_owner.setdefault(owner, OrderedDict())
        for old in list(mine.values()):
            if self._stale(old, now):
                self.end(old)
        while len(mine) >= self._limit:
            self.end(next(iter(mine.values())))
        execution = Execution(new_id, owner, at, request.node, now)
        self._by_owner.setdefault(owner, mine)[new_id] = execution
        return execution

    def find(self, request: Request, owner: str, at: str, now: float) -> Execution:
        """Return the execution that a request goes on with.

        Raises:
            CommandError: It has ended, or is another's, or of another command.

        """
        mine = self._by_owner.get(owner)
        execution = None if mine is None else mine.get(request.session)
        if execution is not None and self._stale(execution, now):
            self.end(execution)
            execution = None
        if execution is None:
            if self._ended.get(request.session) == owner:
                raise CommandError(
                    Reason.SESSION_EXPIRED, "this command is over; begin it once more"
                )
            raise CommandError(Reason.BAD_SESSIONID, "you have no such command under way")
        if (execution.node, execution.at) != (request.node, at):
            raise CommandError(Reason.BAD_SESSIONID, "this sessionid is of another command")
        execution.touched = now
        self._by_owner[owner].move_to_end(execution.id)
        return execution

    def ask(self, execution: Execution, stage: Stage) -> None:
        """Show a form next.

        Raises:
            CommandError: The command has gone through too many of them.

        """
        if len(execution.stages) >= STAGE_LIMIT:
            self.end(execution)
            raise CommandError(Reason.BAD_ACTION, f"a command has {STAGE_LIMIT} stages at most")
        execution.stages.append(stage)

    def end(self, execution: Execution) -> None:
        """Forget an execution: it is completed, cancelled, or too old."""
        mine = self._by_owner.get(execution.owner)
        if mine is None or mine.pop(execution.id, None) is None:
            return
        if not mine:
            del self._by_owner[execution.owner]
        self._ended[execution.id] = execution.owner
        if len(self._ended) > ENDED_LIMIT:
            self._ended.popitem(last=False)

    def leave(self, owner: str) -> None:
        """Forget everything of a session that has ended."""
        self._by_owner.pop(owner, None)

    def _stale(self, execution: Execution, now: float) -> bool:
        return now - execution.touched >= self._lifetime


def submitted(execution: Execution, request: Request) -> tuple[Form, ...]:
    """Return all answers, the one that a request brings among them.

    The execution is not changed: when the command cannot take the answer, the
    form stays open and may be filled in once more. ``took`` keeps it.

    Raises:
        CommandError: The action is not among those of the stage, or the form
            is not filled in as it must be.

    """
    action = execution.default if request.action is Action.EXECUTE else request.action
    if action not in execution.actions:
        raise CommandError(Reason.BAD_ACTION, f"{action} cannot be done at this stage")
    given = request.form or Form(FormKind.SUBMIT)
    try:
        answer = checked(execution.stages[-1].form, given)
    except PeerError as error:
        raise CommandError(Reason.BAD_PAYLOAD, str(error)) from error
    return (*execution.answers, answer)


def took(execution: Execution, answers: tuple[Form, ...]) -> None:
    """Keep what was answered: the command goes on to its next form."""
    execution.answers = list(answers)


def step_back(execution: Execution) -> Stage:
    """Return to the stage before, with what was answered there (section 2.4.2).

    Raises:
        CommandError: This is the first one.

    """
    if len(execution.stages) < 2:
        raise CommandError(Reason.BAD_ACTION, "this is the first stage")
    execution.stages.pop()
    stage = execution.stages[-1]
    answer = execution.answers.pop()
    return Stage(remembered(stage.form, answer), stage.notes, stage.last)
