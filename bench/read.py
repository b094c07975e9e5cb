"""What reading costs the processor: a list of 50 calls, the home page, and a call's page."""

from contextlib import ExitStack

import click

from bench import growth
from bench.load import PLACE
from bench.measure import OPTIONS, publish, standings

READS = {"newest calls": PLACE, "home page": "/", "a call's page": ""}


@click.command(help=__doc__, params=[*OPTIONS])
@click.option("--calls", default=20_000)
def command(seconds: int, rounds: int, database: str, calls: int) -> None:
    """Ask one server."""
    with ExitStack() as stack:
        sides = [growth.opened(stack, "obdtrack", database, calls)]
        found = list(growth.ask(sides, rounds, seconds, READS))
    publish(f"read, {database}", standings(found, {}), seconds=seconds, calls=calls)
