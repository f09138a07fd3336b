"""What administrators' commands share: names, forms, and the record of who did what (XEP-0133)."""

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


def jid_field(label: str) -> Field:
    """Return the field for one person."""
    return Field("accountjid", (), FieldKind.JID_SINGLE, label, required=True)


def jids_field(label: str) -> Field:
    """Return the field for several persons."""
    return Field("accountjids", (), FieldKind.JID_MULTI, label, required=True)


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


def several(task: Task) -> list[Person]:
    """Return the persons that ``accountjids`` names; all of them must be there.

    Raises:
        StanzaError: One of them is not.

    """
    return [found(task, bare(text)) for text in task.answers[0].values("accountjids")]


def others(task: Task, what: str) -> list[Person]:
    """Return the persons that ``accountjids`` names, the administrator not among them.

    Raises:
        StanzaError: One is not there, or is who asks: who locks themselves out
            may be the last one who could have let them in again.

    """
    persons = several(task)
    if any(person.number == task.person.number for person in persons):
        raise StanzaError(
            StanzaCondition.NOT_ALLOWED, f"you cannot {what} yourself", kind=ErrorType.CANCEL
        )
    return persons
