"""Turns the measurements of `ingest` into tables: ratios within each round, and the targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench.contestants import CEILING
from bench.results import Table

if TYPE_CHECKING:
    from bench.ingest import Measurement

COLUMNS = (
    "contestant", "× min", "× median", "× max", "requests/s", "p50 ms", "p99 ms",
    "CPU µs/request", "peak MiB", "wrk's core",
)  # fmt: skip


class Target(NamedTuple):
    """What we want of two contestants in one round: `figure(ours) / figure(theirs)`.

    It holds where these two are what is compared; on PostgreSQL that is two processes of ours.
    """

    title: str
    theirs: str
    figure: Callable[[Measurement], float]
    wanted: float
    at_least: bool = True
    ours: str = "ours"


def _rate(measurement: Measurement) -> float:
    return measurement.load.rate


def _p99(measurement: Measurement) -> float:
    return measurement.load.p99


TWICE = "ours-2"
TARGETS = (
    Target("rate, of the bare Flask route's", CEILING, _rate, 0.6),
    Target("rate, of the obvious receiver's", "flask-peewee", _rate, 10),
    Target(
        "rate with 2 processes, of the obvious receiver's", "flask-peewee", _rate, 2.5, ours=TWICE
    ),
    Target("rate, of Fastify's", "fastify", _rate, 2),
    Target("p99, of Fastify's", "fastify", _p99, 0.5, at_least=False),
)


def tables(
    found: Sequence[Measurement], titles: Mapping[str, str], skipped: Sequence[str]
) -> list[Table]:
    """Return a table for each number of connections, and one of the targets."""
    counts = dict.fromkeys(measurement.connections for measurement in found)
    groups = {n: [m for m in found if m.connections == n] for n in counts}
    shown = [_standing(n, group, titles, skipped) for n, group in groups.items()]
    return [*shown, _targets(groups)]


def _standing(
    connections: int, found: list[Measurement], titles: Mapping[str, str], skipped: Sequence[str]
) -> Table:
    ceiling = _ceiling(found)
    rows = []
    for name, title in titles.items():
        mine = [m for m in found if m.contestant == name]
        ratios = _ratios(mine, [m for m in found if m.contestant == ceiling], _rate)
        rows.append([title, *_spread(ratios), *_figures(mine)])
    notes = [
        f"× is the rate relative to `{ceiling}` in the same round: the fastest bare Flask route.",
        "Figures are medians over the rounds; peak MiB is the sum over the server's processes.",
        *skipped,
    ]
    if ceiling is None:
        notes = [*skipped]
    return Table(f"{connections} connections", COLUMNS, rows, notes)


def _ceiling(found: Sequence[Measurement]) -> str | None:
    rates: dict[str, list[float]] = {}
    for measurement in found:
        if measurement.contestant.startswith(CEILING):
            rates.setdefault(measurement.contestant, []).append(measurement.load.rate)
    return max(rates, key=lambda name: median(rates[name]), default=None)


def _ratios(
    mine: Sequence[Measurement],
    theirs: Sequence[Measurement],
    figure: Callable[[Measurement], float],
) -> list[float]:
    by_round = {measurement.round: figure(measurement) for measurement in theirs}
    return [figure(m) / by_round[m.round] for m in mine if by_round.get(m.round)]


def _spread(ratios: Sequence[float]) -> list[str]:
    if not ratios:
        return ["", "", ""]
    return [f"{ratio:.2f}" for ratio in (min(ratios), median(ratios), max(ratios))]


def _figures(mine: Sequence[Measurement]) -> list[str]:
    def middle(figure: Callable[[Measurement], float]) -> float:
        return median(map(figure, mine))

    return [
        f"{middle(_rate):,.0f}",
        f"{middle(lambda m: m.load.p50):.1f}",
        f"{middle(_p99):.1f}",
        f"{middle(lambda m: m.cpu_seconds / m.load.answered * 1e6):,.0f}",
        f"{middle(lambda m: m.peak_bytes / 2**20):,.0f}",
        f"{middle(lambda m: m.load.generator):.0%}",
    ]


def _targets(groups: Mapping[int, list[Measurement]]) -> Table:
    rows = []
    for connections, found in groups.items():
        ours_is = TWICE if any(m.contestant == TWICE for m in found) else "ours"
        for target in (target for target in TARGETS if target.ours == ours_is):
            ours = [m for m in found if m.contestant == target.ours]
            name = _ceiling(found) if target.theirs == CEILING else target.theirs
            theirs = [m for m in found if m.contestant == name]
            if ratios := _ratios(ours, theirs, target.figure):
                rows.append([f"{target.title} at {connections}", *_verdict(target, ratios)])
    return Table("Targets", ("ours", "× median", "wanted", ""), rows)


def _verdict(target: Target, ratios: Sequence[float]) -> list[str]:
    reached = median(ratios)
    met = reached >= target.wanted if target.at_least else reached <= target.wanted
    sign = "≥" if target.at_least else "≤"
    return [f"{reached:.2f}", f"{sign} {target.wanted:g}", "met" if met else "missed"]
