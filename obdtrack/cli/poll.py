"""`poll`: poll the provider once for every call that is due."""

from __future__ import annotations

import click

from obdtrack.calls.placing.recover import recover_interrupted
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.polling.poll import must_pause
from obdtrack.cli.opening import open_services


@click.command(help="Poll the provider once for every call that is due.")
def command() -> None:
    """Poll at the agreed rate, and print how many calls were polled."""
    services = open_services()
    recover_interrupted(services)
    polled, begun = 0, services.now()
    # What gets no response comes due again: only what was due at the start, or it might never end.
    while count := check_due(services, limit=50, due_by=begun):
        polled += count
    pause = "; the provider requested a pause, the rest stay due" if must_pause(services) else ""
    click.echo(f"polled {polled} calls{pause}")
