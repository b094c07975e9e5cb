"""`rebuild`: recompute every call from what was received, and the figures from the calls."""

from __future__ import annotations

import sys

import click

from obdtrack.calls.rebuild import rebuild
from obdtrack.cli.opening import open_services

_SHOWN = 20


@click.command(help="Recompute every call from raw deliveries and responses.")
@click.option("--check", is_flag=True, help="Only compare; status 1 if anything differs.")
def command(check: bool) -> None:
    """Fix what differs, or only report it."""
    services = open_services()
    done = rebuild(services, check=check)
    verb = "differ" if check else "differed and were fixed"
    click.echo(f"{done.calls} calls, {len(done.different)} {verb}")
    for call_id in done.different[:_SHOWN]:
        click.echo(f"  {call_id}")
    click.echo(f"figures: {done.figures} {verb}")
    sys.exit(1 if check and (done.different or done.figures) else 0)
