"""Reports a second: the product against a bare Flask route, the obvious receiver, and Fastify.

Each candidate is started by itself and loaded over real sockets with reports that are all about
different calls; afterwards the database must hold everything that was acknowledged.
"""

from typing import Any

import click

from bench.candidates import CANDIDATES, FASTIFY, ONLY, WARM, measure
from bench.comparison import publish, standings
from bench.databases import filled
from bench.fill import Histories
from bench.load import Calls, report, request
from bench.product import CALLBACK, SECRET

MOST_A_SECOND = 12_000  # reports that the filled calls suffice for; more stop it, not skew it
WANTED = {
    ("rate", "flask-json-1"): " (≥ 0.6)",
    ("rate", "flask-peewee"): " (≥ 10; 2 processes ≥ 2.5)",
    ("rate", "fastify"): " (≥ 2)",
    ("p99", "fastify"): " (≤ 0.5)",
}
SECONDS = click.option("--seconds", default=5.0, help="Of each measurement.")
ROUNDS = click.option("--rounds", default=5)
DATABASE = click.option("--database", type=click.Choice(["sqlite", "postgres"]), default="sqlite")
OPTIONS = (
    click.option("--connections", default="16,64", help="Each, with commas between."),
    click.option("--reports", default=1, help="Send each call's report number this."),
    click.option("--order", type=click.Choice(["placed", "random"]), default="placed"),
)


def options(command: Any) -> Any:
    """Give a command the options that say what is measured."""
    for option in (*OPTIONS, DATABASE, ROUNDS, SECONDS):
        command = option(command)
    return command


def prepare(seconds: float, order: str, reports: int) -> tuple[Histories, str, Calls]:
    """Return the calls to fill in, and a load that brings the last of each one's reports."""
    count = int(MOST_A_SECOND * seconds * (1 + WARM))
    template = request(CALLBACK, SECRET, report())
    return [("NOANSWER",) * (reports - 1)], template, (0, count, order)


@click.command(help=__doc__, context_settings={"show_default": True})
@options
@click.option("--only", default="", help="Beginnings of candidates' names, with commas between.")
def command(
    connections: str, seconds: float, rounds: int, database: str, only: str, **load: Any
) -> None:
    """Measure all candidates in turn, round by round, and compare them within each round."""
    able = [c for c in CANDIDATES if ONLY.get(c.name, database) == database]
    able = [c for c in able if c.name.startswith(tuple(only.split(",")))]
    if not (FASTIFY / "node_modules").exists():
        print(f"fastify is left out: run npm install in {FASTIFY}")
        able = [c for c in able if c.name != "fastify"]
    lanes = [int(number) for number in connections.split(",")]
    histories, template, calls = prepare(seconds, **load)
    with filled(database, calls[1], histories) as databases:
        entries = [(candidate, databases, template, calls, 9) for candidate in able]
        found = list(measure("reports", entries, lanes, rounds, seconds))
    name = "ingest" if database == "sqlite" else f"ingest-{database}"
    titles = {candidate.name: candidate.title for candidate in able}
    publish(name, standings(found, titles, WANTED), found, seconds=seconds, **load)
