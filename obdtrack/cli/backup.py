"""`backup`: copy the database to a file while it is in use."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import click
import humanize

from obdtrack.operations.backup import back_up
from obdtrack.settings import load_settings
from obdtrack.store.database import open_database


@click.command(help="Copy the database to a new FILE while it is in use.")
@click.argument("file", type=click.Path(path_type=Path))
def command(file: Path) -> None:
    """Copy, check, and say how large the copy is; for SQLite only."""
    # Both ways to stop end alike, and leave nothing half-finished behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    store = open_database(load_settings().database_url, create=False)
    begun = time.monotonic()
    done = back_up(store, file.absolute())
    seconds = time.monotonic() - begun
    size = humanize.naturalsize(done.size, binary=True)
    click.echo(f"{done.path}: {size}, found whole, in {seconds:.1f} s")
