"""Takes stock of what waits and what never came: the figures an operator watches."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from peewee import SQL, fn

from obdtrack.calls.outside_hours import OUTSIDE_HOURS
from obdtrack.calls.polling.poll import REPAIRED
from obdtrack.calls.reports.deliveries import to_stored
from obdtrack.calls.reports.process import read
from obdtrack.calls.reports.quarantine import COUNTER
from obdtrack.calls.reports.rejoin import REJOINED
from obdtrack.campaigns.control import CAMPAIGN
from obdtrack.domain.campaign import ENDED
from obdtrack.domain.clock_offset import Skew, find_skew
from obdtrack.domain.destination import DESTINATION, DestinationState, NotificationStatus
from obdtrack.domain.poll_schedule import POLL
from obdtrack.domain.reports import Report, occurred_at
from obdtrack.domain.status import Outcome, Source, Status
from obdtrack.domain.times import settled
from obdtrack.notifications import log
from obdtrack.notifications.alarms import TELLING, open_alarms
from obdtrack.notifications.destinations import all_of_them
from obdtrack.services import Services
from obdtrack.statistics.questions import totals
from obdtrack.store import feed, leases, models
from obdtrack.store.columns import to_microseconds
from obdtrack.store.sqlite import SqliteStore

CAP = 10_000
"""Rows counted at most; a queue of this length is at least as long."""

LOOKED_AT = 1_000
"""Rows looked at one by one, the oldest or the newest."""

REPORTS = 50
"""Last reports whose end times are compared with our clock."""

CALLS = (Status.SUBMITTING, Status.UNKNOWN, Status.QUEUED, Status.UNRESOLVED)
DELIVERIES = (Outcome.UNMATCHED, Outcome.UNREADABLE, Outcome.FAILED)

_BELIEVED = (Outcome.MATCHED, Outcome.DUPLICATE, Outcome.UNMATCHED)


SWEEPS = ("clock", "alarms", "rejoin", "retention", "partitions")
"""The kinds of background work that are due every so often, whatever there is to do."""

OVERDUE = timedelta(minutes=15)
"""What is under way is put off; what has been due for longer, nobody does."""


class Queue(NamedTuple):
    """How many wait, counted up to CAP, and since when the one that has waited longest."""

    length: int
    since: datetime | None


def call_queues() -> dict[Status, Queue]:
    """Return the calls that have not ended well, by status; `since` when the first was placed."""
    return {status: _calls(status) for status in CALLS}


def delivery_queues() -> dict[Outcome, Queue]:
    """Return the deliveries that are on no timeline, by outcome; `since` they were received."""
    return {outcome: _deliveries(outcome) for outcome in DELIVERIES}


def task_queues(now: datetime) -> dict[str, Queue]:
    """Return what is due to be done, by kind; `since` when."""
    return {kind: due_tasks(kind, now) for kind in (POLL, CAMPAIGN, DESTINATION, TELLING, *SWEEPS)}


def due_tasks(kind: str, now: datetime) -> Queue:
    """Return the tasks of this kind that are due; `since` when the first of them."""
    task = models.Task
    query = task.select(task.due_at).where((task.kind == kind) & (task.due_at <= now))
    first = query.order_by(task.due_at).first()
    return Queue(_length(query), first.due_at if first else None)


def late_sweeps(now: datetime) -> Queue:
    """Return the kinds of work that should have been done; `since` the first of it was due.

    A campaign that goes on is looked at every ten minutes at least.
    """
    task = models.Task
    late = task.kind.in_((*SWEEPS, CAMPAIGN)) & (task.due_at <= now - OVERDUE)
    found = list(task.select(task.kind, task.due_at).where(late))
    return Queue(len({row.kind for row in found}), min((row.due_at for row in found), default=None))


def last_report_at(*outcomes: Outcome) -> datetime | None:
    """Return when the newest report with one of these outcomes came; by default any believed."""
    times = (_newest(outcome) for outcome in outcomes or _BELIEVED)
    return max((time for time in times if time is not None), default=None)


def silent_calls(made_before: datetime) -> list[UUID]:
    """List the accepted calls placed before then for which no report ever came.

    Only the oldest LOOKED_AT queued calls are looked at: silent ones are the oldest.
    """
    call = models.Call
    oldest = (
        call.select(call.id, call.created_at, call.attempt_count)
        .where(call.status == Status.QUEUED)
        .order_by(call.id)
        .limit(LOOKED_AT)
        .alias("oldest")
    )
    is_silent = (oldest.c.attempt_count == 0) & (oldest.c.created_at < to_microseconds(made_before))
    return _ids(oldest, is_silent)


def only_polled(made_before: datetime, newest_calls: int = LOOKED_AT) -> list[UUID]:
    """List, among so many of the newest calls, those placed before then that only polling settled.

    Nothing about them ever reached the callback. A call that was polled too early is none of
    them once its report has come.
    """
    call, delivery = models.Call, models.Delivery
    newest = (
        call.select(call.id, call.created_at, call.status_source)
        .order_by(call.id.desc())
        .limit(newest_calls)
        .alias("newest")
    )
    reported = delivery.select(SQL("1")).where(delivery.call_id == newest.c.id)
    is_polled = (newest.c.status_source == Source.POLL) & (
        newest.c.created_at < to_microseconds(made_before)
    )
    return _ids(newest, is_polled & ~fn.EXISTS(reported))


class ReportedEnd(NamedTuple):
    """When a report says that its attempt ended, as it was read on receipt and as it is read now.

    They differ where the provider's zone was set otherwise then, and nobody ran `rebuild` since.
    """

    stored: datetime
    read: datetime
    received_at: datetime


def recent_ends(services: Services, limit: int = REPORTS) -> list[ReportedEnd]:
    """Return the ends that the newest matched reports give, the newest first.

    Only the newest LOOKED_AT are looked at: composed reports need not have any time.
    """
    delivery, event = models.Delivery, models.EventRow
    matched = delivery.select(delivery.id).where(delivery.outcome == Outcome.MATCHED)
    newest = matched.order_by(delivery.id.desc()).limit(LOOKED_AT)
    query = (
        delivery.select(event.occurred_at, delivery)
        .join(event, on=(event.call == delivery.call_id) & (event.delivery_id == delivery.id))
        .where(delivery.id.in_(newest) & event.occurred_at.is_null(False))
        .order_by(delivery.id.desc())
        .limit(limit)
    )
    rows: Iterable[Any] = query.objects()
    ours = (row for row in rows if row.provider in services.providers)
    found = ((row, read(to_stored(row), services)) for row in ours)
    return [
        ReportedEnd(row.occurred_at, settled(ended_at, row.occurred_at), row.received_at)
        for row, reading in found
        if isinstance(reading, Report) and (ended_at := occurred_at(reading))
    ]


def _calls(status: Status) -> Queue:
    call = models.Call
    query = call.select(call.created_at).where(call.status == status)
    first = query.order_by(call.id).first()
    return Queue(_length(query), first.created_at if first else None)


def _deliveries(outcome: Outcome) -> Queue:
    delivery = models.Delivery
    query = delivery.select(delivery.received_at).where(delivery.outcome == outcome)
    first = query.order_by(delivery.id).first()
    return Queue(_length(query), first.received_at if first else None)


def _newest(outcome: Outcome) -> datetime | None:
    delivery = models.Delivery
    query = delivery.select(delivery.received_at).where(delivery.outcome == outcome)
    found: models.Delivery | None = query.order_by(delivery.id.desc()).first()
    return found.received_at if found else None


def _length(query: Any) -> int:
    return int(query.limit(CAP).count())


def _ids(source: Any, condition: Any) -> list[UUID]:
    found: Any = models.Call.select(source.c.id).from_(source).where(condition).tuples()
    return [call_id for (call_id,) in found]


def _placed() -> Mapping[str, int]:
    placed: Counter[str] = Counter()
    for part in totals(None, None):
        placed[part.status] += part.calls
    return placed


def _backlog() -> dict[str, int]:
    last = feed.settled()
    return {
        str(row.id): max(0, last - row.position) + log.count(row.id, NotificationStatus.PENDING)
        for row in all_of_them()
        if row.state == DestinationState.ACTIVE
    }


class SystemStatus(NamedTuple):
    """What was found at `taken_at`.

    `silent` calls were accepted and never reported although a later report of another call came.
    `repaired` counts, since the beginning, outcomes found by polling, `rejoined` reports that were
    left behind though their call was known, `rejected` requests with a wrong secret, and
    `outside_hours` attempts that rang outside the calling hours. `campaigns` are those that have
    not ended, by state, and `alarms` those that are open, by rule. `placed` are all calls, by
    status, `backlog` is what active destinations are still to be sent, by id. `only_polled` are
    those of the newest calls about which nothing came by itself to this day. `skew` is None if the
    provider's times fit ours, `log_bytes` (SQLite's log) and `free_bytes` with another database.
    """

    taken_at: datetime
    calls: Mapping[Status, Queue]
    deliveries: Mapping[Outcome, Queue]
    due: Queue
    late: Queue
    last_report_at: datetime | None
    silent: int
    only_polled: int
    repaired: int
    rejoined: int
    rejected: int
    outside_hours: int
    campaigns: Mapping[str, int]
    alarms: Mapping[str, int]
    placed: Mapping[str, int]
    backlog: Mapping[str, int]
    skew: Skew | None
    log_bytes: int | None
    free_bytes: int | None

    def age(self, moment: datetime | None) -> float | None:
        """Return how many seconds ago something was; None if it never was."""
        return None if moment is None else max(0.0, (self.taken_at - moment).total_seconds())


def check_clock(services: Services) -> Skew | None:
    """Return the steady offset of the last reports' end times, or None if there is none to see."""
    pairs = [(end.read, end.received_at) for end in recent_ends(services)]
    return find_skew(pairs, services.provider.timezone, services.now())


