"""Placing calls: what the product adds to the provider's time, and what waiting calls do to others.

The provider is a stub on this machine. First it responds at once, and the product is compared
with a bare Flask route that makes the same outgoing request. Then it takes two seconds for each of
200 calls in flight, while reports and look-ups are timed, over a connection each.
"""

from concurrent.futures import ThreadPoolExecutor

import click

from bench.candidates import BARE, Candidate, measure
from bench.comparison import publish, standings, table
from bench.databases import Databases, filled
from bench.ingest import ROUNDS, SECONDS
from bench.load import CALL, MID, PLACE, drive, report, request
from bench.product import CALLBACK, MAKE_KEY, PROMPT, SECRET, SLOW, run, serving, wsgi

OLD = (0, 100_000, "placed")  # the calls filled in
NEW = (67_000_000, 30_000_000, "placed")  # others, so that nobody is called again
LANES, IN_FLIGHT, WAIT_SECONDS = (1, 8), 200, 6.0
PLACED = "SELECT count(*) FROM calls"
ROUTES = (
    Candidate("bare", "bare Flask route with requests", wsgi(f"{BARE}:app"), ""),
    Candidate("ours", "obdtrack", stored=PLACED),
)


@click.command(help=__doc__, context_settings={"show_default": True})
@SECONDS
@ROUNDS
def command(seconds: float, rounds: int) -> None:
    """Measure both routes in turn, then the others' patience."""
    with filled("sqlite", OLD[1]) as databases, serving("", command=PROMPT) as stub:
        key = run(databases.template, *MAKE_KEY)
        placing = request(PLACE, key, CALL)
        entries = [(route, databases, placing, NEW, stub.port) for route in ROUTES]
        found = list(measure("placing", entries, LANES, rounds, seconds))
        waits = {
            f"{kind}, {when}": taken
            for when, beside in (("alone", 0), (f"beside {IN_FLIGHT} calls", IN_FLIGHT))
            for kind, taken in _waits(databases, key, beside).items()
        }
    figures = ("answered", "p50", "p99")
    rows = [[what, *(f"{load[f]:.4g}" for f in figures)] for what, load in waits.items()]
    titles, pairs = {r.name: r.title for r in ROUTES}, {("rate", "bare"): "", ("p50", "bare"): ""}
    tables = standings(found, titles, pairs)
    title = "While calls wait for a provider that takes 2 s"
    tables.append(table(title, ("what", "times", "p50 ms", "p99 ms"), rows))
    publish("place", tables, {"placed": found, "waits": waits}, seconds=seconds)


def _waits(databases: Databases, key: str, beside: int) -> dict[str, dict[str, float]]:
    """Return how reports and look-ups are answered while calls wait for a slow provider."""
    looking, reporting = request(f"{PLACE}/{MID}:1", key), request(CALLBACK, SECRET, report())
    loads = [(reporting, OLD, 1), (looking, OLD, 1), (request(PLACE, key, CALL), NEW, beside)]
    with (
        serving("", command=SLOW) as stub,
        serving(databases.fresh(), provider=stub.port) as server,
        ThreadPoolExecutor() as pool,
    ):
        at, seconds = [server.port], WAIT_SECONDS
        every = [pool.submit(drive, at, *load, seconds) for load in loads if load[2]]
    return {"report": every[0].result(), "look-up": every[1].result()}
