"""A person's own password, changed with a form (where ``[xmpp] registration`` allows it)."""

from typing import Final

from clarion.wire.xmpp.executions import Stage
from clarion.wire.xmpp.forms import Form, FormKind, type_field
from clarion.xmpp.commands.administration import record, retyped, said, secret_field
from clarion.xmpp.commands.command import Command, Done, Task, asks
from clarion.xmpp.context import Context

NODE: Final = "clarion:password"


_ASK: Final = Form(
    FormKind.FORM,
    (
        type_field(NODE),
        secret_field("password", "New password", required=True),
        secret_field("password-verify", "Retype the new password", required=True),
    ),
    title="Change my password",
    instructions=("All your clients need the new password from then on.",),
)


@asks(Stage(_ASK))
async def change(task: Task, form: Form) -> Done:
    """Ask twice for the new password.

    Raises:
        CommandError: The two differ.
        UsageError: It cannot be a password.
        UnavailableError: The store cannot keep it; the old one stays.

    """
    await task.services.identity.set_password(task.person, retyped(form) or "")
    record(task, "person.password", task.person.address)
    return said("your password has been changed")


def allowed(context: Context) -> bool:
    """Say whether people may change their own passwords; not with an app password."""
    return context.services.registration is not None and not context.session.label


COMMANDS: Final[tuple[Command, ...]] = (Command(NODE, "Change my password", change, allowed),)
