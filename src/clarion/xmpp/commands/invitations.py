"""The administrators' command that invites somebody to make an account (XEP-0401 section 5.4)."""

from typing import Final

from clarion.core.invitations import DAYS, DAYS_LIMIT, named_department
from clarion.lib.errors import UsageError
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import Form, FormKind, flag_field, text_field
from clarion.wire.xmpp.invitations import CREATE_ACCOUNT, links, result_form
from clarion.xmpp.commands.administration import record
from clarion.xmpp.commands.command import Command, Done, Task, administrators, asks
from clarion.xmpp.context import Context
from clarion.xmpp.registering import address_of

_ASK: Final = Form(
    FormKind.FORM,
    (
        text_field("username", label="User name; empty: the invited choose"),
        flag_field("roster-subscription", value=False, label="Make us contacts of each other"),
        text_field("name", label="Their name"),
        text_field("department", label="Department that they will belong to"),
        text_field("days", str(DAYS), label=f"Days that the invitation holds, 1 to {DAYS_LIMIT}"),
    ),
    title="Invite",
    instructions=("Whoever gets the link makes one account, with a password of their own.",),
)


@asks(Stage(_ASK))
async def invite(task: Task, form: Form) -> Done:
    """Make an invitation and show its links, this once.

    Raises:
        StanzaError: Invitations are off, or the user name can be none.
        UsageError: The name is taken, there is no such department, or a field is wrong.
        UnavailableError: The store cannot keep it.

    """
    services = task.services
    invitations = services.invitations
    if invitations is None:
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, "invitations are off here")
    username = (form.value("username") or "").strip()
    days = (form.value("days") or str(DAYS)).strip()
    if not (days.isascii() and days.isdecimal() and len(days) <= 4):
        raise UsageError(f"days: must be 1 to {DAYS_LIMIT}")
    token, made = await invitations.invite(
        task.person.number,
        address=address_of(services, username) if username else "",
        name=form.value("name") or "",
        department=named_department(services.directory, form.value("department") or ""),
        days=int(days),
        befriend=form.flag("roster-subscription") or False,
    )
    record(task, "person.invite", made.address)
    told = links(services.domain, made.address, token, services.public)
    return Done(result_form(told, made.expires))


def allowed(context: Context) -> bool:
    """Let administrators invite where invitations are on."""
    return context.services.invitations is not None and administrators(context)


COMMANDS: Final[tuple[Command, ...]] = (Command(CREATE_ACCOUNT, "Invite", invite, allowed),)
