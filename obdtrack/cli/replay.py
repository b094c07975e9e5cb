"""`replay`: read stored deliveries again."""

from __future__ import annotations

import click

from obdtrack.calls.reports.replay import REPLAYABLE, STILL_WRONG, replay_all
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, progress, tell
from obdtrack.domain.status import Outcome


@click.command(epilog=examples("replay --outcome failed", "replay --outcome unmatched --json"))
@click.option(
    "--outcome", required=True, type=click.Choice([str(outcome) for outcome in REPLAYABLE]),
    help="Which deliveries: those that had this outcome.",
)  # fmt: skip
@json_option
def command(outcome: str, as_json: bool) -> None:
    """Reprocess stored deliveries, after fixing the cause.

    Says what became of them, by outcome. What stands on a timeline already stays as it is.
    """
    services = open_services()
    with progress() as watch:
        ends = replay_all(Outcome(outcome), services, watch=watch)
    words = [f"{number} {end}" for end, number in sorted(ends.items())]
    if Outcome.REJECTED in ends:
        words.append(f"What is still rejected carried a secret that is {STILL_WRONG}.")
    tell(words or [f"There is no delivery with the outcome {outcome}."], ends, as_json)
