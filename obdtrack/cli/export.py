"""`export`: print what is stored about a number, as JSON."""

from __future__ import annotations

import click

from obdtrack.access.audit import operator
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, progress, show_json
from obdtrack.domain.progress import WorkDone
from obdtrack.privacy.export import export


@click.command(epilog=examples("export +918867135001", "export '+91 88671 35001' > person.json"))
@click.argument("number")
@json_option
def command(number: str, as_json: bool) -> None:
    """Export what is stored about a number, as JSON.

    Prints the person's data and nothing else (also without --json); standard error says if there is
    none.
    """
    services = open_services()
    with progress() as watch:
        watch(WorkDone("searching"))
        data = export(number, operator(), services)
    show_json(data)
    if not (data["calls"] or data["elsewhere"] or data["opted_out_at"]):
        click.echo("Nothing is stored about this number.", err=True)
