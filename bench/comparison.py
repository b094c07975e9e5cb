"""Compares measurements within each round; prints tables, and keeps them with what ran them."""

import json
import os
import platform
import sqlite3
import sysconfig
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).with_name("results")
FIGURES = {  # of a measurement: what each is called, and how it is written
    "rate": ("requests/s", ",.0f"),
    "p50": ("p50 ms", ".2f"),
    "p99": ("p99 ms", ".2f"),
    "cpu": ("CPU µs/request", ",.0f"),
    "resident": ("MiB", ",.0f"),
}
Found = list[dict[str, Any]]  # measurements: the load, the candidate, the round, and the figures


def measured(load: str, candidate: str, number: int, figures: dict[str, Any]) -> dict[str, Any]:
    """Return one measurement, and print that it is done."""
    print(
        f"round {number}, {load}: {candidate}  {figures['rate']:,.0f}/s  p50 {figures['p50']:.2f}"
        f"  p99 {figures['p99']:.2f} ms  CPU {figures['cpu']:,.0f} µs",
        flush=True,
    )
    return {"load": load, "candidate": candidate, "round": number, **figures}


def ratios(found: Found, load: str, figure: str, mine: str, theirs: str) -> list[float]:
    """Return by how much a figure of `mine` is that of `theirs`, in each round."""
    own, other = (_values(found, load, figure, candidate) for candidate in (mine, theirs))
    return [own[number] / other[number] for number in own]


def standings(
    found: Found, titles: dict[str, str], wanted: dict[tuple[str, str], str]
) -> list[str]:
    """Return a table for each load, a row for each candidate: medians over the rounds, and ratios.

    `wanted` has the figures that are compared, with whose, and what is wanted of the ratio.
    """
    pairs = {p: w for p, w in wanted.items() if any(m["candidate"] == p[1] for m in found)}
    headings = [f"× {figure} of {other}{wish}" for (figure, other), wish in pairs.items()]
    tables = []
    for load in dict.fromkeys(m["load"] for m in found):
        rows = [
            [title]
            + [_spread(ratios(found, load, figure, name, other)) for figure, other in pairs]
            + [_median(found, load, figure, name) for figure in FIGURES]
            for name, title in titles.items()
        ]
        columns = ["candidate", *headings, *(title for title, _ in FIGURES.values())]
        tables.append(table(load, columns, rows))
    return tables


def beside(title: str, found: Found, first: str, second: str, figures: Sequence[str]) -> str:
    """Return a table with a row for each load: two candidates' medians, and second to first."""
    columns, rows = ["load"], []
    for figure in figures:
        columns += [f"{FIGURES[figure][0]}: {first}", second, "×"]
    for load in dict.fromkeys(m["load"] for m in found):
        rows.append([load])
        for figure in figures:
            rows[-1] += [_median(found, load, figure, candidate) for candidate in (first, second)]
            rows[-1].append(_spread(ratios(found, load, figure, second, first)))
    return table(title, columns, rows)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown; the first column is left-aligned, the others are figures."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    form = f"| {{:<{widths[0]}}} |" + "".join(f" {{:>{width}}} |" for width in widths[1:])
    rule = form.format(*("-" * (width - 1) + "-:"[i > 0] for i, width in enumerate(widths)))
    lines = [form.format(*columns), rule, *(form.format(*row) for row in rows)]
    return "\n".join([f"## {title}", "", *lines, ""])


def publish(name: str, tables: Sequence[str], data: Any, **facts: object) -> None:
    """Print what was measured on what, and keep it, with the single measurements, in files.

    A Python built with profile-guided optimization is faster; pyenv makes one only if asked to.
    """
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    optimized = "with" if "--enable-optimizations" in options else "without"
    facts |= {
        "Python": f"{platform.python_version()}, built {optimized} PGO",
        "machine": f"{os.cpu_count()} processors, {platform.platform()}, load {os.getloadavg()}",
        "SQLite, granian": f"{sqlite3.sqlite_version}, {version('granian')}",
    }
    listed = "\n".join(f"- {fact}: {value}" for fact, value in facts.items())
    text = "\n".join([f"# {name}, {datetime.now(UTC):%F}\n", listed, "", *tables])
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.md").write_text(text)
    (FOLDER / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
    print(f"\n{text}\nWritten to {FOLDER}/{name}.md and .json")


def _values(found: Found, load: str, figure: str, candidate: str) -> dict[int, float]:
    mine = [m for m in found if (m["load"], m["candidate"]) == (load, candidate)]
    return {m["round"]: m[figure] for m in mine}


def _median(found: Found, load: str, figure: str, candidate: str) -> str:
    return format(median(_values(found, load, figure, candidate).values()), FIGURES[figure][1])


def _spread(each: Sequence[float]) -> str:
    return f"{median(each):.2f} ({min(each):.2f}–{max(each):.2f})"
