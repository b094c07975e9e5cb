"""Memory over many reports, and the time to the first answer.

Resident memory is sampled between bursts of reports, each about another call; the summed memory of
the server's processes must not keep growing.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click

from bench import machine, product, reports
from bench.databases import Databases, filled, workplace
from bench.fill import Plan
from bench.load import children_cpu, drive, require_wrk
from bench.results import Table, publish
from bench.servers import running
from obdtrack.cli.ports import free_port

CONNECTIONS = 32
BURST_SECONDS = 4.0
SPARE = 60_000
"""Calls filled in beyond those asked for, so that the last burst has enough."""

STARTS = 5


class Start(NamedTuple):
    """How long it took to get somewhere, and how much of that a processor was busy."""

    seconds: float
    cpu_seconds: float


@click.command(help=__doc__)
@click.option("--reports", "wanted", default=200_000, show_default=True)
def command(wanted: int) -> None:
    """Measure starts, then memory."""
    require_wrk()
    with workplace() as folder, filled("sqlite", folder, Plan(wanted + SPARE, days=0)) as databases:
        facts = machine.facts(folder)
        starts = {
            "serve, to the first answer": _times(lambda: _first_response(folder, databases)),
            "--help": _times(lambda: _run("--help")),
            "migrate, nothing to do": _times(lambda: _run("migrate", databases.fresh())),
        }
        samples = _resident(folder, databases, wanted)
    data = {"starts_seconds": starts, "resident_bytes_after_reports": samples}
    publish("memory", [_starts_table(starts), _memory_table(samples)], facts, data)


def _first_response(folder: Path, databases: Databases) -> Start:
    port = free_port()
    environ = product.environ(databases.fresh(), port)
    begun = time.monotonic()
    with running([*product.COMMAND, "serve"], environ, port, folder) as server:
        return Start(time.monotonic() - begun, server.cpu_seconds())


def _run(argument: str, database_url: str = "sqlite:///unused.db") -> Start:
    before, begun = children_cpu(), time.monotonic()
    subprocess.run(
        [*product.COMMAND, argument],
        env=product.environ(database_url),
        cwd=product.ROOT,
        capture_output=True,
        check=True,
    )
    return Start(time.monotonic() - begun, children_cpu() - before)


def _times(act: Callable[[], Start]) -> list[Start]:
    return [act() for _ in range(STARTS)]


def _resident(folder: Path, databases: Databases, wanted: int) -> list[tuple[int, int]]:
    port = free_port()
    environ = product.environ(databases.fresh(), port)
    template = reports.report_request()
    with running([*product.COMMAND, "serve"], environ, port, folder) as server:
        samples, sent = [(0, server.resident())], 0
        while sent < wanted:
            load = drive(
                port,
                template,
                connections=CONNECTIONS,
                seconds=BURST_SECONDS,
                first=sent,
                last=wanted + SPARE - 1,
            )
            sent += load.sent
            samples.append((sent, server.resident()))
            print(f"{sent:8,} reports: {samples[-1][1] / 2**20:.1f} MiB", flush=True)
    return samples


def _starts_table(starts: dict[str, list[Start]]) -> Table:
    rows = []
    for name, taken in starts.items():
        times = [start.seconds for start in taken]
        spread = min(times), median(times), max(times), median(start.cpu_seconds for start in taken)
        rows.append([name, *(f"{value:.2f}" for value in spread)])
    return Table("Starts", ("what", "min s", "median s", "max s", "CPU s"), rows)


def _memory_table(samples: Sequence[tuple[int, int]]) -> Table:
    step = max(1, len(samples) // 10)
    shown = [*samples[:-1:step], samples[-1]]
    rows = [[f"{sent:,}", f"{size / 2**20:.1f}"] for sent, size in shown]
    half = samples[len(samples) // 2]
    grown = samples[-1][1] - half[1]
    note = (
        f"From {half[0]:,} to {samples[-1][0]:,} reports: {grown / 2**20:+.1f} MiB, "
        f"{grown / max(samples[-1][0] - half[0], 1):+.1f} bytes a report."
    )
    return Table("Resident memory, all processes", ("after reports", "MiB"), rows, [note])
