"""Memory over many reports, and the time to the first answer.

The memory of the processes is read between bursts of reports; it must not keep growing.
"""

import os
import time
from statistics import median

import click

from bench.comparison import publish, table
from bench.databases import filled
from bench.load import drive, report, request
from bench.product import CALLBACK, SECRET, run, serving

CONNECTIONS, BURST_SECONDS, STARTS = 32, 4.0, 5
SPARE = 60_000  # calls filled in beyond those asked for, so that the last burst has enough


@click.command(help=__doc__, context_settings={"show_default": True})
@click.option("--reports", default=200_000)
def command(reports: int) -> None:
    """Measure starts, then memory."""
    samples, starts, sent = [], [], 0
    with filled("sqlite", reports + SPARE) as databases:
        url, template = databases.fresh(), request(CALLBACK, SECRET, report())
        for what in ("serve, to the first answer", "--help", "migrate"):
            seconds, busy = zip(*(_start(url, what) for _ in range(STARTS)), strict=True)
            figures = min(seconds), median(seconds), max(seconds), median(busy)
            starts.append([what, *(f"{figure:.2f}" for figure in figures)])
        with serving(url) as server:
            samples.append((0, server.usage()[1]))
            while sent < reports:
                calls = (sent, reports + SPARE - sent, "placed")
                load = drive([server.port], template, calls, CONNECTIONS, BURST_SECONDS)
                sent += int(load["sent"])
                samples.append((sent, server.usage()[1]))
    half, last = samples[len(samples) // 2], samples[-1]
    grown, more = last[1] - half[1], max(last[0] - half[0], 1)
    title = f"Resident memory, all processes; from {half[0]:,} to {last[0]:,} reports "
    title += f"{grown:+.1f} MiB, {grown * 2**20 / more:+.1f} bytes a report"
    rows = [[f"{sent:,}", f"{size:.1f}"] for sent, size in samples]
    tables = [table("Starts", ("what", "min s", "median s", "max s", "CPU s"), starts)]
    tables.append(table(title, ("after reports", "MiB"), rows))
    publish("memory", tables, {"starts": starts, "resident MiB after reports": samples})


def _start(url: str, what: str) -> tuple[float, float]:
    """Return the seconds of a command, or of `serve` to its first answer, and the processor's."""
    begun, used = time.monotonic(), sum(os.times()[2:4])
    if not what.startswith("serve"):
        run(url, what)
        return time.monotonic() - begun, sum(os.times()[2:4]) - used
    with serving(url) as server:
        return time.monotonic() - begun, server.usage()[0]
