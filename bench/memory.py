"""The time to the first response, and resident memory over many reports: it must not grow."""

import time
from statistics import median

import click

from bench.databases import filled
from bench.load import CALLBACK, drive, report, request
from bench.measure import publish, table
from bench.product import SECRET, serving

CONNECTIONS, BURST_SECONDS, STARTS = 32, 4, 5
SPARE = 60_000  # calls filled in beyond those asked for, so that the last burst has enough


@click.command(help=__doc__)
@click.option("--reports", default=200_000)
def command(reports: int) -> None:
    """Measure starts, then memory."""
    rows, starts, sent = [], [], 0
    with filled("sqlite", reports + SPARE) as databases:
        url, template = databases.fresh(), request(CALLBACK, SECRET, report())
        for _ in range(STARTS):
            begun = time.monotonic()
            with serving(url):
                starts.append(time.monotonic() - begun)
        with serving(url) as server:
            while sent < reports:
                calls = (sent, reports + SPARE - sent, "placed")
                load = drive([server.port], template, calls, CONNECTIONS, BURST_SECONDS)
                sent += int(load["sent"])
                resident = sum(process.memory_info().rss for process in server.tree())
                rows.append([f"{sent:,}", f"{resident / 2**20:.1f}"])
    shown = table(("reports so far", "MiB, all processes"), rows)
    publish("memory", shown, seconds_to_first_response=median(starts))
