"""Ad-hoc commands on the wire: requests, answers, and the errors of their own (XEP-0050 1.3)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element

from clarion.lib.errors import PeerError
from clarion.wire.xml import escape
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import TAG as FORM_TAG
from clarion.wire.xmpp.forms import Form, FormKind, parse_form

NS: Final = "http://jabber.org/protocol/commands"
TAG: Final = f"{{{NS}}}command"
ANSWER_LIMIT_BYTES: Final = 65_536
"""LIMIT: all values of a form that is submitted; they are kept until the command ends."""


class Action(StrEnum):
    """What a requester wants (section 4.1)."""

    EXECUTE = "execute"
    CANCEL = "cancel"
    PREV = "prev"
    NEXT = "next"
    COMPLETE = "complete"


class Status(StrEnum):
    """Where a command stands (section 4.1)."""

    EXECUTING = "executing"
    COMPLETED = "completed"
    CANCELED = "canceled"


class NoteKind(StrEnum):
    """How serious a note is (section 4.3)."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Note:
    """A line that people read."""

    text: str
    kind: NoteKind = NoteKind.INFO


class Reason(StrEnum):
    """Why a command cannot go on: the conditions of the namespace itself (section 4.4)."""

    BAD_ACTION = "bad-action"
    BAD_LOCALE = "bad-locale"
    BAD_PAYLOAD = "bad-payload"
    BAD_SESSIONID = "bad-sessionid"
    MALFORMED_ACTION = "malformed-action"
    SESSION_EXPIRED = "session-expired"


class CommandError(StanzaError):
    """A command cannot go on as asked.

    Args:
        reason: The commands' own condition.
        text: For the person who reads it.

    """

    def __init__(self, reason: Reason, text: str) -> None:
        expired = reason is Reason.SESSION_EXPIRED
        super().__init__(
            StanzaCondition.NOT_ALLOWED if expired else StanzaCondition.BAD_REQUEST,
            text,
            kind=ErrorType.CANCEL if expired else ErrorType.MODIFY,
            application=f"<{reason} xmlns='{NS}'/>".encode(),
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """What a requester sent.

    Attributes:
        node: Which command.
        session: Of which execution; ``""`` begins one.
        action: What to do.
        form: What was filled in, or ``None``.

    """

    node: str
    session: str
    action: Action
    form: Form | None


def parse_request(element: Element) -> Request:
    """Read a ``<command/>``.

    Raises:
        CommandError: There is no such action, or the form is none.
        StanzaError: It names no command.

    """
    node = element.get("node")
    if not node:
        raise StanzaError(StanzaCondition.BAD_REQUEST, "a command needs a node")
    session = element.get("sessionid")
    if session == "":
        raise CommandError(Reason.BAD_SESSIONID, "a sessionid cannot be empty")
    try:
        action = Action(element.get("action", Action.EXECUTE))
    except ValueError:
        raise CommandError(Reason.MALFORMED_ACTION, "there is no such action") from None
    # What is filled in does not matter to who cancels or goes back (section 3.3).
    given = None if action in {Action.CANCEL, Action.PREV} else _form(element)
    return Request(node, session or "", action, given)


def _form(element: Element) -> Form | None:
    found = element.find(FORM_TAG)
    if found is None:
        return None
    try:
        form = parse_form(found)
    except PeerError as error:
        raise CommandError(Reason.BAD_PAYLOAD, str(error)) from error
    # Section 3.4.1: a form that is cancelled is to be taken for one that is submitted.
    if form.kind not in {FormKind.SUBMIT, FormKind.CANCEL}:
        raise CommandError(Reason.BAD_PAYLOAD, f"a form of type {form.kind} was not asked for")
    if sum(len(value) for field in form.fields for value in field.values) > ANSWER_LIMIT_BYTES:
        raise CommandError(
            Reason.BAD_PAYLOAD, f"a form may be filled with {ANSWER_LIMIT_BYTES} characters"
        )
    return form


def write_answer(
    node: str,
    session: str,
    status: Status,
    *,
    actions: Collection[Action] = (),
    default: Action | None = None,
    form: bytes = b"",
    notes: Sequence[Note] = (),
) -> bytes:
    """Write a ``<command/>`` as the responder sends it.

    Args:
        node: Which command.
        session: Of which execution.
        status: Where it stands.
        actions: What may be done next; ``cancel`` always may, and is not written.
        default: What ``execute`` stands for.
        form: What to fill in, or the result, as it goes on the wire.
        notes: Lines for people.

    """
    # Everything is in English, and says so (section 3.6). A requester who would rather read
    # another language is better served with that than with <bad-locale/>.
    start = (
        f"<command xmlns='{NS}' node='{escape(node)}' sessionid='{escape(session)}'"
        f" status='{status}' xml:lang='en'>"
    )
    inner = b"".join(
        f"<note type='{note.kind}'>{escape(note.text)}</note>".encode() for note in notes
    )
    return b"".join((start.encode(), _actions(actions, default), inner, form, b"</command>"))


def _actions(actions: Collection[Action], default: Action | None) -> bytes:
    if not actions:
        return b""
    execute = "" if default is None else f" execute='{default}'"
    order = (Action.PREV, Action.NEXT, Action.COMPLETE)  # the schema's
    listed = "".join(f"<{action}/>" for action in order if action in actions)
    return f"<actions{execute}>{listed}</actions>".encode()
