"""`migrate`: bring the database to the schema this version needs."""

from __future__ import annotations

import click

from obdtrack.cli.opening import read_settings
from obdtrack.cli.output import examples, json_option, progress, tell
from obdtrack.store.database import open_database
from obdtrack.store.migrate import check_schema, migrate


@click.command(epilog=examples("migrate", "migrate --json"))
@json_option
def command(as_json: bool) -> None:
    """Upgrade the database schema to this version.

    Creates the database if there is none. Applies the missing migrations, all or none, and names
    them; run it again at will.
    """
    store = open_database(read_settings().database_url)
    with progress() as watch:
        applied = migrate(store, watch=watch)
    check_schema(store)
    words = [f"applied {name}" for name in applied] or ["The database is up to date."]
    tell(words, {"applied": applied}, as_json)
