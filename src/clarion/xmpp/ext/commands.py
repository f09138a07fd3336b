"""Ad-hoc commands: found by service discovery, and done step by step (XEP-0050 1.3).

The commands themselves are in ``xmpp/commands``; what is under way is kept by
``wire/xmpp/executions.py``.
"""

import asyncio
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.rooms import Affiliation
from clarion.wire.xml import escape
from clarion.wire.xmpp.commands import (
    NS,
    TAG,
    Action,
    Note,
    Request,
    Status,
    parse_request,
    write_answer,
)
from clarion.wire.xmpp.errors import ErrorType, StanzaCondition, StanzaError
from clarion.wire.xmpp.executions import Execution, Stage, step_back, submitted, took
from clarion.wire.xmpp.forms import NS as FORMS
from clarion.wire.xmpp.forms import Form
from clarion.wire.xmpp.jid import Jid
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.commands import ALL
from clarion.xmpp.commands.administration import NS as ADMIN
from clarion.xmpp.commands.command import Command, Done, Task
from clarion.xmpp.context import Context
from clarion.xmpp.extension import At, Card, Extension
from clarion.xmpp.routing import local_person, recipient_of

SLICE: Final = 500
"""Pieces of a form that are written before others get their turn on the loop: about 0.5 ms."""
PLACES: Final[tuple[At, ...]] = ("server", "account", "contact", "room")
TABLE: Final[Mapping[tuple[At, str], Command]] = MappingProxyType(
    {(place, command.node): command for command in ALL for place in sorted(command.at)}
)

commands = Extension(
    Card(
        name="commands",
        spec="XEP-0050",
        title="Ad-Hoc Commands",
        version="1.3.0",
        features=(NS, FORMS),
        account_features=(NS,),
        needs=("disco",),
        test="tests/xmpp/test_commands.py",
    )
)


@commands.on_iq("set", TAG, at=PLACES)
async def execute(context: Context, stanza: Stanza, element: Element) -> bytes:
    """Begin a command, or do its next step (section 2.4).

    Raises:
        StanzaError: There is no such command, it is not for who asks, or it
            cannot be done so; a form that is open stays open.

    """
    place, address = _asked(context, stanza)
    request = parse_request(element)
    command = _allowed(context, place, request.node)
    services, owner = context.services, context.session.id
    now = services.clock.monotonic()
    if request.session:
        execution = services.executions.find(request, owner, address, now)
        return await _go_on(context, command, execution, request, place)
    execution = services.executions.begin(request, owner, address, services.token(), now)
    try:
        outcome = await command.run(Task(context, place, address, ()))
        answer = await _told(context, execution, outcome)
        # Who knows the form already may send it at once.
        if isinstance(outcome, Stage) and request.form is not None and request.form.fields:
            return await _go_on(context, command, execution, request, place)
    except BaseException:
        services.executions.end(execution)  # nobody was told its id
        raise
    return answer


async def _go_on(
    context: Context, command: Command, execution: Execution, request: Request, place: At
) -> bytes:
    executions = context.services.executions
    if request.action is Action.CANCEL:
        executions.end(execution)
        return write_answer(execution.node, execution.id, Status.CANCELED)
    if request.action is Action.PREV:
        return await _shown(execution, step_back(execution))
    answers = submitted(execution, request)
    outcome = await command.run(Task(context, place, execution.at, answers))
    if isinstance(outcome, Stage):
        took(execution, answers)
    return await _told(context, execution, outcome)


async def _told(context: Context, execution: Execution, outcome: Stage | Done) -> bytes:
    if isinstance(outcome, Stage):
        context.services.executions.ask(execution, outcome)
        return await _shown(execution, outcome)
    context.services.executions.end(execution)
    return await _written(execution, Status.COMPLETED, outcome.form, outcome.notes)


async def _shown(execution: Execution, stage: Stage) -> bytes:
    return await _written(execution, Status.EXECUTING, stage.form, stage.notes)


