"""A list of recipients: how fast it is imported and checked, in how much memory, beside reports.

Reports are posted one after the other, 50 a second, and the server's resident memory is read.
"""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles

import click
import requests

from bench.databases import filled
from bench.load import CALLBACK, filled_in, report
from bench.measure import publish, table
from bench.product import MAKE_KEY, SECRET, Server, post, run, serving

CALLS, PAUSE_SECONDS, QUIET_SECONDS, PATIENCE_SECONDS = 50_000, 0.02, 5, 1800
COLUMNS = {"to": "Phone", "variables.name": "Name", "reference": "Order"}
FIGURES = ("rows a second", "seconds", "most MiB", "report p50 ms", "p99 ms", "slowest ms")


@click.command(help=__doc__)
@click.option("--rows", default=500_000)
@click.option("--database", type=click.Choice(["sqlite", "postgres"]), default="sqlite")
def command(rows: int, database: str) -> None:
    """Measure an import and a check of one campaign."""
    shown = []
    with filled(database, CALLS) as databases, tempfile.TemporaryFile() as file:
        key = run(databases.template, *MAKE_KEY)
        numbers = random.Random(1).sample(range(10**8), rows)
        file.write(b"Phone,Name,Order\n")
        file.writelines(b"+9188%08d,Name %d,order-%d\n" % (n, n, n) for n in numbers)
        with serving(databases.fresh()) as server, requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {key}"
            campaigns = f"http://127.0.0.1:{server.port}/api/v1/campaigns"
            plan = {"name": "list", "flow_id": "23", "bridge": "+918068280000"}
            session.post(campaigns, json=plan, timeout=PATIENCE_SECONDS).raise_for_status()

            def sent() -> requests.Response:
                file.seek(0)
                kind = {"Content-Type": "text/csv"}
                url, patience = f"{campaigns}/list/recipients", PATIENCE_SECONDS
                return session.post(url, file, params=COLUMNS, headers=kind, timeout=patience)

            def checked() -> requests.Response:
                return session.post(f"{campaigns}/list/check", timeout=PATIENCE_SECONDS)

            shown.append(_figures("nothing else", server, 0, lambda: time.sleep(QUIET_SECONDS)))
            shown.append(_figures("import", server, rows, lambda: _ready(sent(), rows)))
            shown.append(_figures("check", server, rows, lambda: _ready(checked(), rows)))
        size = file.tell() / 2**20
    publish("import", table(("", *FIGURES), shown), rows=rows, file=f"{size:.1f} MiB")


def _ready(response: requests.Response, rows: int) -> None:
    """Raise unless all recipients are ready: in an import, or in the campaign that was checked."""
    response.raise_for_status()
    found = response.json()
    ready = (found.get("checked") or found)["ready"]
    if ready != rows:
        raise click.ClickException(f"{ready} of {rows} are ready.")


def _figures(name: str, server: Server, rows: int, work: Callable[[], None]) -> list[str]:
    """Do some work, and return a row of FIGURES."""
    with _watched(server) as (reports, memory):
        begun = time.monotonic()
        work()
        seconds = time.monotonic() - begun
    cuts = quantiles(reports, n=100, method="inclusive")
    rate = f"{rows / seconds:,.0f}" if rows else ""
    milliseconds = (f"{value:.1f}" for value in (cuts[49], cuts[98], max(reports)))
    return [name, rate, f"{seconds:.1f}", f"{max(memory) / 2**20:.0f}", *milliseconds]


@contextmanager
def _watched(server: Server) -> Iterator[tuple[list[float], list[int]]]:
    """Post reports during the block; gives how long each took (ms), and the memory (bytes)."""
    reports, memory, over = list[float](), list[int](), threading.Event()
    template = report()

    def go_on() -> None:
        while not over.wait(PAUSE_SECONDS):
            begun = time.monotonic()
            post(server.port, CALLBACK, SECRET, filled_in(template, random.randrange(CALLS)))
            reports.append((time.monotonic() - begun) * 1000)
            memory.append(sum(process.memory_info().rss for process in server.tree()))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield reports, memory
    finally:
        over.set()
        thread.join()
