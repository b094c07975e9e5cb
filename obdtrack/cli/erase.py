"""`erase`: replace a number by a keyed hash, everywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from obdtrack.access.audit import operator
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, progress, tell
from obdtrack.privacy.erasure import Erased, erase


@click.command(epilog=examples("erase +918867135001", "erase --yes --json '+91 88671 35001'"))
@click.argument("number")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def command(number: str, yes: bool, as_json: bool) -> None:
    """Replace a number by a keyed hash, everywhere.

    It cannot be undone. Says what changed; status 1: run it again, as old bytes may be left in the
    files. The database is rewritten, for which this command locks it: some seconds per gigabyte,
    during which reports get 503 and the provider posts them again.
    """
    services = open_services()
    if not yes:
        click.confirm("The number cannot be restored. Continue?", abort=True, err=as_json)
    with progress() as watch:
        done = erase(number, operator(), services, watch)
    tell(_words(done), done._asdict(), as_json)
    if not done.cleared:
        click.echo(
            "Every row is erased, but others kept reading: old bytes may be left in the files of "
            "the database. Run the command again, if necessary with the server stopped.",
            err=True,
        )
    sys.exit(0 if done.cleared else 1)


def _words(done: Erased) -> Iterator[str]:
    if not done.rows and not done.concluded:
        yield f"Nothing is stored about this number. If it was erased before, it is {done.name}."
        return
    yield f"The number is {done.name} now."
    for table, count in sorted(done.rows.items()):
        yield f"  {table}: {count} rows changed"
    if done.concluded:
        yield (
            f"{done.concluded} calls were waiting for a report and are unresolved now. If one "
            "still arrives, it brings the number back: erase it again then."
        )
