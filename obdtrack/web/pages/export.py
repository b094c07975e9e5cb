"""Calls as lines of CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from uuid import UUID

from obdtrack.calls import queries, search
from obdtrack.calls.search import CallFilter
from obdtrack.domain.fold import NOT_TAKEN, fold
from obdtrack.domain.redaction import hide
from obdtrack.domain.times import to_text
from obdtrack.store import models
from obdtrack.web.http.auth import streamed
from obdtrack.web.pages.privacy import Reader

COLUMNS = (
    "id", "created_at", "to", "status", "reason", "answered", "status_source", "status_as_of",
    "campaign", "reference", "provider_id", "attempts", "started_at", "ended_at",
    "duration_seconds", "charges", "billable_seconds", "provider_message",
)  # fmt: skip
_BATCH = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(wanted: CallFilter, reader: Reader) -> Iterator[str]:
    """Return the table line by line, reading some hundred calls at a time."""
    return streamed(_lines(search.in_batches(wanted, _BATCH), reader))


def _lines(batches: Iterable[list[models.Call]], reader: Reader) -> Iterator[str]:
    yield "\ufeff" + _line(COLUMNS)  # the mark has spreadsheets read UTF-8
    for batch in batches:
        words = _provider_messages(batch, reader)
        yield "".join(_line((*_row(call, reader), words.get(call.id))) for call in batch)


def _provider_messages(batch: Iterable[models.Call], reader: Reader) -> dict[UUID, str]:
    """Return what the provider's responses said to those calls that it did not take."""
    not_taken = {call.id: call for call in batch if call.status in NOT_TAKEN}
    states = (
        (not_taken[call_id], fold(events, not_taken[call_id].interval))
        for call_id, events in queries.history(not_taken).items()
    )
    return {
        call.id: message if reader.sees_numbers else hide(message, call.to_number)
        for call, state in states
        if (message := state.provider_message)
    }


def _row(call: models.Call, reader: Reader) -> tuple[object, ...]:
    times = (call.created_at, call.status_as_of, call.started_at, call.ended_at)
    created, as_of, started, ended = (None if t is None else to_text(t) for t in times)
    return (
        call.id, created, reader.number(call.to_number), call.status, call.reason, call.answered,
        call.status_source, as_of, call.name, call.reference, call.provider_id,
        call.attempt_count, started, ended, call.duration_seconds, call.charges,
        call.billable_seconds,
    )  # fmt: skip


def _line(values: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([defused(value) for value in values])
    return text.getvalue()


def defused(value: object) -> str:
    """Return a cell as text; what a spreadsheet would calculate gets an apostrophe in front."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
