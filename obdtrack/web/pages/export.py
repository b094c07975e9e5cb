"""Calls as lines of CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from obdtrack.calls import search
from obdtrack.calls.representation import call_view
from obdtrack.calls.search import CallFilter
from obdtrack.calls.states import states_of
from obdtrack.domain.facts import FACTS
from obdtrack.store import models
from obdtrack.web.http.auth import streamed
from obdtrack.web.pages.privacy import Reader

_COLUMNS = (
    "id", "created_at", "to", "status", "reason", "answered", "status_source", "status_as_of",
    "campaign", "reference", "provider_id", "attempts", "started_at", "ended_at",
    "duration_seconds", "charges", "billable_seconds", "provider_message",
)  # fmt: skip
COLUMNS = (
    *_COLUMNS,
    *(name for name, fact in FACTS.items() if fact.in_csv and name not in _COLUMNS),
)
"""What is reported since stands at the end, so that the others keep their places."""

_BATCH = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(wanted: CallFilter, reader: Reader) -> Iterator[str]:
    """Return the table line by line, reading some hundred calls at a time."""
    return streamed(_lines(search.in_batches(wanted, _BATCH), reader))


def _lines(batches: Iterable[list[models.Call]], reader: Reader) -> Iterator[str]:
    yield "\ufeff" + _line(COLUMNS)  # the mark has spreadsheets read UTF-8
    for batch in batches:
        states = states_of(batch)
        views = [
            call_view(call, states[call.id], numbers_in_full=reader.sees_numbers) for call in batch
        ]
        for shown in views:
            shown |= {"campaign": shown["name"], "attempts": len(shown["attempts"])}
        yield "".join(_line(shown[column] for column in COLUMNS) for shown in views)


def csv_table(table: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Return a table whose lines all have the same names as CSV, with a heading."""
    heading: list[str] = []
    for line in table:
        if not heading:
            heading = list(line)
            yield "\ufeff" + _line(heading)
        yield _line(line.values())
    if not heading:
        yield "\ufeff"


def _line(values: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([defused(value) for value in values])
    return text.getvalue()


def defused(value: object) -> str:
    """Return a cell as text; what a spreadsheet would calculate gets an apostrophe in front."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
