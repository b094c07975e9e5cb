"""Placing calls: what the product adds to the provider's time, and what waiting calls do to others.

The provider is a stand-in on this machine. First it answers at once, and the product is compared
with a bare Flask route that makes the same outgoing request. Then it takes two seconds for each of
200 calls in flight, while reports and look-ups are timed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click

from bench import machine, product, reports
from bench.databases import Databases, filled, workplace
from bench.fill import Plan
from bench.load import Load, drive, require_wrk
from bench.probe import Probe, Timing
from bench.results import Table, publish
from bench.servers import Server, running
from obdtrack.access.keys import create_key
from obdtrack.cli.ports import free_port
from obdtrack.cli.serve import THREADS

FILLED = 20_000
FIRST_NEW = 67_000_000
"""Numbers called from here on, so that nobody filled in is called again."""

LANES = (1, 8)
IN_FLIGHT = 200
SLOW_SECONDS = 2.0
COLUMNS = ("route", "connections", "calls/s", "p50 ms", "p99 ms", "CPU µs/call")


class Placed(NamedTuple):
    """One route under one load in one round."""

    route: str
    round: int
    connections: int
    load: Load
    cpu_seconds: float


@click.command(help=__doc__)
@click.option("--seconds", default=4.0, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def command(seconds: float, rounds: int) -> None:
    """Measure both routes in turn, then the others' patience."""
    require_wrk()
    with workplace() as folder, filled("sqlite", folder, Plan(FILLED, days=0)) as databases:
        facts = machine.facts(folder)
        field = _Field(folder, databases)
        placed = [
            field.placed(route, turn, connections, seconds)
            for turn in range(1, rounds + 1)
            for connections in LANES
            for route in ("bare", "ours")
        ]
        waits = {
            "alone": field.waits(seconds, beside=0),
            f"beside {IN_FLIGHT} calls": field.waits(max(seconds, 6), beside=IN_FLIGHT),
        }
    data = {"placed": [p._asdict() | {"load": p.load._asdict()} for p in placed], "waits": waits}
    publish("place", [_placed_table(placed), _waits_table(waits)], facts, data)


class _Field:
    """Starts what takes part, on a fresh database each time."""

    def __init__(self, folder: Path, databases: Databases) -> None:
        self._folder, self._databases = folder, databases

    def placed(self, route: str, turn: int, connections: int, seconds: float) -> Placed:
        """Place calls through one route for some seconds; raises unless all were accepted."""
        with self._running(route, 0) as (server, key):
            warm = _place(server, key, connections, 0.7, FIRST_NEW)
            before = server.cpu_seconds()
            load = _place(server, key, connections, seconds, FIRST_NEW + warm.sent)
            used = server.cpu_seconds() - before
        print(f"round {turn}: {route:5}{connections:3} {load.rate:7,.0f}/s p50 {load.p50:.2f} ms")
        if load.acknowledged != load.sent:
            raise click.ClickException(f"{route}: {load}")
        return Placed(route, turn, connections, load, used)

    def waits(self, seconds: float, beside: int) -> dict[str, list[float]]:
        """Time reports and look-ups while `beside` calls wait for a slow provider."""
        with self._running("ours", SLOW_SECONDS) as (server, key):
            with Probe(server.port, key) as probe:
                if beside:
                    _place(server, key, beside, seconds, FIRST_NEW)
                else:
                    probe.wait(seconds)
            return probe.taken

    @contextmanager
    def _running(self, route: str, delay: float) -> Iterator[tuple[Server, str]]:
        url, port, provider = self._databases.fresh(), free_port(), free_port()
        key = _make_key(url)
        environ = product.environ(url, port, provider)
        standin = [sys.executable, "-m", "bench.standin", "--port", str(provider)]
        standin += ["--delay", str(delay)]
        bare = [sys.executable, "-m", "bench.rivals.serve", "flask_place", "--port", str(port)]
        bare += ["--threads", str(THREADS)]
        command = [*product.COMMAND, "serve"] if route == "ours" else bare
        with (
            running(standin, environ, provider, self._folder, "/"),
            running(command, environ, port, self._folder) as server,
        ):
            yield server, key


def _make_key(url: str) -> str:
    services = product.services(url)
    try:
        return create_key("benchmark", ["place", "read"], services)
    finally:
        services.store.close_all()


def _place(server: Server, key: str, connections: int, seconds: float, first: int) -> Load:
    content = '{"to": "+9188{8}", "flow_id": "23", "name": "benchmark"}'
    template = reports.http_request("/api/v1/calls", content, key)
    return drive(
        server.port,
        template,
        connections=connections,
        seconds=seconds,
        first=first,
        last=99_999_999,
    )


def _placed_table(placed: Sequence[Placed]) -> Table:
    rows, notes = [], []
    for connections in LANES:
        here = [p for p in placed if p.connections == connections]
        for route, title in (("bare", "bare Flask route with requests"), ("ours", "obdtrack")):
            rows.append([title, str(connections), *_figures([p for p in here if p.route == route])])
        by_round = {p.round: p.load.p50 for p in here if p.route == "bare"}
        extra = [p.load.p50 - by_round[p.round] for p in here if p.route == "ours"]
        notes.append(
            f"Ours adds {median(extra):.1f} ms at {connections} connections "
            f"({min(extra):.1f} to {max(extra):.1f} in single rounds)."
        )
    return Table("Placing a call, the provider answering at once", COLUMNS, rows, notes)


def _figures(mine: Sequence[Placed]) -> list[str]:
    return [
        f"{median(p.load.rate for p in mine):,.0f}",
        f"{median(p.load.p50 for p in mine):.2f}",
        f"{median(p.load.p99 for p in mine):.2f}",
        f"{median(p.cpu_seconds / p.load.answered * 1e6 for p in mine):,.0f}",
    ]


def _waits_table(waits: dict[str, dict[str, list[float]]]) -> Table:
    rows = [
        [f"{kind}, {when}", *Timing.of(taken).cells()]
        for when, kinds in waits.items()
        for kind, taken in kinds.items()
    ]
    title = f"While calls wait for a provider that takes {SLOW_SECONDS:g} s"
    return Table(title, ("what", "times", "p50 ms", "p99 ms", "longest ms"), rows)
