"""The candidates: who they are, and how each is measured in its turn on a fresh database."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import click

from bench.comparison import measured
from bench.databases import Databases
from bench.load import Calls, drive
from bench.product import HERE, SERVE, serving, wsgi

WARM = 0.15  # the share of its load that a candidate gets beforehand
BARE, FASTIFY = "baselines.bare_flask", Path(__file__).parent / "baselines" / "fastify"
STORED = """SELECT count(DISTINCT calls.id) FROM calls
    JOIN deliveries ON deliveries.call_id = calls.id AND deliveries.outcome = 'matched'
    JOIN events ON events.call_id = calls.id AND events.delivery_id = deliveries.id
    WHERE calls.status = 'completed'"""
"""Counts the calls whose report is stored, stands on their timeline, and made them completed."""


class Candidate(NamedTuple):
    """One that is measured; of its `processes` each gets a share of the connections.

    `stored` counts in the database what acknowledged requests left there; "" if nothing.
    """

    name: str
    title: str
    command: tuple[str, ...] = SERVE
    stored: str = STORED
    processes: int = 1
    checkout: Path = HERE


# A candidate, a database for it, a template about calls to send it, and the provider's port.
Entry = tuple[Candidate, Databases, str, Calls, int]
JSON, EACH = "bare Flask route that parses the JSON", "a transaction per report"
CANDIDATES = (
    Candidate("flask-json-1", f"{JSON}, 1 thread", wsgi(f"{BARE}:app", 1), ""),
    Candidate("flask-json-256", f"{JSON}, as many threads as obdtrack", wsgi(f"{BARE}:app"), ""),
    Candidate("ours", "obdtrack"),
    Candidate("ours-2", "obdtrack, 2 processes", processes=2),
    Candidate("flask-peewee", f"Flask and peewee, {EACH}", wsgi("baselines.flask_peewee:app")),
    Candidate("fastify", f"Fastify and better-sqlite3, {EACH}", ("node", f"{FASTIFY}/server.js")),
)
ONLY = {"ours-2": "postgres", "fastify": "sqlite"}  # who takes but one kind of database


def measure(
    what: str, entries: Sequence[Entry], lanes: Sequence[int], rounds: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """Measure all at each number of connections, round by round, every other round in reverse."""
    for number in range(1, rounds + 1):
        for connections in lanes:
            for entry in entries[:: 1 if number % 2 else -1]:
                figures = _figures(entry, connections, seconds)
                load = f"{what}, {connections} connection{'s'[: connections > 1]}"
                yield measured(load, entry[0].name, number, figures)


def _figures(entry: Entry, connections: int, seconds: float) -> dict[str, Any]:
    """Start one, warm it up, load it, and check that exactly what it acknowledged is stored.

    Returns what `drive` does, with `cpu` in µs a request, and the `resident` MiB afterwards.
    """
    candidate, databases, request, (first, count, order), provider = entry
    url, few = databases.fresh(), int(count * WARM / (1 + WARM))
    before = databases.ask(url, candidate.stored) if candidate.stored else 0
    with ExitStack() as stack:
        start = (url, candidate.checkout, candidate.command, provider)
        servers = [stack.enter_context(serving(*start)) for _ in range(candidate.processes)]
        ports = [server.port for server in servers]
        warm = drive(ports, request, (first, few, order), connections, seconds * WARM)
        used = sum(server.usage()[0] for server in servers)
        load = drive(ports, request, (first + few, count - few, order), connections, seconds)
        used = sum(server.usage()[0] for server in servers) - used
        resident = sum(server.usage()[1] for server in servers)
    sent, answered, refused = (warm[n] + load[n] for n in ("sent", "answered", "refused"))
    stored = databases.ask(url, candidate.stored) - before if candidate.stored else sent
    if not sent == answered - refused == stored:
        raise click.ClickException(f"{candidate.name}: {stored} are stored of {warm}, {load}")
    return load | {"cpu": used / load["answered"] * 1e6, "resident": resident}
