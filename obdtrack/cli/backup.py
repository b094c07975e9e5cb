"""`backup`: copy the database to a file while it is in use."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import click
import humanize

from obdtrack.cli.opening import read_settings
from obdtrack.cli.output import examples, json_option, progress, tell
from obdtrack.errors import ObdtrackError
from obdtrack.operations.backup import back_up, note_backup
from obdtrack.services import utc_now
from obdtrack.store.database import open_database


@click.command(epilog=examples("backup /backups/obdtrack-2026-11-23.db", "backup --note"))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--note", is_flag=True,
    help="Make none, and only note that there is one, made by other means: alarms know its age.",
)  # fmt: skip
@json_option
def command(file: Path | None, note: bool, as_json: bool) -> None:
    """Copy the database to a new file while it is in use.

    For SQLite only. The copy is checked before it gets its name, and never replaces a file.
    """
    if (file is None) is not note:
        raise click.UsageError("Give either FILE or --note.")
    # Both ways to stop end alike, and leave nothing half-finished behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    store = open_database(read_settings().database_url, create=False)
    begun, begun_at = time.monotonic(), utc_now()
    if file is not None:
        with progress() as watch:
            done = back_up(store, file.absolute(), watch)
        seconds = time.monotonic() - begun
        size = humanize.naturalsize(done.size, binary=True)
        words = f"{done.path}: {size}, found whole, in {seconds:.1f} s"
        told = {"path": str(done.path), "bytes": done.size, "seconds": round(seconds, 3)}
        tell([words], told, as_json)
    try:
        note_backup(store, begun_at)
    except ObdtrackError as error:
        if note:
            raise
        click.echo(f"The copy is there, but could not be noted: {error}", err=True)
        return
    if note:
        tell(["Noted that there is a backup of now."], {"noted_at": begun_at}, as_json)
