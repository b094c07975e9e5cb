"""`export`: print what is stored about a number, as JSON."""

from __future__ import annotations

import json

import click

from obdtrack.access.audit import operator
from obdtrack.cli.opening import open_services
from obdtrack.privacy.export import export


@click.command(help="Export what is stored about a number, as JSON on standard output.")
@click.argument("number")
def command(number: str) -> None:
    """Print the person's data and nothing else; standard error says if there is none."""
    services = open_services()
    data = export(number, operator(), services)
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))
    if not (data["calls"] or data["elsewhere"] or data["opted_out_at"]):
        click.echo("Nothing is stored about this number.", err=True)
