"""The commands, one a file; each is loaded only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from obdtrack import __version__
from obdtrack.errors import ConfigError, ObdtrackError

# Command -> what it does, so that --help loads none of them.
COMMANDS: dict[str, str] = {
    "migrate": "Upgrade the database schema to this version.",
    "serve": "Serve the API and the callback.",
    "worker": "Run only the background work: polling, recovery, clean-up.",
    "poll": "Poll the provider once for every call that is due.",
    "replay": "Reprocess stored deliveries, for example after fixing the cause.",
    "rebuild": "Recompute every call from raw deliveries and responses.",
    "copy-to": "Copy everything to another database and verify the copy.",
    "keys": "Create, list and revoke API keys.",
    "audit": "Show the audit log: keys, numbers seen and erased, decisions.",
    "erase": "Replace a number by a keyed hash, everywhere.",
    "export": "Export what is stored about a number, as JSON.",
    "suppress": "Manage the do-not-call list.",
    "webhook": "Register the provider's webhook, test it, and see how its reports are read.",
    "doctor": "Check the installation and suggest fixes.",
    "backup": "Copy the database to a new file while it is in use.",
    "alarms": "List alarms; test whether they reach you.",
    "campaign": "Import recipients, check, start, pause and stop a campaign, and report on it.",
    "destinations": "Have URLs of yours told what happens, and see what they were sent.",
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
    """Run a command. What the user can fix ends in a sentence and status 2.

    A database that cannot be reached may be there in a moment: that is status 1.
    """
    try:
        _group(prog_name="python -m obdtrack")
    except (ConfigError, ObdtrackError) as error:
        click.echo(f"obdtrack: {error}", err=True)
        for field, sentences in getattr(error, "fields", {}).items():
            click.echo(f"  {field}: {' '.join(sentences)}", err=True)
        sys.exit(2)
    except Exception as error:
        from obdtrack.store.database_errors import unusable  # not for --help, which should be quick

        if (reason := unusable(error)) is None:
            raise
        click.echo(f"obdtrack: The database cannot be used: {reason}", err=True)
        sys.exit(1)
