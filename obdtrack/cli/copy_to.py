"""`copy-to`: move an installation to another database."""

from __future__ import annotations

from dataclasses import replace

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from obdtrack.application import make_context
from obdtrack.config import load_settings
from obdtrack.errors import ConfigError
from obdtrack.storage.database import open_database
from obdtrack.workflows.move_installation import Part, copy_all, require_quiet, verify


@click.command(help="Copy everything to another database, and check that all of it arrived.")
@click.argument("url", metavar="postgresql://user:password@host/name")
def command(url: str) -> None:
    """Copy, verify, and say what to set; stopped half-way, call it again."""
    settings = load_settings()
    if url == settings.database_url:
        raise ConfigError("That is the database in use; name another one.")
    source = open_database(settings.database_url)
    require_quiet(source)
    target = make_context(replace(settings, database_url=url))
    with _bars() as bars:
        tasks: dict[str, object] = {}

        def show(part: Part) -> None:
            task = tasks.setdefault(part.name, bars.add_task(part.name, total=part.rows))
            bars.update(task, completed=part.copied)  # type: ignore[arg-type]  # rich's own id

        copy_all(source, target.store, show)
    click.echo("Comparing ...", err=True)
    rebuilt = verify(source, target.store, target)
    if rebuilt.different:
        raise ConfigError(f"{len(rebuilt.different)} calls differ: python -m obdtrack rebuild")
    click.echo(f"All of it arrived: {rebuilt.calls} calls, none differs.")
    click.echo("Now set OBDTRACK_DATABASE_URL to the new database and start the server.")


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