def current_status(services: Services) -> SystemStatus:
    """Read all figures from the database; some milliseconds, whatever its size."""
    now, campaign = services.now(), models.Campaign
    going_on = campaign.select(campaign.state).where(campaign.state.not_in(sorted(ENDED)))
    # Until the first check of the schedule a report may simply be on its way.
    patience = services.settings.poll_schedule[0]
    heard = last_report_at(Outcome.MATCHED)
    sqlite = services.store if isinstance(services.store, SqliteStore) else None
    counted = leases.counters([REPAIRED, REJOINED, COUNTER, OUTSIDE_HOURS])
    return SystemStatus(
        taken_at=now,
        calls=call_queues(),
        deliveries=delivery_queues(),
        due=due_tasks(POLL, now),
        # While no process lives it is no surprise that nobody does them.
        late=late_sweeps(now) if leases.any_lease_alive(services.shared_now()) else Queue(0, None),
        last_report_at=last_report_at(),
        silent=len(silent_calls(heard - patience)) if heard else 0,
        only_polled=len(only_polled(now - patience)),
        repaired=counted[REPAIRED],
        rejoined=counted[REJOINED],
        rejected=counted[COUNTER],
        outside_hours=counted[OUTSIDE_HOURS],
        campaigns=Counter(row.state for row in going_on),
        alarms=Counter(row.rule for row in open_alarms()),
        placed=_placed(),
        backlog=_backlog(),
        skew=check_clock(services),
        log_bytes=sqlite.log_bytes() if sqlite else None,
        free_bytes=shutil.disk_usage(Path(sqlite.title).parent).free if sqlite else None,
    )
