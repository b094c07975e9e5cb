"""Computes calls anew from raw deliveries and responses, and compares or fixes what is stored.

What we did and what persons said stays as it is: nothing rawer is known of that. So does the time
of a check that was planned, also if it is past or was put off; it is mended only if a call that
still waits has none, or one that does not wait has one. At last the figures are counted anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from obdtrack.calls import queries
from obdtrack.calls.journal import Journal, open_journal
from obdtrack.calls.queries import CallRow
from obdtrack.calls.rederive import REDERIVABLE, rederive
from obdtrack.calls.states import rest_of, state_row
from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.phone import is_erased
from obdtrack.domain.poll_schedule import POLL, plan
from obdtrack.domain.progress import Watcher, WorkDone, unwatched
from obdtrack.providers.base import CallLog
from obdtrack.services import Services
from obdtrack.statistics import counters
from obdtrack.store import bulk_sql, models, tasks
from obdtrack.store.columns import dumps
from obdtrack.store.database_errors import repeated

BATCH = 200
_FACTS = ("kind", "source", "status", "reason", "occurred_at", "recorded_at", "detail",
          "times_seen")  # fmt: skip
_columns = attrgetter(*queries.STATE_COLUMNS)
_ANY_SCHEDULE = (timedelta(days=1),)


class Rebuilt(NamedTuple):
    """How many calls were looked at, which of them differ (or differed), and how many figures."""

    calls: int
    different: tuple[UUID, ...]
    figures: int = 0


def rebuild(services: Services, *, check: bool, watch: Watcher = unwatched) -> Rebuilt:
    """Compute every call anew; with `check` only compare. Returns what differs.

    Works in batches of short transactions, so that reports go on coming in meanwhile. The figures
    are compared with the calls as they then stand. Raises ObdtrackError (unavailable) if the
    database is out of use.
    """
    seen, different, total = 0, list[UUID](), models.Call.select().count()
    for call_ids in _batches():
        different += _rebuilt(call_ids, services, mend=not check)
        seen += len(call_ids)
        watch(WorkDone("calls", seen, total))
    watch(WorkDone("figures"))
    return Rebuilt(seen, tuple(different), _wrong_figures(services, mend=not check))


@repeated
def _rebuilt(call_ids: Sequence[UUID], services: Services, *, mend: bool) -> list[UUID]:
    """Compute these calls anew in one transaction; returns those that differ."""
    with open_journal(services) as journal:
        rows = journal.calls(call_ids)
        stored = queries.history(call_ids)
        found = {row.id: row for row in bulk_sql.load(models.Call, "id", call_ids)}
        return [
            row.id
            for row in rows
            if not _agrees(row, found[row.id], stored[row.id], journal, mend=mend)
        ]


def _batches() -> Iterator[list[UUID]]:
    after: UUID | None = None
    while call_ids := queries.ids_after(after, BATCH):
        yield call_ids
        after = call_ids[-1]


def _wrong_figures(services: Services, *, mend: bool) -> int:
    """Count the figures that differ. Nobody waits while they are compared, only if some do."""
    with counters.one_moment(services.store):
        wrong = counters.wrong()
    if wrong and mend:
        with services.store.write():
            counters.recount()
    return wrong


def _agrees(
    match: CallRow, row: models.Call, stored: Sequence[Event], journal: Journal, *, mend: bool
) -> bool:
    services = journal.services
    answered, reports = rederive(match, row, stored, services)
    made = [*answered, *reports]
    kept = [event for event in stored if event.kind not in REDERIVABLE]
    old = [event for event in stored if event.kind in REDERIVABLE]
    same_events = _facts(old) == _facts(made)
    # What an older version did not store, or could not read yet, is filled in, and no difference.
    more = not same_events and _says_more(old, made)
    state = fold(stored if same_events else [*kept, *made], match.interval)
    due = fold(stored, match.interval) if more else state
    check_at = _check_at(match, row, state, services)
    same_columns = _columns(row) == state_row(due)
    same_state = same_columns and (row.state is None or dumps(row.state) == dumps(rest_of(due)))
    same_check = check_at == row.next_check_at and bool(check_at) == tasks.planned(POLL, row.id)
    same = (same_events or more) and same_state and same_check
    if mend and (more or not same or row.state is None):
        journal.replace(match.id, REDERIVABLE, made, state, check_at, rewrite=not same_events)
    return same


def _facts(events: Sequence[Event]) -> list[list[object]]:
    return sorted(([getattr(event, name) for name in _FACTS] for event in events), key=repr)


def _says_more(old: Sequence[Event], made: Sequence[Event]) -> bool:
    """Whether events say all they said, and beside it only what used to be left in `extra`.

    So a version that knows one more fact finds no difference in every call that it was sent with.
    """
    if len(old) != len(made):
        return False
    for one, other in zip(sorted(old, key=_origin), sorted(made, key=_origin), strict=True):
        was, now = dict(one.detail), dict(other.detail)
        unread, left = was.pop("extra", {}), now.pop("extra", {})
        within = was.items() <= now.items() and left.items() <= unread.items()
        moved = len(now) - len(was) <= len(unread) - len(left)
        same = _facts([one._replace(detail={})]) == _facts([other._replace(detail={})])
        if not (within and moved and same):
            return False
    return True


def _origin(event: Event) -> tuple[str, datetime, str]:
    return event.kind, event.recorded_at, f"{event.delivery_id} {event.response_id}"


def _check_at(
    match: CallRow, row: models.Call, state: CallState, services: Services
) -> datetime | None:
    """Return when the call is to be asked about: as stored, unless that cannot be right."""
    stored: datetime | None = row.next_check_at
    if is_erased(match.to_number):
        return stored  # nobody asks about it any more, whatever was planned
    has_log = isinstance(services.provider_of(match), CallLog)
    planned = partial(
        plan, state, created_at=match.created_at, interval=match.interval, has_log=has_log
    )
    # By any schedule at all: what was planned by settings that have changed since still counts.
    if planned(now=match.created_at, schedule=_ANY_SCHEDULE).next_check_at is None:
        return None
    schedule = services.settings.poll_schedule
    return stored or planned(now=services.now(), schedule=schedule).next_check_at
