"""`backup`: copy the database to a file while it is in use."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import click
import humanize

from obdtrack.errors import ObdtrackError
from obdtrack.operations.backup import back_up, note_backup
from obdtrack.services import utc_now
from obdtrack.settings import load_settings
from obdtrack.store.database import open_database


@click.command(help="Copy the database to a new FILE while it is in use.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--note", is_flag=True,
    help="Make none, and only note that there is one, made by other means: alarms know its age.",
)  # fmt: skip
def command(file: Path | None, note: bool) -> None:
    """Copy, check, and say how large the copy is; for SQLite only."""
    if (file is None) is not note:
        raise click.UsageError("Give either FILE or --note.")
    # Both ways to stop end alike, and leave nothing half-finished behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    store = open_database(load_settings().database_url, create=False)
    begun, begun_at = time.monotonic(), utc_now()
    if file is not None:
        done = back_up(store, file.absolute())
        seconds = time.monotonic() - begun
        size = humanize.naturalsize(done.size, binary=True)
        click.echo(f"{done.path}: {size}, found whole, in {seconds:.1f} s")
    try:
        note_backup(store, begun_at)
    except ObdtrackError as error:
        if note:
            raise
        click.echo(f"The copy is there, but could not be noted: {error}", err=True)
