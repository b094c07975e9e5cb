"""The time to the first response, and resident memory over many reports: it must not grow."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from bench.databases import filled
from bench.load import CALLBACK, drive, report, request
from bench.measure import Candidate, measured, publish, standings, table
from bench.product import HERE, SECRET, run, serving

REPORTS, CONNECTIONS, BURST_SECONDS, STARTS = 200_000, 32, 4, 5
SPARE = 60_000  # calls filled in beyond those asked for, so that the last burst has enough


def starts(sides: Sequence[tuple[str, Candidate]], rounds: int) -> Iterator[dict[str, Any]]:
    """Measure the first response after a start on a database, and --help, of each in turn."""
    for number in range(1, rounds + 1):
        for url, side in sides[:: 1 if number % 2 else -1]:
            begun = time.monotonic()
            with serving(url, side.checkout) as server:
                yield _once("start", side.name, number, time.monotonic() - begun, server.cpu())
            begun, used = time.monotonic(), os.times().children_user
            run(url, "--help", checkout=side.checkout)
            took = time.monotonic() - begun
            yield _once("--help", side.name, number, took, os.times().children_user - used)


def _once(what: str, name: str, number: int, seconds: float, used: float) -> dict[str, Any]:
    milliseconds = seconds * 1e3
    figures = {"rate": 1 / seconds, "p50 ms": milliseconds, "p99 ms": milliseconds}
    return measured(what, name, number, figures | {"CPU µs": used * 1e6})


def grown(checkout: Path, reports: int) -> Iterator[tuple[int, float]]:
    """Send so many reports; yields after each burst how many came so far, and the MiB resident."""
    sent = 0
    with filled("sqlite", reports + SPARE, at=checkout) as databases:
        template = request(CALLBACK, SECRET, report())
        with serving(databases.fresh(), checkout) as server:
            while sent < reports:
                calls = (sent, reports + SPARE - sent, "placed")
                load = drive([server.port], template, calls, CONNECTIONS, BURST_SECONDS)
                sent += int(load["sent"])
                yield sent, sum(process.memory_info().rss for process in server.tree()) / 2**20


@click.command(help=__doc__)
@click.option("--reports", default=REPORTS)
def command(reports: int) -> None:
    """Measure starts, then memory."""
    with filled("sqlite", 1) as databases:
        found = list(starts([(databases.template, Candidate("obdtrack"))], STARTS))
    rows = [[f"{sent:,}", f"{resident:.1f}"] for sent, resident in grown(HERE, reports)]
    shown = table(("reports so far", "MiB, all processes"), rows)
    publish("memory", standings(found, {}), shown)
