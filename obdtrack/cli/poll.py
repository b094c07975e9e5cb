"""`poll`: ask the provider once about every call that is due."""

from __future__ import annotations

import click

from obdtrack.application import make_context
from obdtrack.calls.placing.recover import recover_interrupted
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.polling.poll import must_pause
from obdtrack.settings import load_settings
from obdtrack.store.migrate import check_schema


@click.command(help="Ask the provider once about every call that is due.")
def command() -> None:
    """Ask at the agreed pace, and say how many calls were asked about."""
    context = make_context(load_settings())
    check_schema(context.store)
    recover_interrupted(context)
    asked, begun = 0, context.now()
    # What gets no answer comes due again: only what was due at the start, or it might never end.
    while count := check_due(context, limit=50, due_by=begun):
        asked += count
    pause = "; the provider wants a pause, the rest comes due again" if must_pause(context) else ""
    click.echo(f"asked about {asked} calls{pause}")
