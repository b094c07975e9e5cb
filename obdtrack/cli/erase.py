"""`erase`: replace a number by a keyed hash, everywhere."""

from __future__ import annotations

import sys

import click

from obdtrack.access.audit import operator
from obdtrack.cli.opening import open_services
from obdtrack.privacy.erasure import Erased, erase


@click.command(help="Replace a number by a keyed hash, everywhere. It cannot be undone.")
@click.argument("number")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def command(number: str, yes: bool) -> None:
    """Erase, and say what changed. Status 1: run it again, old bytes may be left in the files.

    The database is rewritten, for which this command locks it: some seconds per gigabyte, during
    which reports get 503 and the provider posts them again.
    """
    services = open_services()
    if not yes:
        click.confirm("The number cannot be restored. Continue?", abort=True)
    done = erase(number, operator(), services)
    _tell(done)
    sys.exit(0 if done.cleared else 1)


def _tell(done: Erased) -> None:
    if not done.rows and not done.concluded:
        click.echo(
            f"Nothing is stored about this number. If it was erased before, it is {done.name}."
        )
        return
    click.echo(f"The number is {done.name} now.")
    for table, count in sorted(done.rows.items()):
        click.echo(f"  {table}: {count} rows changed")
    if done.concluded:
        click.echo(
            f"{done.concluded} calls were waiting for a report and are unresolved now. If one "
            "still arrives, it brings the number back: erase it again then."
        )
    if not done.cleared:
        click.echo(
            "Every row is erased, but others kept reading: old bytes may be left in the files of "
            "the database. Run the command again, if necessary with the server stopped.",
            err=True,
        )
