"""Reports a second: the product against a bare Flask route, the obvious receiver, and Fastify.

Each contestant is started by itself and loaded over real sockets with reports that are all about
different calls; afterwards the database must hold everything that was acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import click

from bench import contestants, machine, reports, standings, verify
from bench.contestants import Contestant, Site
from bench.databases import Databases, filled, workplace
from bench.fill import Plan
from bench.load import Load, drive, require_wrk
from bench.results import publish
from bench.servers import Watch, running
from obdtrack.cli.ports import free_port

MOST_A_SECOND = 12_000
"""Reports a second that the filled calls suffice for; more would stop it, not skew it."""

WARM_SECONDS = 0.7


class Measurement(NamedTuple):
    """One contestant under one load in one round; its processes are counted together."""

    contestant: str
    round: int
    connections: int
    load: Load
    cpu_seconds: float
    peak_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON can say it."""
        return {**self._asdict(), "load": self.load._asdict()}


def _numbers(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter("give numbers, like 16,64") from None


def _names(_context: click.Context, _option: click.Parameter, text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


@click.command(help=__doc__)
@click.option("--connections", default="16,64", show_default=True, callback=_numbers)
@click.option("--seconds", default=5.0, show_default=True, help="Load of each measurement.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--database", type=click.Choice(["sqlite", "postgres"]), default="sqlite")
@click.option("--only", default="", callback=_names, help="Beginnings of contestants' names.")
def command(
    connections: tuple[int, ...], seconds: float, rounds: int, database: str, only: tuple[str, ...]
) -> None:
    """Measure all contestants in turn, round by round, and compare them within each round."""
    require_wrk()
    able, skipped = contestants.chosen(database, only)
    for sentence in skipped:
        print(sentence)
    plan = Plan(int(MOST_A_SECOND * (seconds + WARM_SECONDS)), days=0)
    with workplace() as folder:
        facts = machine.facts(folder) | {"database": database, "seconds": f"{seconds:g}"}
        with filled(database, folder, plan) as databases:
            field = _Field(folder, databases, plan.calls, seconds)
            found = list(_rounds(able, connections, rounds, field.measure))
    name = "ingest" if database == "sqlite" else f"ingest-{database}"
    titles = {contestant.name: contestant.title for contestant in able}
    tables = standings.tables(found, titles, skipped)
    publish(name, tables, facts, [measurement.as_dict() for measurement in found])


def _rounds(
    able: list[Contestant],
    connections: tuple[int, ...],
    rounds: int,
    measure: Callable[[Contestant, int, int], Measurement],
) -> Iterable[Measurement]:
    for number in range(1, rounds + 1):
        for count in connections:
            for contestant in able:
                measured = measure(contestant, number, count)
                print(
                    f"round {number}, {count} connections: {contestant.name:14}"
                    f"{measured.load.rate:8,.0f}/s  p99 {measured.load.p99:7.1f} ms",
                    flush=True,
                )
                yield measured


class _Field:
    """Where the contestants run: one at a time, each on a database of its own."""

    def __init__(self, folder: Path, databases: Databases, calls: int, seconds: float) -> None:
        self._folder, self._databases, self._last = folder, databases, calls - 1
        self._seconds = seconds
        self._template = reports.report_request()

    def measure(self, contestant: Contestant, number: int, connections: int) -> Measurement:
        """Start, warm up, load, stop and check one contestant; raises if a report is missing."""
        site = Site(free_port(), self._databases.fresh())
        command, environ = contestant.command(site), contestant.environ(site)
        with running(command, environ, site.port, self._folder) as server:
            warm = self._drive(site, connections, WARM_SECONDS, 0)
            before = server.cpu_seconds()
            with Watch(server) as watch:
                load = self._drive(site, connections, self._seconds, warm.sent)
            used = server.cpu_seconds() - before
        if contestant.stores:
            loads = [(0, warm), (warm.sent, load)]
            if wrong := verify.faults(self._databases, site.database_url, loads):
                raise click.ClickException(f"{contestant.name}: " + "; ".join(wrong))
        elif load.acknowledged != load.sent:
            raise click.ClickException(f"{contestant.name}: {load}")
        return Measurement(contestant.name, number, connections, load, used, watch.peak)

    def _drive(self, site: Site, connections: int, seconds: float, first: int) -> Load:
        return drive(
            site.port,
            self._template,
            connections=connections,
            seconds=seconds,
            first=first,
            last=self._last,
        )