async def _written(
    execution: Execution, status: Status, form: Form | None, notes: tuple[Note, ...]
) -> bytes:
    open_form = status is Status.EXECUTING
    return write_answer(
        execution.node,
        execution.id,
        status,
        actions=execution.actions if open_form else (),
        default=execution.default if open_form else None,
        form=b"" if form is None else await _form(form),
        notes=notes,
    )


async def _form(form: Form) -> bytes:
    """Write a form in slices: a list of 10,000 people is 400 KiB."""
    pieces = form.pieces()
    written: list[bytes] = []
    while some := "".join(islice(pieces, SLICE)):
        if written:
            await asyncio.sleep(0)
        written.append(some.encode())
    return b"".join(written)


@commands.on_closed
def forget(context: Context) -> None:
    """Forget what a session had under way."""
    context.services.executions.leave(context.session.id)


# -- service discovery (section 2.2) -----------------------------------------------------


@commands.on_node("items", NS, at=PLACES)
def listing(context: Context, stanza: Stanza, query: Element) -> bytes:
    """List the commands that the requester may use at this address."""
    place, address = _asked(context, stanza)
    return "".join(
        f"<item jid='{escape(address)}' node='{escape(command.node)}'"
        f" name='{escape(command.name)}'/>"
        for (where, _), command in TABLE.items()
        if where == place and command.allowed(context)
    ).encode()


@commands.on_node("info", NS, at=PLACES)
def list_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Say what the list of commands is."""
    return (
        "<identity category='automation' type='command-list' name='Commands'/>"
        f"<feature var='{NS}'/>"
    ).encode()


def command_info(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Say what a command is.

    Raises:
        StanzaError: It is not for who asks.

    """
    place, _ = _asked(context, stanza)
    command = _allowed(context, place, query.get("node", ""))
    return (
        f"<identity category='automation' type='command-node' name='{escape(command.name)}'/>"
        f"<feature var='{NS}'/><feature var='{FORMS}'/>"
    ).encode()


for _place, _node in TABLE:
    commands.on_node("info", _node, at=(_place,))(command_info)


def _asked(context: Context, stanza: Stanza) -> tuple[At, str]:
    """Return what kind of address was asked, and which, bare.

    Raises:
        StanzaError: There is no such person.

    """
    recipient = recipient_of(context, stanza)
    if recipient.bare == context.services.domain:
        return "server", recipient.bare
    if recipient.bare == context.account:
        return "account", recipient.bare
    if recipient.domain == context.services.rooms_domain:
        return "room", _room(context, recipient)
    return "contact", local_person(context, recipient).address


def _room(context: Context, recipient: Jid) -> str:
    """Return the address of a room that the requester may know of.

    Raises:
        StanzaError: There is none, as far as they are told.

    """
    book = context.services.book
    room = None if book is None else book.get(recipient.bare)
    if room is not None:
        affiliation = room.affiliation(context.account)
        hidden = room.config.members_only and affiliation < Affiliation.MEMBER
        if affiliation is not Affiliation.OUTCAST and not hidden:
            return room.address
    raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, f"there is no room {recipient.bare}")


def _allowed(context: Context, place: At, node: str) -> Command:
    """Return the command with this node.

    Raises:
        StanzaError: There is none, or it is not for who asks.

    """
    command = TABLE.get((place, node))
    if command is not None and command.allowed(context):
        return command
    if command is not None or (node.startswith(ADMIN) and not context.person.admin):
        raise StanzaError(
            StanzaCondition.FORBIDDEN, "this command is not for you", kind=ErrorType.CANCEL
        )
    if node.startswith(ADMIN) and place == "server":  # XEP-0133 section 5
        raise StanzaError(
            StanzaCondition.FEATURE_NOT_IMPLEMENTED, "this command is not supported here"
        )
    raise StanzaError(StanzaCondition.ITEM_NOT_FOUND, "there is no such command here")
