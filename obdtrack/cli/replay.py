"""`replay`: read stored deliveries again."""

from __future__ import annotations

import click

from obdtrack.application import make_context
from obdtrack.config import load_settings
from obdtrack.domain.status import Outcome
from obdtrack.storage.migrate import check_schema
from obdtrack.workflows.replay_delivery import REPLAYABLE, replay_all


@click.command(help="Read stored deliveries again, after what kept them off was mended.")
@click.option(
    "--outcome", required=True, type=click.Choice([str(outcome) for outcome in REPLAYABLE])
)
def command(outcome: str) -> None:
    """Replay all deliveries of an outcome and say what became of them."""
    context = make_context(load_settings())
    check_schema(context.store)
    ends = replay_all(Outcome(outcome), context)
    for end, number in sorted(ends.items()):
        click.echo(f"{number} {end}")
    if not ends:
        click.echo(f"There is no delivery with the outcome {outcome}.")
