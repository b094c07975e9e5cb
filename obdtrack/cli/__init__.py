"""The commands, one a file; each is loaded only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from obdtrack import __version__
from obdtrack.errors import ConfigError, ObdtrackError

# Command -> what it does, so that --help loads none of them.
COMMANDS: dict[str, str] = {
    "migrate": "Bring the database to the schema this version needs.",
    "serve": "Serve the API and the callback.",
    "worker": "Do the background work on its own: polling, recovery, clean-up.",
    "poll": "Ask the provider once about every call that is due.",
    "replay": "Read stored deliveries again, after what kept them off was mended.",
    "rebuild": "Compute every call anew from raw deliveries and answers.",
    "copy-to": "Copy everything to another database, and check that all of it arrived.",
    "keys": "Make, list and revoke API keys.",
    "audit": "Show who did what: keys, numbers seen and erased, decisions.",
    "erase": "Replace a number by a keyed hash, everywhere.",
    "export": "Give what is stored about a number, as JSON.",
    "suppress": "Keep the list of numbers that are not to be called.",
    "webhook": "Set the provider's webhook up, try it, and see how its reports are read.",
    "doctor": "Look the installation over and say what to do.",
    "backup": "Copy the database to a new file while it is in use.",
    "demo": "Try everything on this machine, with a provider simulator.",
    "simulator": "Run a stand-in for the provider on loopback.",
}


class _Lazy(click.Group):
    """Finds a command in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"obdtrack.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy)
@click.version_option(__version__, prog_name="obdtrack")
def _group() -> None:
    """Track outbound calls: place them, take the provider's reports, know what happened.

    Settings come from the environment (OBDTRACK_…); docs/configuration.md lists them.
    """
    from obdtrack.logs import configure_logs  # not for --help, which should be quick

    configure_logs("warning")


def main() -> None:
    """Run a command. What is the user's to mend ends in a sentence and status 2.

    A database that cannot be reached may be there in a moment: that is status 1.
    """
    try:
        _group(prog_name="python -m obdtrack")
    except (ConfigError, ObdtrackError) as error:
        click.echo(f"obdtrack: {error}", err=True)
        sys.exit(2)
    except Exception as error:
        from obdtrack.store.database import unusable  # not for --help, which should be quick

        if (reason := unusable(error)) is None:
            raise
        click.echo(f"obdtrack: The database cannot be used: {reason}", err=True)
        sys.exit(1)
