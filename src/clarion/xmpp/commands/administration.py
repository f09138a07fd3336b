"""What administrators' commands share: names, forms, and the record of who did what (XEP-0133)."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from clarion.core.events import AdministrationDone
from clarion.core.model import Person
from clarion.lib.errors import PeerError, UsageError
from clarion.wire.xmpp.commands import CommandError, Note, NoteKind, Reason
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import Field, FieldKind, Form, FormKind, type_field
from clarion.wire.xmpp.jid import Jid, parse_jid
from clarion.xmpp.commands.command import Command, Done, Run, Task, administrators

NS: Final = "http://jabber.org/protocol/admin"


def command(name: str, title: str, run: Run) -> Command:
    """Return a command that only administrators may use."""
    return Command(f"{NS}#{name}", title, run, administrators)


def stage(title: str, instructions: str, *fields: Field) -> Stage:
    """Return the form of a command that has one."""
    form = Form(FormKind.FORM, (type_field(NS), *fields), title=title, instructions=(instructions,))
    return Stage(form)


def result(*fields: Field, notes: tuple[Note, ...] = ()) -> Done:
    """Return what a command came to."""
    return Done(Form(FormKind.RESULT, (type_field(NS), *fields)), notes)


def said(text: str, kind: NoteKind = NoteKind.INFO) -> Done:
    """Return that a command is done, with a line for people."""
    return Done(notes=(Note(text, kind),))


def record(task: Task, verb: str, target: str) -> None:
    """Tell the house that somebody changed something; every change by a command comes here.

    Args:
        task: Of who did it.
        verb: As the administration door calls it.
        target: To whom.

    """
    task.services.bus.publish(AdministrationDone(task.person.address, verb, target))


async def each(
    task: Task, verb: str, targets: Iterable[str], change: Callable[[str], Awaitable[object]]
) -> None:
    """Change these one after the other, each on record as soon as it is done.

    Args:
        task: Of who asked for it.
        verb: See ``record``.
        targets: Their addresses.
        change: Changes one.

    """
    for target in targets:
        await change(target)
        record(task, verb, target)


def jid_field(label: str) -> Field:
    """Return the field for one person."""
    return Field("accountjid", (), FieldKind.JID_SINGLE, label, required=True)


def jids_field(label: str) -> Field:
    """Return the field for several persons."""
    return Field("accountjids", (), FieldKind.JID_MULTI, label, required=True)


def secret_field(name: str, label: str, *, required: bool = False) -> Field:
    """Return the field for a password."""
    return Field(name, (), FieldKind.TEXT_PRIVATE, label, required=required)


def bare(text: str) -> Jid:
    """Return a prepared bare JID of a form.

    Raises:
        CommandError: It has a resource.

    """
    jid = parse_jid(text)
    if jid.resource:
        raise CommandError(Reason.BAD_PAYLOAD, f"{jid.full}: leave out what follows the slash")
    return jid


def found(task: Task, jid: Jid) -> Person:
    """Return the person with this address.

    Raises:
        StanzaError: There is none.

    """
    try:
        return task.services.directory.require_person(jid.bare)
    except (UsageError, PeerError) as error:
        raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, str(error)) from error


def one(task: Task, form: Form) -> Person:
    """Return the person that ``accountjid`` names.

    Raises:
        StanzaError: There is none.
        CommandError: It is no bare JID.

    """
    return found(task, account(form))


def account(form: Form) -> Jid:
    """Return the bare JID that ``accountjid`` holds, of somebody or nobody.

    Raises:
        CommandError: It has a resource.

    """
    return bare(form.value("accountjid") or "")


def several(task: Task, form: Form, name: str = "accountjids") -> list[Person]:
    """Return the persons that a field names; all of them must be there.

    Raises:
        StanzaError: One of them is not.
        CommandError: One is no bare JID.

    """
    return [found(task, bare(text)) for text in form.values(name)]


def others(task: Task, form: Form, what: str) -> list[Person]:
    """Return the persons that ``accountjids`` names, the administrator not among them.

    Args:
        task: Of the administrator.
        form: The one that was filled in.
        what: What is to be done to them, for people.

    Raises:
        StanzaError: One is not there, or is who asks: who locks themselves out
            may be the last one who could have let them in again.
        CommandError: One is no bare JID.

    """
    persons = several(task, form)
    if any(person.number == task.person.number for person in persons):
        raise not_allowed(f"you cannot {what} yourself")
    return persons


def retyped(form: Form) -> str | None:
    """Return the password of a form that asks for it twice, or ``None``.

    Raises:
        CommandError: The two differ.

    """
    password, verify = form.value("password"), form.value("password-verify")
    if verify is not None and verify != password:
        raise CommandError(Reason.BAD_PAYLOAD, "the two passwords are not the same")
    return password


def not_allowed(text: str) -> StanzaError:
    """Return the refusal of what administrators must not do to themselves."""
    return StanzaError(StanzaCondition.NOT_ALLOWED, text, kind=ErrorType.CANCEL)
