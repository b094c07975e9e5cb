"""The table of calls that people download: every fact of a call, in the words of the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from obdtrack.calls import search
from obdtrack.calls.placing.submissions import callers_of
from obdtrack.calls.representation import call_view
from obdtrack.calls.search import CallFilter
from obdtrack.calls.states import states_of
from obdtrack.domain.facts import FACTS, FactKind
from obdtrack.domain.fold import CallState
from obdtrack.domain.redaction import hide
from obdtrack.domain.times import to_text
from obdtrack.store import models
from obdtrack.web.pages.filters import Filter
from obdtrack.web.pages.labels import source_word, status_look, why_text
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.preferences import Zone
from obdtrack.web.pages.privacy import Reader
from obdtrack.web.pages.tables import Cell, TableColumn, file_name

_BATCH = 500
_NOT_NEXT_DAY = timedelta(microseconds=1)


_ANSWERED: dict[bool | None, Callable[[], str]] = {
    None: str,
    True: lambda: _("yes"),
    False: lambda: _("no"),
}


_OTHER_FACTS = {
    name: fact for name, fact in FACTS.items() if fact.kind is FactKind.TEXT and fact.title
}
"""What a person did on the call, as far as pages have a title for it."""


class ListedCall(NamedTuple):
    """A call as it is stored, where it stands, how its reader is shown it, and who placed it."""

    call: models.Call
    state: CallState
    shown: dict[str, Any]
    caller: str | None

    @property
    def words(self) -> str | None:
        """The provider's own words."""
        words: str | None = self.shown["provider_message"] or self.shown["provider_status"]
        return words


def call_rows(wanted: CallFilter, reader: Reader) -> Iterator[ListedCall]:
    """Return the calls that are wanted, newest first, reading some hundred at a time."""
    for batch in search.in_batches(wanted, _BATCH):
        states = states_of(batch)
        callers = callers_of(batch)
        for call in batch:
            state = states[call.id]
            shown = call_view(call, state, numbers_in_full=reader.sees_numbers)
            yield ListedCall(call, state, shown, callers.get(call.submission.key_id))


def call_columns() -> list[TableColumn]:
    """Return the columns, with headings in the reader's language."""
    return [
        TableColumn(_("Placed"), lambda row: row.call.created_at, of_times=True),
        TableColumn(_("Number"), _shown("to")),
        TableColumn(_("Status"), lambda row: status_look(row.state.status).word),
        TableColumn(_("Why"), lambda row: why_text(row.state.reason)),
        TableColumn(_("Provider's words"), lambda row: row.words),
        TableColumn(_("Conflict"), lambda row: _("yes") if row.state.conflict else ""),
        TableColumn(_("Answered"), lambda row: _ANSWERED[row.state.answered]()),
        TableColumn(_("Started"), lambda row: row.state.started_at, of_times=True),
        TableColumn(_("Ended"), lambda row: row.state.ended_at, of_times=True),
        TableColumn(_("Talk time (s)"), lambda row: row.state.duration_seconds),
        TableColumn(_("Billable seconds"), lambda row: row.state.billable_seconds),
        TableColumn(_("Cost"), lambda row: row.state.charges and Decimal(row.state.charges)),
        TableColumn(_("Attempts"), lambda row: len(row.state.attempts)),
        TableColumn(_("Result of each attempt"), _each_attempt),
        TableColumn(_("Campaign"), _shown("name")),
        TableColumn(_("Reference"), _shown("reference")),
        TableColumn(_("Caller"), lambda row: row.caller),
        TableColumn(_("Flow"), _shown("flow_id")),
        TableColumn(_("Sound"), _shown("audio")),
        TableColumn(_("Bridge"), _shown("bridge")),
        TableColumn(
            _("Known from"), lambda row: source_word(row.state.status_source, row.state.status)
        ),
        TableColumn(_("Known since"), lambda row: row.state.status_as_of, of_times=True),
        *(TableColumn(_(fact.title or name), _shown(name)) for name, fact in _OTHER_FACTS.items()),
        TableColumn(_("Recording"), _shown("recording_url")),
        TableColumn(_("Call id"), lambda row: str(row.call.id)),
        TableColumn(_("Provider's id"), _shown("provider_id")),
        TableColumn(_("Submission id"), lambda row: str(row.shown["submission_id"])),
    ]


def table_name(chosen: Filter, zone: Zone, now: datetime) -> str:
    """Return what the file is called: the filter in words, and its days; no number is in it."""
    wanted = chosen.wanted
    first, last = (
        f"{zone.local(moment):%Y-%m-%d}" if moment else None
        for moment in (wanted.since, (wanted.until or now) - _NOT_NEXT_DAY)
    )
    return file_name(
        "calls",
        *("attention" if wanted.attention else "", *wanted.statuses),
        wanted.reason,
        hide(wanted.name or ""),
        "found" if chosen.searched else "",
        *((first, "to") if first and first != last else ("until",) if not first else ()),
        last,
    )


def filter_in_words(chosen: Filter) -> dict[str, str]:
    """Return what was asked for, by its name in the address, for the audit; no number is in it."""
    wanted = chosen.wanted._replace(number=None, status=", ".join(chosen.wanted.statuses))
    return {
        name: to_text(value) if isinstance(value, datetime) else str(value)
        for name, value in wanted._asdict().items()
        if (value or name == "hour") and value is not None and name not in ("statuses", "shift")
    }


def _shown(name: str) -> Callable[[ListedCall], Cell]:
    return lambda row: row.shown[name]


def _each_attempt(row: ListedCall) -> str:
    return "; ".join(
        f"{attempt.number}: {status_look(attempt.status).word}"
        for attempt in row.state.attempts
        if attempt.status
    )
