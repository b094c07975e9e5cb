"""The same questions of a small and of a large database: what a thousand times more rows cost.

Both are asked in turn, about calls picked at random; each call has ten rows of events and
deliveries. Everything is in the system's cache, as on a machine with memory enough.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import click

from bench import machine, product, reports
from bench.databases import filled, workplace
from bench.fill import Plan
from bench.questions import BATCH, QUESTIONS, About, report_of
from bench.results import Table, publish
from obdtrack.store import models
from obdtrack.store.database import bind_tables

REPORTS_OF_A_CALL = 4
WANTED = 1.5
QUICK_MS = 20
COLUMNS = ("question", "small p50 ms", "large p50 ms", "×", "small p99 ms", "large p99 ms", "×")


@click.command(help=__doc__)
@click.option("--small", default=10_000, show_default=True, help="Calls in the small database.")
@click.option("--large", default=1_000_000, show_default=True, help="Calls in the large one.")
@click.option("--times", default=200, show_default=True, help="How often each question is asked.")
@click.option("--database", type=click.Choice(["sqlite", "postgres"]), default="sqlite")
def command(small: int, large: int, times: int, database: str) -> None:
    """Fill both, ask both, and compare."""
    with workplace() as folder, ExitStack() as stack:
        facts = machine.facts(folder) | {"database": database}
        sides = {name: _Side(stack, database, folder / name, calls)
                 for name, calls in (("small", small), ("large", large))}  # fmt: skip
        found = {name: _ask(name, list(sides.values()), times) for name in QUESTIONS}
        sizes = [(side.calls, side.bytes()) for side in sides.values()]
    name = "growth" if database == "sqlite" else f"growth-{database}"
    publish(name, [_table(found), _size_table(sizes)], facts, found)


class _Side:
    """One of the two databases, open for as long as the stack."""

    def __init__(self, stack: ExitStack, kind: str, folder: Path, calls: int) -> None:
        folder.mkdir()
        self.calls = calls
        plan = Plan(calls, REPORTS_OF_A_CALL)
        begun = time.monotonic()
        databases = stack.enter_context(filled(kind, folder, plan))
        print(f"  in {time.monotonic() - begun:.0f} s", flush=True)
        self.services = product.services(databases.template)
        self._random = random.Random(1)
        self._attempts = 0
        stack.callback(self.services.store.close_all)
        self.services.store.connect()

    def bind(self) -> None:
        """Make the product's questions go to this database."""
        bind_tables(self.services.store)

    def about(self) -> About:
        """Pick a call at random, with all that questions need to know of it."""
        numbers = self._random.sample(range(self.calls), 1 + BATCH)
        self._attempts += 1
        call = models.Call.get(models.Call.mid == reports.mid(numbers[0]))
        delivery = models.Delivery.get(models.Delivery.call_id == call.id)
        return About(
            services=self.services,
            call_id=call.id,
            provider_id=str(call.provider_id),
            mid=str(call.mid),
            number=call.to_number,
            created_at=call.created_at,
            delivery_id=delivery.id,
            stored=[report_of(n, self._attempts) for n in numbers],
        )

    def bytes(self) -> int:
        """Return the size of the database on disk."""
        store = self.services.store
        if isinstance(store.database, str) and Path(store.database).exists():
            store.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return Path(store.database).stat().st_size
        return int(store.execute_sql("SELECT pg_database_size(current_database())").fetchone()[0])


def _ask(name: str, sides: Sequence[_Side], times: int) -> list[list[float]]:
    """Ask one question of the sides in turn; returns each side's times in milliseconds."""
    taken: list[list[float]] = [[] for _ in sides]
    for turn in range(times):
        for place, side in _in_turn(sides, turn):
            side.bind()
            about = side.about()
            begun = time.perf_counter()
            QUESTIONS[name](about)
            taken[place].append((time.perf_counter() - begun) * 1e3)
    print(f"{name:40} {' '.join(f'{median(times):9.3f} ms' for times in taken)}", flush=True)
    return taken


def _in_turn(sides: Sequence[_Side], turn: int) -> Iterator[tuple[int, _Side]]:
    numbered = list(enumerate(sides))
    yield from numbered if turn % 2 else reversed(numbered)


def _table(found: dict[str, list[list[float]]]) -> Table:
    rows = []
    for name, (small, large) in found.items():
        middle = [median(small), median(large)]
        late = [quantiles(times, n=100)[98] for times in (small, large)]
        rows.append([name, *_cells(middle), *_cells(late)])
    notes = [f"Wanted: each median at most {WANTED} × the small one, or under {QUICK_MS} ms."]
    slow = [row[0] for row in rows if float(row[3]) > WANTED and float(row[2]) >= QUICK_MS]
    notes.append(f"Above it: {', '.join(slow)}." if slow else "All are.")
    return Table("Small and large", COLUMNS, rows, notes)


def _cells(pair: Sequence[float]) -> list[str]:
    return [*(f"{value:.3f}" for value in pair), f"{pair[1] / pair[0]:.2f}"]


def _size_table(sizes: Sequence[tuple[int, int]]) -> Table:
    rows: list[list[Any]] = [
        [f"{calls:,}", f"{size / 2**20:,.0f}", f"{size / calls:,.0f}"] for calls, size in sizes
    ]
    return Table("On disk", ("calls", "MiB", "bytes a call"), rows)
