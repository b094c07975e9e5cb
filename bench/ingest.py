"""Reports a second: the product against a bare Flask route, the obvious receiver, and Fastify.

Each contestant is started by itself and loaded over real sockets with reports that are all about
different calls; afterwards the database must hold everything that was acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import click

from bench import contestants, machine, reports, standings, verify
from bench.contestants import Contestant, Site
from bench.databases import Databases, filled, workplace
from bench.fill import Plan
from bench.load import Load, drive, require_wrk, together
from bench.results import publish
from bench.servers import Server, Watch, running
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
        """Return it as JSON can say it."""
        return {**self._asdict(), "load": self.load._asdict()}


def _numbers(_services: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter("give numbers, like 16,64") from None


def _names(_services: click.Context, _option: click.Parameter, text: str) -> tuple[str, ...]:
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
        self._folder, self._databases, self._calls = folder, databases, calls
        self._seconds = seconds
        self._template = reports.report_request()

    def measure(self, contestant: Contestant, number: int, connections: int) -> Measurement:
        """Start, warm up, load, stop and check one contestant; raises if a report is missing."""
        url = self._databases.fresh()
        sites = [Site(free_port(), url) for _ in range(contestant.processes)]
        with ExitStack() as stack:
            servers = [stack.enter_context(self._running(contestant, site)) for site in sites]
            warm = self._drive(sites, connections, WARM_SECONDS, [0] * len(sites))
            before = sum(server.cpu_seconds() for server in servers)
            with Watch(*servers) as watch:
                sent = [load.sent for _, load in warm]
                loads = self._drive(sites, connections, self._seconds, sent)
            used = sum(server.cpu_seconds() for server in servers) - before
        load = together([load for _, load in loads])
        if contestant.stores:
            if wrong := verify.faults(self._databases, url, [*warm, *loads]):
                raise click.ClickException(f"{contestant.name}: " + "; ".join(wrong))
        elif load.acknowledged != load.sent:
            raise click.ClickException(f"{contestant.name}: {load}")
        return Measurement(contestant.name, number, connections, load, used, watch.peak)

    def _running(self, contestant: Contestant, site: Site) -> AbstractContextManager[Server]:
        command, environ = contestant.command(site), contestant.environ(site)
        return running(command, environ, site.port, self._folder)

    def _drive(
        self, sites: Sequence[Site], connections: int, seconds: float, sent: Sequence[int]
    ) -> list[tuple[int, Load]]:
        """Load all sites at once, each with calls of its own; returns each load's first call."""
        share = self._calls // len(sites)
        firsts = [place * share + before for place, before in enumerate(sent)]

        def one(place: int) -> Load:
            return drive(
                sites[place].port,
                self._template,
                connections=connections // len(sites),
                seconds=seconds,
                first=firsts[place],
                last=(place + 1) * share - 1,
            )

        with ThreadPoolExecutor(len(sites)) as pool:
            return list(zip(firsts, pool.map(one, range(len(sites))), strict=True))
