"""Placing calls: what the product adds to the provider's time, and what waiting calls do to others.

First the provider, a stub, responds at once, and the product is compared with a bare Flask route
that makes the same request. Then it takes two seconds for each of 200 calls in flight, while
reports and look-ups are timed, over a connection each.
"""

from concurrent.futures import ThreadPoolExecutor

import click

from bench.databases import Databases, filled
from bench.load import CALL, CALLBACK, MID, PLACE, drive, report, request
from bench.measure import OPTIONS, Candidate, measure, publish, standings, table
from bench.product import MAKE_KEY, PROMPT, SECRET, SLOW, run, serving, wsgi

OLD = (0, 20_000, "placed")  # the calls filled in
NEW = (67_000_000, 30_000_000, "placed")  # others, so that nobody is called again
FEW = (670_000, 300_000, "placed")  # of a hundred each
LANES, IN_FLIGHT, WAIT_SECONDS = (1, 8), 200, 6
PLACED, SUBMITTED = "SELECT count(*) FROM calls", "SELECT count(*) FROM submissions"
ROUTES = (Candidate("flask", wsgi("bare:app"), stored=""), Candidate("obdtrack", stored=PLACED))


@click.command(help=__doc__, params=[*OPTIONS])
def command(seconds: int, rounds: int, database: str) -> None:
    """Measure both routes in turn, then the others' patience."""
    figures = ("answered", "p50 ms", "p99 ms")
    with filled(database, OLD[1]) as databases, serving("", command=PROMPT) as stub:
        key = run(databases.template, *MAKE_KEY)
        placing = request(PLACE, key, CALL)
        entries = [(route, databases, placing, NEW, stub.port) for route in ROUTES]
        found = list(measure("placing", entries, LANES, rounds, seconds))
        rows = [
            [f"{kind}, {beside} calls wait", *(f"{load[f]:.4g}" for f in figures)]
            for beside in (0, IN_FLIGHT)
            for kind, load in _waits(databases, key, beside).items()
        ]
    placed = standings(found, {("rate", "flask"): "", ("p50 ms", "flask"): ""})
    publish("place", placed, table(("beside a slow provider", *figures), rows), seconds=seconds)


def _waits(databases: Databases, key: str, beside: int) -> dict[str, dict[str, float]]:
    """Return how reports and look-ups are answered while calls wait for a slow provider."""
    looking, reporting = request(f"{PLACE}/{MID}:1", key), request(CALLBACK, SECRET, report())
    loads = [(reporting, OLD, 1), (looking, OLD, 1), (request(PLACE, key, CALL), NEW, beside)]
    with (
        serving("", command=SLOW) as stub,
        serving(databases.fresh(), provider=stub.port) as server,
        ThreadPoolExecutor() as pool,
    ):
        work = [([server.port], *load, WAIT_SECONDS) for load in loads if load[2]]
        every = [pool.submit(drive, *load) for load in work]
    return {"report": every[0].result(), "look-up": every[1].result()}
