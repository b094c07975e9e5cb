"""Shows results as tables, and keeps them as JSON and as Markdown in `bench/results/`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table as RichTable

FOLDER = Path(__file__).with_name("results")


class Table(NamedTuple):
    """A table of text; the first column is left-aligned, the others are figures."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def publish(name: str, tables: Sequence[Table], facts: Mapping[str, str], data: Any) -> None:
    """Print the tables, and write them and the single measurements to files."""
    console = Console()
    for table in tables:
        if console.is_terminal:
            console.print(_rich(table))
        else:
            print(_plain(table))
        for note in table.notes:
            print(note)
        print()
    FOLDER.mkdir(exist_ok=True)
    day = f"{datetime.now(UTC):%F}"
    text = "\n".join([f"# {name}, {day}", "", *_list(facts), "", *map(_markdown, tables)])
    (FOLDER / f"{name}.md").write_text(text)
    content = {"date": day, "machine": facts, "measurements": data}
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    print(f"Written to {FOLDER}/{name}.md and .json")


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left")
    for place, column in enumerate(table.columns):
        shown.add_column(column, justify="right" if place else "left")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def _plain(table: Table) -> str:
    rows = [table.columns, *table.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.columns))]
    lines = [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([table.title, "", *lines])


def _markdown(table: Table) -> str:
    columns = " | ".join(table.columns)
    rule = " | ".join(["---", *["---:"] * (len(table.columns) - 1)])
    rows = [f"| {' | '.join(row)} |" for row in table.rows]
    notes = [f"- {note}" for note in table.notes]
    return "\n".join(
        [f"## {table.title}", "", f"| {columns} |", f"| {rule} |", *rows, "", *notes, ""]
    )


def _list(facts: Mapping[str, str]) -> list[str]:
    return [f"- {name}: {value}" for name, value in facts.items()]
