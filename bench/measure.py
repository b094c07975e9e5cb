"""Measures candidates in turn, each on a fresh database, and compares them within each round."""

import os
import platform
import sqlite3
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click

from bench.databases import Databases
from bench.load import Calls, drive
from bench.product import HERE, SERVE, differences, serving

WARM_SECONDS = 1  # of load that a candidate gets beforehand
STORED = """SELECT count(DISTINCT calls.id) FROM calls
    JOIN deliveries ON deliveries.call_id = calls.id AND deliveries.outcome = 'matched'
    JOIN events ON events.call_id = calls.id AND events.delivery_id = deliveries.id
    WHERE calls.status = 'completed'"""
"""Counts the calls whose report is stored, stands on their timeline, and made them completed."""

# Requests a second; the middle and the 99th of 100; user and system time for each request.
FIGURES = {"rate": ",.0f", "p50 ms": ".2f", "p99 ms": ".2f", "CPU µs": ",.0f"}
OPTIONS = (
    click.Option(["--seconds"], default=5, help="Of each measurement."),
    click.Option(["--rounds"], default=5),
    click.Option(["--database"], type=click.Choice(["sqlite", "postgres"]), default="sqlite"),
)
Found = list[dict[str, Any]]


class Candidate(NamedTuple):
    """One that is measured; of its `processes` each gets a share of the connections.

    `stored` counts in the database what acknowledged requests left there; "" if nothing. One that
    is `checked` must have stored of each call what `rebuild` makes of what was received.
    """

    name: str
    command: tuple[str, ...] = SERVE
    stored: str = STORED
    processes: int = 1
    checkout: Path = HERE
    checked: bool = False


# A candidate, a database for it, a template about calls to send it, and the provider's port.
Entry = tuple[Candidate, Databases, str, Calls, int]


def measure(
    what: str, entries: Sequence[Entry], lanes: Sequence[int], rounds: int, seconds: int
) -> Iterator[dict[str, Any]]:
    """Measure all at each number of connections, round by round, every other round in reverse."""
    for number in range(1, rounds + 1):
        for connections in lanes:
            for entry in entries[:: 1 if number % 2 else -1]:
                found = _figures(entry, connections, seconds, last=number == rounds)
                yield measured(f"{what} × {connections}", entry[0].name, number, found)


def measured(load: str, candidate: str, number: int, figures: dict[str, Any]) -> dict[str, Any]:
    """Return a measurement, and print it."""
    shown = (f"{figure} {value:{FIGURES.get(figure, ',.6g')}}" for figure, value in figures.items())
    print(f"round {number}, {load}, {candidate}:", *shown, sep="  ", flush=True)
    return {"load": load, "candidate": candidate, "round": number, **figures}


def _figures(entry: Entry, connections: int, seconds: int, *, last: bool) -> dict[str, float]:
    """Return what `drive` does, and the processor's time.

    Raises ClickException unless all that was acknowledged is stored, and nothing that was not sent;
    the `last` time also if `rebuild --check` finds a difference.
    """
    candidate, databases, request, (first, count, order), provider = entry
    url, few = databases.fresh(), count * WARM_SECONDS // (WARM_SECONDS + seconds)
    before = databases.ask(url, candidate.stored) if candidate.stored else 0
    with ExitStack() as stack:
        start = (url, candidate.checkout, candidate.command, provider)
        servers = [stack.enter_context(serving(*start)) for _ in range(candidate.processes)]
        ports = [server.port for server in servers]
        warm = drive(ports, request, (first, few, order), connections, WARM_SECONDS)
        used = sum(server.cpu() for server in servers)
        load = drive(ports, request, (first + few, count - few, order), connections, seconds)
        used = sum(server.cpu() for server in servers) - used
    sent, answered, refused = (warm[n] + load[n] for n in ("sent", "answered", "refused"))
    stored = databases.ask(url, candidate.stored) - before if candidate.stored else sent
    if refused or not answered <= stored <= sent <= answered + 2 * connections:
        raise click.ClickException(f"{candidate.name}: {stored} are stored of {warm}, {load}")
    if last and candidate.checked and (wrong := differences(url, candidate.checkout)):
        raise click.ClickException(f"{candidate.name}: {wrong}")
    return load | {"CPU µs": used / load["answered"] * 1e6}


def values(found: Found, load: str, figure: str, candidate: str) -> list[float]:
    """Return a figure in each round."""
    return [m[figure] for m in found if (m["load"], m["candidate"]) == (load, candidate)]


def ratios(found: Found, load: str, figure: str, mine: str, theirs: str) -> list[float]:
    """Return what a figure of one candidate is divided by another's, in each round."""
    each = (values(found, load, figure, candidate) for candidate in (mine, theirs))
    return [own / other for own, other in zip(*each, strict=True)]


def standings(found: Found, wanted: Mapping[tuple[str, str], str]) -> str:
    """Return a table with a row for each load and candidate: medians over the rounds, and ratios.

    `wanted` says which figure is compared with whose, and what is wanted of the ratio.
    """
    pairs = [pair for pair in wanted if any(m["candidate"] == pair[1] for m in found)]
    headings = [f"× {figure} of {other}{wanted[figure, other]}" for figure, other in pairs]
    rows = []
    for load, name in dict.fromkeys((m["load"], m["candidate"]) for m in found):
        rows.append([f"{load}, {name}"])
        for figure, form in FIGURES.items():
            rows[-1].append(format(median(values(found, load, figure, name)), form))
        for figure, other in pairs:
            each = ratios(found, load, figure, name, other)
            rows[-1].append(f"{median(each):.2f} ({min(each):.2f}–{max(each):.2f})")
    return table(["", *FIGURES, *headings], rows)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown; the first column is left-aligned, the others are figures."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    form = f"| {{:<{widths[0]}}} |" + "".join(f" {{:>{width}}} |" for width in widths[1:])
    rule = form.format(*("-" * (width - 1) + "-:"[i > 0] for i, width in enumerate(widths)))
    return "\n".join([form.format(*columns), rule, *(form.format(*row) for row in rows), ""])


def publish(name: str, *tables: str, **facts: object) -> None:
    """Print what was measured, and on what: a Python built with PGO is up to a quarter faster."""
    optimized = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    facts |= {
        "Python": f"{platform.python_version()}, built with{'' if optimized else 'out'} PGO",
        "machine": f"{os.cpu_count()} processors, load {os.getloadavg()}, {platform.platform()}",
        "SQLite, granian": f"{sqlite3.sqlite_version}, {version('granian')}",
    }
    print(f"\n# {name}, {datetime.now(UTC):%F}\n")
    print(*(f"- {fact}: {value}" for fact, value in facts.items()), "", *tables, sep="\n")
