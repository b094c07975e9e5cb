"""Placing calls: what the product adds to the provider's time, and what waiting calls do to others.

First the provider, a stub, responds at once, and the product is compared with a bare Flask route
that makes the same request. Then it takes two seconds for each of 200 calls in flight, while
reports and look-ups are timed, over a connection each. `--numbers 500`: a list of so many, in
submissions of a hundred.
"""

from concurrent.futures import ThreadPoolExecutor
from statistics import median

import click

from bench.databases import Databases, filled
from bench.load import CALL, CALLBACK, LIST, MID, PLACE, SUBMIT, drive, report, request
from bench.measure import OPTIONS, Candidate, measure, publish, standings, table, values
from bench.product import MAKE_KEY, PROMPT, SECRET, SLOW, run, serving, wsgi

OLD = (0, 20_000, "placed")  # the calls filled in
NEW = (67_000_000, 30_000_000, "placed")  # others, so that nobody is called again
FEW = (670_000, 300_000, "placed")  # of a hundred each
LANES, IN_FLIGHT, WAIT_SECONDS = (1, 8), 200, 6
PLACED, SUBMITTED = "SELECT count(*) FROM calls", "SELECT count(*) FROM submissions"
ROUTES = (Candidate("flask", wsgi("bare:app"), stored=""), Candidate("obdtrack", stored=PLACED))
LISTING = Candidate("obdtrack", stored=SUBMITTED)


@click.command(help=__doc__, params=[*OPTIONS])
@click.option("--numbers", default=0, help="Only a list of so many, in submissions of 100.")
def command(seconds: int, rounds: int, database: str, numbers: int) -> None:
    """Measure both routes in turn, then the others' patience."""
    figures = ("answered", "p50 ms", "p99 ms")
    with filled(database, OLD[1]) as databases, serving("", command=PROMPT) as stub:
        key = run(databases.template, *MAKE_KEY)
        if numbers:
            entry = LISTING, databases, request(SUBMIT, key, LIST), FEW, stub.port
            found = list(measure("lists of 100", [entry], LANES[:1], rounds, seconds))
            one, name = found[0]["load"], LISTING.name
            facts = {
                f"ms for {numbers}": median(values(found, one, "p50 ms", name)) * numbers / 100,
                "numbers a second": median(values(found, one, "rate", name)) * 100,
            }
            publish("place", standings(found, {}), seconds=seconds, **facts)
            return
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
