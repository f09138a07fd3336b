"""``clarion`` itself: which commands there are, how they are loaded, how they fail.

The commands' lines of help stand here, so that ``clarion --help`` need not
load the commands. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or
cannot start as configured. An error is one line on standard error, or one per
thing that is wrong.
"""

import os
import sys
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from clarion import __version__
from clarion.lib.errors import ClarionError

DONE: Final = 0
REFUSED: Final = 1
UNUSABLE: Final = 2

COMMANDS: Final = (
    ("init", "clarion.cli.init", "Write a configuration, development certificates and a folder."),
    ("run", "clarion.cli.run", "Run the server in the foreground."),
    ("check", "clarion.cli.check", "Say everything that is wrong with the configuration."),
    ("doctor", "clarion.cli.doctor", "Say what is good, what is not, and what to do."),
    ("reload", "clarion.cli.reload", "Let the running server read its settings again."),
    ("backup", "clarion.cli.backup", "Write everything into one file, while the server runs."),
    ("restore", "clarion.cli.restore", "Put a backup in the database's place."),
    ("demo", "clarion.cli.demo", "Show the whole thing with three people on this machine."),
    ("person", "clarion.cli.person", "The people of the organisation."),
    ("department", "clarion.cli.department", "The departments of the organisation."),
    ("room", "clarion.cli.room", "The rooms of the organisation."),
    ("file", "clarion.cli.file", "The files that people have uploaded."),
    ("ledger", "clarion.cli.ledger", "Who has received and read what."),
    ("audit", "clarion.cli.audit", "Who has administered what, and whether that record is whole."),
    ("retention", "clarion.cli.retention", "For how long messages are kept."),
)
"""Name, module with a click command called ``command``, and help."""


class UnusableError(ClarionError):
    """Nothing can be done as things are configured."""


class Commands(click.Group):
    """Loads each command when it is called for, and turns every refusal into words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of ``COMMANDS``."""
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        for name, module, _ in COMMANDS:
            if name == cmd_name:
                command = import_module(module).command
                assert isinstance(command, click.Command)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without loading one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, _, text in COMMANDS])

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command line and exit."""
        extra |= {"standalone_mode": False, "prog_name": "clarion"}
        sys.exit(self._code(*args, **extra))

    def _code(self, *args: Any, **extra: Any) -> int:
        try:
            code = super().main(*args, **extra)
        except click.UsageError as error:
            _say(_usage(error))
            return UNUSABLE
        except click.ClickException as error:
            _say(error.format_message())
            return error.exit_code
        except click.Abort:
            _say("interrupted")
            return REFUSED
        except UnusableError as error:
            _say(str(error))
            return UNUSABLE
        except ClarionError as error:
            _say(str(error))
            return REFUSED
        except BrokenPipeError:  # whoever read our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return REFUSED
        return code if isinstance(code, int) else DONE


@click.group(cls=Commands, no_args_is_help=False)
@click.version_option(__version__, message="clarion %(version)s")
def clarion() -> None:
    """Clarion: one communication server for an organisation, over open standards."""


def _say(text: str) -> None:
    for line in text.splitlines() or [""]:
        click.echo(f"clarion: {line}", err=True)


def _usage(error: click.UsageError) -> str:
    text = error.format_message().rstrip(".").replace("\n", " ")
    path = error.ctx.command_path if error.ctx is not None else "clarion"
    return f"{text[:1].lower()}{text[1:]}; see '{path} --help'"
