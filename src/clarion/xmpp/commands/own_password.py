"""A person's own password, changed with a form (where ``[xmpp] registration`` allows it)."""

from typing import Final

from clarion.wire.xmpp.commands import CommandError, Reason
from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import Field, FieldKind, Form, FormKind, type_field
from clarion.xmpp.commands.administration import record, said
from clarion.xmpp.commands.command import Command, Done, Task
from clarion.xmpp.context import Context

NODE: Final = "clarion:password"


async def change(task: Task) -> Stage | Done:
    """Ask twice for the new password.

    Raises:
        CommandError: The two differ.
        UsageError: It cannot be a password.
        UnavailableError: The store cannot keep it; the old one stays.

    """
    if not task.answers:
        return Stage(
            Form(
                FormKind.FORM,
                (
                    type_field(NODE),
                    _secret("password", "New password"),
                    _secret("password-verify", "Retype the new password"),
                ),
                title="Change my password",
                instructions=("All your clients need the new password from then on.",),
            )
        )
    (form,) = task.answers
    password = form.value("password") or ""
    if password != form.value("password-verify"):
        raise CommandError(Reason.BAD_PAYLOAD, "the two passwords are not the same")
    await task.services.identity.set_password(task.person, password)
    record(task, "person.password", task.person.address)
    return said("your password has been changed")


def allowed(context: Context) -> bool:
    """Say whether people may change their own passwords; not with an app password."""
    return context.services.registration is not None and not context.session.label


def _secret(name: str, label: str) -> Field:
    return Field(name, (), FieldKind.TEXT_PRIVATE, label, required=True)


COMMANDS: Final[tuple[Command, ...]] = (Command(NODE, "Change my password", change, allowed),)
