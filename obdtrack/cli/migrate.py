"""`migrate`: bring the database to the schema this version needs."""

from __future__ import annotations

import click

from obdtrack.settings import load_settings
from obdtrack.store.database import open_database
from obdtrack.store.migrate import check_schema, migrate


@click.command(help="Upgrade the database schema to this version.")
def command() -> None:
    """Apply the missing migrations and name them."""
    store = open_database(load_settings().database_url)
    applied = migrate(store)
    for name in applied:
        click.echo(f"applied {name}")
    check_schema(store)
    if not applied:
        click.echo("The database is up to date.")
