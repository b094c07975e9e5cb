"""`replay`: read stored deliveries again."""

from __future__ import annotations

import click

from obdtrack.calls.reports.replay import REPLAYABLE, STILL_WRONG, replay_all
from obdtrack.cli.opening import open_services
from obdtrack.domain.status import Outcome


@click.command(help="Reprocess stored deliveries, for example after fixing the cause.")
@click.option(
    "--outcome", required=True, type=click.Choice([str(outcome) for outcome in REPLAYABLE])
)
def command(outcome: str) -> None:
    """Replay all deliveries of an outcome and say what became of them."""
    services = open_services()
    ends = replay_all(Outcome(outcome), services)
    for end, number in sorted(ends.items()):
        click.echo(f"{number} {end}")
    if Outcome.REJECTED in ends:
        click.echo(f"What is still rejected carried a secret that is {STILL_WRONG}.")
    if not ends:
        click.echo(f"There is no delivery with the outcome {outcome}.")
