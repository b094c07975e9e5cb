"""The same questions of a small and of a large database: what a hundred times more rows cost.

Both are asked over HTTP in turn, over one connection; each call has ten rows of events and
deliveries. Everything is in the system's cache, as on a machine with memory enough.
"""

import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click

from bench.comparison import beside, measured, publish, ratios, table
from bench.databases import filled
from bench.ingest import DATABASE
from bench.load import drive, report, request
from bench.product import CALLBACK, HERE, MAKE_KEY, SECRET, Server, run, serving

QUESTIONS = tomllib.loads(Path(__file__).with_name("growth.toml").read_text())
ENDINGS = ("ANSWER",) * 7 + ("NOANSWER",) * 2 + ("BUSY",)
HISTORIES = [("NOANSWER", "NOANSWER", "NOANSWER", ending) for ending in ENDINGS]
DAYS, ROUNDS, WANTED, QUICK_MS = 30, 3, 1.5, 20
AGO = {"{since}": DAYS / 2, "{until}": DAYS / 2 - 1, "{yesterday}": 1}


class Side(NamedTuple):
    """A database of so many calls, its bytes, and the server in front of it with a key to it."""

    name: str
    calls: int
    size: int
    key: str
    server: Server


@click.command(help=__doc__, context_settings={"show_default": True})
@click.option("--small", default=10_000, help="Calls in the small database.")
@click.option("--large", default=1_000_000, help="Calls in the large one.")
@click.option("--seconds", default=1.0, help="For how long each question is asked, three times.")
@DATABASE
def command(small: int, large: int, seconds: float, database: str) -> None:
    """Fill both, ask both in turn, and compare."""
    with ExitStack() as stack:
        counts = {"small": small, "large": large}.items()
        sides = [opened(stack, name, database, count) for name, count in counts]
        found = list(ask(sides, ROUNDS, seconds))
    slow = [
        question
        for question in QUESTIONS
        if median(ratios(found, question, "p50", "large", "small")) > WANTED
        and any(m["p50"] >= QUICK_MS for m in found if m["load"] == question)
    ]
    title = f"Small and large: above {WANTED} × and {QUICK_MS} ms is {'; '.join(slow) or 'none'}"
    sizes = [
        [f"{side.calls:,}", f"{side.size / 2**20:,.0f}", f"{side.size / side.calls:,.0f}"]
        for side in sides
    ]
    tables = [beside(title, found, "small", "large", ("p50", "p99"))]
    tables.append(table("On disk", ("calls", "MiB", "bytes a call"), sizes))
    name = "growth" if database == "sqlite" else f"growth-{database}"
    publish(name, tables, found, seconds=seconds)


def opened(stack: ExitStack, name: str, database: str, calls: int, checkout: Path = HERE) -> Side:
    """Return a side whose calls are filled in, and which is served, by a checkout."""
    databases = stack.enter_context(filled(database, calls, HISTORIES, DAYS, checkout))
    size = databases.ask(databases.template, databases.size)
    key = run(databases.template, *MAKE_KEY, checkout=checkout)
    server = stack.enter_context(serving(databases.template, checkout))
    return Side(name, calls, size, key, server)


def ask(sides: Sequence[Side], rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Ask all questions of the sides in turn; raises ClickException if one is refused."""
    for name, path in QUESTIONS.items():
        for number in range(1, rounds + 1):
            for side in sides[:: 1 if number % 2 else -1]:
                reporting = request(CALLBACK, SECRET, report())
                asked = reporting if path == CALLBACK else request(dated(path), side.key)
                used = side.server.usage()[0]
                load = drive([side.server.port], asked, (0, side.calls, "random"), 1, seconds)
                cpu = (side.server.usage()[0] - used) / load["answered"] * 1e6
                if load["refused"]:
                    raise click.ClickException(f"{path} was refused")
                yield measured(name, side.name, number, load | {"cpu": cpu})


def dated(path: str) -> str:
    """Return a question with its times."""
    for mark, days in AGO.items():
        path = path.replace(mark, f"{datetime.now(UTC) - timedelta(days=days):%FT%TZ}")
    return path
