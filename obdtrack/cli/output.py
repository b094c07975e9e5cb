"""What commands print: tables and JSON on standard output, how far they are on standard error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Timer
from typing import TYPE_CHECKING, Any

import click

from obdtrack.domain.progress import Watcher, WorkDone, unwatched

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_MODULE = "python -m obdtrack"

PROGRAM = "obdtrack" if os.path.basename(sys.argv[0]) == "obdtrack" else _MODULE
"""What this was called as, if it was called as a program."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")

AFTER_SECONDS = 1.0
"""What is done within this time is not worth a bar."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on standard output."
)


def as_called(text: str) -> str:
    """Return a text whose advice to run a command calls it as this one was called."""
    return text.replace(_MODULE, PROGRAM)


def examples(*commands: str) -> str:
    """Return commands (without PROGRAM) as the last part of a help text."""
    lines = "\n".join(f"  {PROGRAM} {line}" for line in commands)
    return f"\b\nExamples:\n{lines}"


def show(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    as_json: bool,
    none: str,
    *,
    as_lines: bool = False,
) -> None:
    """Print rows: as JSON all they have, else these columns as a table, or `none` if there is none.

    `as_lines` makes the JSON one line a row instead of one document, for lists without an end.
    """
    if as_json and as_lines:
        for line in json_lines(rows):
            click.echo(line, nl=False)
        return
    listed = list(rows)
    if as_json:
        show_json(listed)
    elif not listed:
        click.echo(none, err=True)
    else:
        cells = [[cell(row[name]) for name in columns] for row in listed]
        (_show_table if sys.stdout.isatty() else _show_plain)(columns, cells)


def tell(words: Iterable[str], data: object, as_json: bool) -> None:
    """Print what came of a command: its words, line by line, or the same as JSON."""
    if as_json:
        show_json(data)
    else:
        for line in words:
            click.echo(line)


def tell_one(view: Mapping[str, Any], as_json: bool) -> None:
    """Print one thing, each of its parts after its name."""
    width = max(map(len, view)) + 2
    tell((f"{name + ':':<{width}}{cell(value)}" for name, value in view.items()), view, as_json)


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Return each row as one line of JSON."""
    return (f"{_dumped(row, 0)}\n" for row in rows)


def show_json(data: object) -> None:
    """Print one JSON document, for people to read as well."""
    import orjson

    click.echo(_dumped(data, orjson.OPT_INDENT_2))


def cell(value: object) -> str:
    """Return a value as text in one line that cannot steer the terminal."""
    if isinstance(value, Mapping):
        known = {name: part for name, part in value.items() if part is not None}
        value = ", ".join(f"{name}={cell(part)}" for name, part in known.items())
    if isinstance(value, datetime):
        from obdtrack.domain.times import to_text  # not for --help, which should be quick

        value = to_text(value)
    if isinstance(value, bool):
        value = "yes" if value else "no"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return printable("-" if value is None or not text else text)


def printable(text: str) -> str:
    """Return a text whose control characters are replaced."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


@contextmanager
def progress(
    console: Callable[[], Console] | None = None, after: float = AFTER_SECONDS
) -> Iterator[Watcher]:
    """Show a bar for each part of the work it is told of, once the work lasts longer.

    On standard error, if that is a terminal; `console` makes another to show it on.
    """
    if console is None and not sys.stderr.isatty():
        yield unwatched
        return
    from rich.console import Console

    bars = make_bars(console() if console else Console(stderr=True))
    later = Timer(after, bars.start)
    later.start()

    def watch(work: WorkDone) -> None:
        bar = next((task for task in bars.tasks if task.description == work.name), None)
        shown = bar.id if bar else bars.add_task(work.name, total=work.total)
        bars.update(shown, completed=work.done, total=work.total)

    try:
        yield watch
    finally:
        later.cancel()
        later.join()
        bars.stop()


def make_bars(console: Console) -> Progress:
    """Return bars with name, length, count and the time that is left."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True), console=console,
    )  # fmt: skip


def _dumped(data: object, options: int) -> str:
    import orjson

    return orjson.dumps(data, option=options | orjson.OPT_UTC_Z, default=_as_text).decode()


def _as_text(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _show_plain(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print rows under their names, each column as wide as its widest cell."""
    rows = [columns, *cells]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _show_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print a table as wide as the terminal, in which long cells go on in the next line.

    A column in which nothing stands is left out, and a time is shown to the second.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    by_name = dict(zip(columns, zip(*cells, strict=True), strict=True))
    told = {name: column for name, column in by_name.items() if set(column) != {"-"}}
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, column in told.items():
        # An id is there to be copied, and a time to be read, which is awkward in two parts.
        whole = name == "id" or any(map(_TIME.fullmatch, column))
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=whole)
    for row in zip(*told.values(), strict=True):
        table.add_row(*(Text(_TIME.sub(r"\1 \2Z", text)) for text in row))
    Console().print(table)
