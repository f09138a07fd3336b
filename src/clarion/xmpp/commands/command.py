"""What an ad-hoc command is: a value with a name, who may use it, and a function (XEP-0050)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Final

from clarion.core.model import Person
from clarion.wire.xmpp.commands import Note
from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import Form
from clarion.xmpp.context import Context
from clarion.xmpp.extension import At
from clarion.xmpp.services import Services

HERE: Final[frozenset[At]] = frozenset({"server"})
"""For commands of the organisation's domain."""


@dataclass(frozen=True, slots=True)
class Task:
    """A step of a command.

    Attributes:
        context: Of who asks.
        place: What kind of address was asked.
        address: The address that was asked, bare.
        answers: The forms filled in so far, in order, already checked: none at first.

    """

    context: Context
    place: At
    address: str
    answers: tuple[Form, ...]

    @property
    def services(self) -> Services:
        """The house."""
        return self.context.services

    @property
    def person(self) -> Person:
        """Who asks."""
        return self.context.person


@dataclass(frozen=True, slots=True)
class Done:
    """The command is completed.

    Attributes:
        form: The result, or ``None``.
        notes: Lines for people; one of kind ``error`` says that it failed (section 3.5).

    """

    form: Form | None = None
    notes: tuple[Note, ...] = ()


Run = Callable[[Task], Awaitable[Stage | Done]]
"""Does a step: returns the form to fill in next, or what came out.

It is called anew for each step with all answers so far, and keeps nothing in
between; only the last step may change anything. Whatever of ``lib/errors.py``
it raises is told as a stanza error, and the form stays open.
"""
Act = Callable[[Task, Form], Awaitable[Done]]
"""Does what a form that was filled in asks for; what ``Run`` says of the last step holds."""


def asks(stage: Stage | Callable[[Task], Stage]) -> Callable[[Act], Run]:
    """Make a command of one form out of what is done with it.

    Args:
        stage: The form, or what makes it where it shows how things are now.

    """

    def decorate(act: Act) -> Run:
        @wraps(act)
        async def run(task: Task) -> Stage | Done:
            if task.answers:
                return await act(task, task.answers[0])
            return stage if isinstance(stage, Stage) else stage(task)

        return run

    return decorate


def everybody(context: Context) -> bool:
    """Let everybody use a command."""
    return True


def administrators(context: Context) -> bool:
    """Let administrators use a command, but not with an app password.

    That is for one device; whoever finds it must not have everybody's account.
    """
    return context.person.admin and not context.session.label


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        node: Its name on the wire.
        name: What people read.
        run: Does it.
        allowed: Whether the person of this context may use it, asked at every step.
        at: At which addresses it is found.

    """

    node: str
    name: str
    run: Run
    allowed: Callable[[Context], bool] = everybody
    at: frozenset[At] = HERE
