"""The ad-hoc commands, a file per family. A new command is added to ``ALL``, and nowhere else."""

from typing import Final

from clarion.xmpp.commands import (
    announcements,
    invitations,
    overviews,
    own_password,
    persons,
    readers,
)
from clarion.xmpp.commands.command import Command

ALL: Final[tuple[Command, ...]] = (
    *readers.COMMANDS,
    *own_password.COMMANDS,
    *persons.COMMANDS,
    *invitations.COMMANDS,
    *overviews.COMMANDS,
    *announcements.COMMANDS,
)
