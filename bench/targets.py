"""What this checkout is to reach beside another commit, and whether it did."""

import operator
from statistics import median
from typing import NamedTuple

from bench.measure import Found, ratios, table, values

REACHED = {"≥": operator.ge, "≤": operator.le}


class Target(NamedTuple):
    """A bound for the median of a figure, or of its ratio to `theirs` in each round.

    `theirs` is "other" for the other commit, "" for the figure itself.
    """

    load: str
    figure: str
    relation: str
    bound: float
    theirs: str = "other"
    mine: str = "here"


_TWO = "here, 2 processes"
TARGETS = {
    "sqlite": (
        Target("reports × 16", "rate", "≥", 1.55),
        Target("reports × 64", "rate", "≥", 1.8),
        Target("reports × 16", "p99 ms", "≤", 0.8),
        Target("reports × 64", "p99 ms", "≤", 0.8),
        Target("reports × 16", "CPU µs", "≤", 0.6),
        Target("reports × 64", "CPU µs", "≤", 0.5),
        Target("random order × 64", "rate", "≥", 1.5),
        Target("second reports × 16", "rate", "≥", 1),
        Target("second reports × 64", "rate", "≥", 1),
        Target("slow bodies", "answered of 10", "≥", 10, ""),
        Target("slow bodies", "worst ms", "≤", 50, ""),
        Target("memory", "MiB", "≤", 0.55),
        Target("--help", "p50 ms", "≤", 150, ""),
        Target("start", "p50 ms", "≤", 600, ""),
        Target("placing × 1", "CPU µs", "≤", 0.75),
        Target("placing × 8", "rate", "≥", 1.3),
        Target("lists of 100 × 1", "p50 ms", "≤", 20, ""),
        Target("lists of 100 × 1", "rate", "≥", 50, ""),
        Target("newest calls", "CPU µs", "≤", 4000, ""),
        Target("home page", "CPU µs", "≤", 6000, ""),
        Target("a call's page", "CPU µs", "≤", 3000, ""),
        Target("disk", "bytes a call", "≤", 0.8),
    ),
    "postgres": (
        Target("reports × 16", "rate", "≥", 1.6),
        Target("reports × 64", "rate", "≥", 1.6),
        Target("reports × 16", "rate", "≥", 1.3, "here", _TWO),
        Target("reports × 64", "rate", "≥", 1.3, "here", _TWO),
        Target("disk", "bytes a call", "≤", 0.8),
    ),
}


def verdicts(found: Found, database: str, other: str) -> str:
    """Return a table of the targets that were measured: median, range, and whether it is met."""
    rows = []
    for load, figure, relation, bound, whose, mine in TARGETS[database]:
        if not any(m["load"] == load and figure in m for m in found):
            continue
        theirs = other if whose == "other" else whose
        each = (
            ratios(found, load, figure, mine, theirs)
            if theirs
            else values(found, load, figure, mine)
        )
        what, unit = (
            f"{load}{', 2 processes' if mine == _TWO else ''}: {figure}",
            "× " * bool(theirs),
        )
        middle = median(each)
        shown = f"{middle:,.2f} ({min(each):,.2f}–{max(each):,.2f})"
        met = "yes" if REACHED[relation](middle, bound) else "no"
        rows.append([what, f"{relation} {unit}{bound:,g}", shown, met])
    return table(("target", "wanted", "median (range)", "met"), rows)
