"""The commands, one a file; each is loaded only when it is called."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

from obdtrack import __version__
from obdtrack.cli.output import PROGRAM, as_called, examples
from obdtrack.errors import ConfigError, ObdtrackError

COMPLETE_VARIABLE = "_OBDTRACK_COMPLETE"
"""What the shell asks for completions with."""

# Command -> what it does in a line, so that --help loads none of them.
COMMANDS: dict[str, str] = {
    "migrate": "Upgrade the database schema to this version.",
    "serve": "Serve the API, the pages and the callback.",
    "worker": "Run only the background work: polling, recovery, clean-up.",
    "poll": "Poll the provider once for every call that is due.",
    "replay": "Reprocess stored deliveries, after fixing the cause.",
    "rebuild": "Recompute every call from raw deliveries and responses.",
    "copy-to": "Copy everything to another database and verify the copy.",
    "keys": "Create, list, rotate and revoke API keys.",
    "audit": "Show who did what: keys, numbers seen, decisions.",
    "erase": "Replace a number by a keyed hash, everywhere.",
    "export": "Export what is stored about a number, as JSON.",
    "suppress": "Manage the do-not-call list.",
    "webhook": "Register and test the provider's webhook; read its reports.",
    "doctor": "Check the installation and suggest fixes.",
    "backup": "Copy the database to a new file while it is in use.",
    "alarms": "List alarms; test whether they reach you.",
    "campaign": "Import recipients, check, run and report on a campaign.",
    "destinations": "Have URLs of yours told what happens.",
    "demo": "Try everything on this machine, with a simulated provider.",
    "simulator": "Run a stand-in for the provider on loopback.",
    "completion": "Have the shell complete commands and options.",
}


class _Lazy(click.Group):
    """Finds a command in the module of its name; until then it is known by what it does."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        if name and found:
            gc.disable()  # nothing that is loaded is garbage, and looking for it takes long
            found = import_module(f"obdtrack.cli.{name.replace('-', '_')}").command
            gc.enable()
        return name, found, rest


@click.group(
    cls=_Lazy,
    commands={name: click.Command(name, help=words) for name, words in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("demo", "keys create --help"),
)
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
        _group(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE)
    except (ConfigError, ObdtrackError) as error:
        click.echo(f"obdtrack: {as_called(str(error))}", err=True)
        for field, sentences in getattr(error, "fields", {}).items():
            click.echo(f"  {field}: {' '.join(sentences)}", err=True)
        sys.exit(2)
    except Exception as error:
        from obdtrack.store.database_errors import unusable  # not for --help, which should be quick

        if (reason := unusable(error)) is None:
            raise
        click.echo(f"obdtrack: The database cannot be used: {reason}", err=True)
        sys.exit(1)
