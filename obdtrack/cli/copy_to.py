"""`copy-to`: move an installation to another database."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs, urlsplit

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from obdtrack.application import make_services
from obdtrack.errors import ConfigError
from obdtrack.operations.move import CopiedPart, copy_all, take_back, verify
from obdtrack.settings import DATABASE_SCHEMES, load_settings
from obdtrack.store.database import open_database
from obdtrack.store.migrate import check_schema


@click.command(help="Copy everything to another database and verify the copy.")
@click.argument("url", metavar="postgresql://user@host/name|-", required=False)
@click.option("--undo", is_flag=True, help="Use the current database again after it was copied.")
def command(url: str | None, undo: bool) -> None:
    """Copy, verify, and say what to set; stopped half-way, nothing has happened.

    A URL with a password is read from standard input (`-`): everybody on the machine can read the
    arguments of a process.
    """
    settings = load_settings()
    if url and _has_password(url):
        raise ConfigError(
            "Everybody on this machine can read a password in a command's arguments, and it may "
            "stand in the shell's history: change it. Then write the URL to standard input: "
            "python -m obdtrack copy-to - < FILE"
        )
    if url == "-":
        url = sys.stdin.readline().strip()
    if undo:
        take_back(open_database(settings.database_url, create=False))
        click.echo("This database is used again. What the copy was given since is not in it.")
        return
    if url == settings.database_url:
        raise ConfigError("That is the current database; name another one.")
    if not url or not url.startswith(DATABASE_SCHEMES):
        raise ConfigError(
            "Name the database to copy to as postgresql://user@host/name, or - and write its URL, "
            "with the password, to standard input."
        )
    source = open_database(settings.database_url, create=False)
    check_schema(source)
    open_database(url)  # a new file is created only now
    target = make_services(replace(settings, database_url=url))
    with make_bars() as bars:
        copy_all(source, target.store, partial(show, bars))
    click.echo("Comparing ...", err=True)
    rebuilt = verify(target.store, target)
    if rebuilt.different:
        raise ConfigError(f"{len(rebuilt.different)} calls differ: python -m obdtrack rebuild")
    click.echo(f"All of it arrived: {rebuilt.calls} calls, none differs.")
    click.echo("Now set OBDTRACK_DATABASE_URL to the new database and start the server.")
    click.echo("The old one takes nothing any more; to go on with it: copy-to --undo")


def _has_password(url: str) -> bool:
    """Whether a database's URL has a password, before its host or among its parameters."""
    try:
        parts = urlsplit(url)
        return bool(parts.password or parse_qs(parts.query).get("password"))
    except ValueError:
        return True  # what cannot be read may be one


def show(bars: Progress, part: CopiedPart) -> None:
    """Show how far a part is, as one bar of its own."""
    bar = next((task.id for task in bars.tasks if task.description == part.name), None)
    if bar is None:
        bar = bars.add_task(part.name, total=part.rows)
    bars.update(bar, completed=part.copied)


def make_bars() -> Progress:
    """Return bars with name, length, count and the time that is left."""
    return Progress(
        TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
