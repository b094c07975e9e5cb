"""Reports a second: the product against a bare Flask route, the obvious receiver, and others.

Each candidate is started by itself and loaded over 16 and over 64 connections with reports that
are all about different calls; afterwards the database must hold all that were acknowledged.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which

import click

from bench.databases import filled
from bench.load import CALLBACK, Calls, report, request
from bench.measure import OPTIONS, STORED, WARM_SECONDS, Candidate, measure, publish, standings
from bench.product import COMMAND, SECRET, SERVE, THREADS, serving, wsgi

LANES, MOST_A_SECOND = (16, 64), 12_000  # connections; reports that the filled calls suffice for
BASELINES = Path(__file__).parent / "baselines"
FASTIFY = BASELINES / "fastify"
CANDIDATES = (  # the first two parse the JSON; peewee and fastify commit each report by itself
    Candidate("flask, 1 thread", wsgi("bare:app", 1), stored=""),
    Candidate(f"flask, {THREADS} threads", wsgi("bare:app"), stored=""),
    Candidate("obdtrack", checked=True),
    Candidate("obdtrack, 2 processes", processes=2, checked=True),
    Candidate("peewee", wsgi("flask_peewee:app")),
    Candidate("fastify", ("node", f"{FASTIFY}/server.js")),
    # It knows no calls, and does not wait for the disk.
    Candidate("json2file-go", ("sh", f"{BASELINES}/json2file.sh"), stored=""),
)
ELSEWHERE = {"obdtrack, 2 processes": "sqlite", "fastify": "postgres"}  # what each does not take
WANTED = {
    ("rate", "no feed"): " (≥ 0.9)",
    ("rate", "flask, 1 thread"): " (≥ 0.6)",
    ("rate", "peewee"): " (≥ 10; 2 processes ≥ 2.5)",
    ("rate", "fastify"): " (≥ 2)",
    ("p99 ms", "fastify"): " (≤ 0.5)",
    ("rate", "json2file-go"): "",
}
HEARD = f"{STORED} AND EXISTS (SELECT 1 FROM notifications WHERE status = 'delivered')"
ORDER = click.Option(["--order"], type=click.Choice(["placed", "random"]), default="placed")
WHICH = click.Option(["--reports"], type=click.IntRange(1), default=1, help="Which of each call.")


def load(seconds: int, order: str, reports: int = 1) -> tuple[str, Calls]:
    """Return what brings a report of each call, and which calls must be filled in for it."""
    count = MOST_A_SECOND * (seconds + WARM_SECONDS)
    dialled = datetime.now(UTC) + timedelta(minutes=5 * (reports - 1))
    return request(CALLBACK, SECRET, report(dialled)), (0, count, order)


def earlier(reports: int) -> list[tuple[str, ...]]:
    """Return the words of the reports that each call had before the one that is sent."""
    return [("NOANSWER",) * (reports - 1)]


def told(port: int) -> list[Candidate]:
    """Return the product without a feed, with it, and with a destination on this port as well."""
    add = f"destinations add http://127.0.0.1:{port}/ --numbers full"
    script = f"{' '.join(COMMAND)} {add} 2>&1 && exec {' '.join(SERVE)}"
    telling = ("env", "OBDTRACK_DESTINATIONS_PRIVATE=true", "sh", "-c", script)
    silent = Candidate("no feed", ("env", "OBDTRACK_EVENTS_DAYS=0", *SERVE), checked=True)
    return [silent, Candidate("feed"), Candidate("feed and destination", telling, HEARD)]


@click.command(help=__doc__, params=[*OPTIONS, ORDER, WHICH])
@click.option(
    "--only", default="", help="Beginnings of candidates' names, or told: as it tells others."
)
def command(seconds: int, rounds: int, database: str, order: str, reports: int, only: str) -> None:
    """Measure all candidates in turn, round by round, and compare them within each round."""
    able = [c for c in CANDIDATES if c.name.startswith(tuple(only.split(",")))]
    able = [c for c in able if ELSEWHERE.get(c.name) != database]
    there = {"fastify": (FASTIFY / "node_modules").exists(), "json2file-go": which("json2file-go")}
    for name in (name for name, found in there.items() if not found):
        print(f"{name} is left out: npm install in {FASTIFY}, apt install json2file-go")
        able = [c for c in able if c.name != name]
    template, calls = load(seconds, order, reports)
    with (
        filled(database, calls[1], earlier(reports), counted=True) as databases,
        serving("", command=wsgi("bare:prompt", 1)) as to,
    ):
        able = told(to.port) if only == "told" else able
        entries = [(candidate, databases, template, calls, 9) for candidate in able]
        found = list(measure("reports", entries, LANES, rounds, seconds))
    publish(
        f"ingest, {database}",
        standings(found, WANTED),
        seconds=seconds,
        order=order,
        report=reports,
    )
