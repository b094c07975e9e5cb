"""Forgets what is older than the settings allow, a little at a time, between reports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import UUID

from peewee import fn

from obdtrack.access import audit
from obdtrack.access.audit import Action, Itself
from obdtrack.calls import queries
from obdtrack.calls.placing import idempotency
from obdtrack.campaigns.recipients import forget_old
from obdtrack.domain.poll_schedule import POLL
from obdtrack.domain.status import Outcome
from obdtrack.services import Services
from obdtrack.statistics import counters
from obdtrack.statistics.counters import ALL, EVER, slot_of
from obdtrack.store import feed, leases, models, partitions, tasks, witness
from obdtrack.store.database import Store
from obdtrack.store.database_errors import repeated
from obdtrack.store.sqlite import SqliteStore

_WITH_A_CALL = (models.EventRow, models.Delivery, models.ResponseRow)
"""What goes with its call; each row names it in `call_id`. Idempotency keys do too, and stay for a
time of their own: without its key the same request would ring a second time."""

_WITH_THEIR_OWN_TIME = (Outcome.REJECTED, Outcome.UNMATCHED)

_ROWS_OF_ITS_OWN = 2
"""A call and its submission."""

_FEWEST_ROWS = 4
"""Those two, the submission and its response: hardly any call has fewer."""


def overwrite_deleted(store: Store) -> None:
    """Have this connection overwrite what it deletes, not only mark it as free."""
    if isinstance(store, SqliteStore):
        store.pragma("secure_delete", 1)


def forget_deliveries(outcome: Outcome, before: datetime, limit: int) -> int:
    """Delete the oldest deliveries with this outcome from before then; returns how many."""
    return _forget_deliveries(models.Delivery.outcome == outcome, before, limit)


def forget_other_deliveries(before: datetime, limit: int) -> int:
    """Delete the oldest deliveries received before then, but those with a time of their own."""
    return _forget_deliveries(models.Delivery.outcome.not_in(_WITH_THEIR_OWN_TIME), before, limit)


def forget_calls(before: datetime, limit: int) -> int:
    """Delete the oldest calls placed before then, with everything that belongs to them.

    Returns how many rows went: at most `limit`, unless one call alone has more.
    """
    call = models.Call
    query = call.select(call.id).where(call.created_at < before).order_by(call.created_at)
    oldest = [row.id for row in query.limit(limit // _FEWEST_ROWS)]
    return _delete_calls(_as_many_as_fit(oldest, limit)) if oldest else 0


def forget_alarms(before: datetime, limit: int) -> int:
    """Delete the oldest alarms that ended before then; returns how many."""
    alarm, telling = models.Alarm, models.AlarmTelling
    query = alarm.select(alarm.id).where(alarm.ended_at < before).order_by(alarm.id)
    old = [row.id for row in query.limit(limit)]
    telling.delete().where(telling.alarm_id.in_(old)).execute()
    return _count(alarm.delete().where(alarm.id.in_(old))) if old else 0


def forget_notifications(before: datetime, limit: int) -> int:
    """Delete the oldest notifications made before then, whatever became of them; returns how many.

    What they are about has been deleted, too.
    """
    note = models.Notification
    query = note.select(note.id).where(note.created_at < before).order_by(note.created_at)
    old = [row.id for row in query.limit(limit)]
    return _count(note.delete().where(note.id.in_(old))) if old else 0


def _forget_deliveries(condition: Any, before: datetime, limit: int) -> int:
    delivery = models.Delivery
    # Ids are in the order of time: nothing behind a younger one is older.
    query = delivery.select(delivery.id, delivery.received_at).where(condition)
    oldest = query.order_by(delivery.id).limit(limit)
    old = [row.id for row in oldest if row.received_at < before]
    # Checked again, since one that waited may have found its call meanwhile.
    return _count(delivery.delete().where(delivery.id.in_(old) & condition)) if old else 0


def _as_many_as_fit(call_ids: Sequence[UUID], limit: int) -> list[UUID]:
    weights = _weights(call_ids)
    totals = accumulate(weights[call_id] for call_id in call_ids)
    fitting = [call_id for call_id, total in zip(call_ids, totals, strict=True) if total <= limit]
    return fitting or [call_ids[0]]


def _delete_calls(call_ids: Sequence[UUID]) -> int:
    # Locked where that is possible: no report joins a call that is leaving.
    locked = [row.id for row in queries.lock_calls(call_ids)]
    gone = 0
    for model in _WITH_A_CALL:
        gone += _count(model.delete().where(_call_id(model).in_(locked)))
    tasks.plan(POLL, dict.fromkeys(locked))
    call = models.Call
    leaving = list(call.select().where(call.id.in_(locked)))
    gone += _count(call.delete().where(call.id.in_(locked)))
    _take_from_figures(leaving)
    return gone + _delete_submissions([row.__data__["submission"] for row in leaving])


def _delete_submissions(submission_ids: Sequence[UUID]) -> int:
    call, submission = models.Call, models.Submission
    others = call.select(call.id).where(call.submission == submission.id)
    named = submission.id.in_(submission_ids)
    empty = submission.select(submission.id).where(named & ~fn.EXISTS(others))
    leaving = [row.id for row in empty]
    response = models.ResponseRow
    gone = _count(response.delete().where(response.submission_id.in_(leaving)))
    return gone + _count(submission.delete().where(submission.id.in_(leaving)))


def _take_from_figures(leaving: Iterable[models.Call]) -> None:
    leaving = list(leaving)
    places = [(call.name, slot_of(call.created_at)) for call in leaving]
    states = [(c.status, c.status_source, c.attempt_count, c.charges) for c in leaving]
    counted_once = [(place, None, state) for place, state in zip(places, states, strict=True)]
    counters.count(counted_once, times=-1)
    names = sorted({ALL, *(name for name, _ in places if name)})
    slots = sorted({EVER, *(slot for _, slot in places)})
    figure, campaign = models.Statistic, models.CampaignName
    empty = figure.name.in_(names) & figure.slot.in_(slots) & (figure.calls == 0)
    _delete_unless_locked(figure, empty)
    counted = figure.select(figure.name).where(figure.name.in_(names) & (figure.slot == EVER))
    _delete_unless_locked(campaign, campaign.name.in_(names) & campaign.name.not_in(counted))


def _delete_unless_locked(model: type[models.Table], condition: Any) -> None:
    """Delete rows, but for those somebody is counting in: waiting for them could be for ever."""
    query = model.select().where(condition)
    if model._meta.database.for_update:
        query = query.for_update(skip_locked=True)
    for row in list(query):
        row.delete_instance()


def _weights(call_ids: Sequence[UUID]) -> dict[UUID, int]:
    weights = dict.fromkeys(call_ids, _ROWS_OF_ITS_OWN)
    for model in _WITH_A_CALL:
        column = _call_id(model)
        counted: Any = (
            model.select(column, fn.COUNT(column)).where(column.in_(call_ids)).group_by(column)
        )
        for call_id, number in counted.tuples():
            weights[call_id] += number
    return weights


def _call_id(model: type[models.Table]) -> Any:
    return model._meta.columns["call_id"]


def _count(query: Any) -> int:
    return int(query.execute())


BATCH = 500
"""Rows deleted in one transaction, so that reports wait for milliseconds at most."""

PAUSE_SECONDS = 0.05
"""Between two transactions: whoever waits for a turn to write gets it."""

LONGEST_SECONDS = 5.0
"""How long one run may take, so that a stop need not wait; the next goes on where it stopped."""


class RetainedKind(NamedTuple):
    """Something that grows old: the setting that says when (days), and how some of it goes.

    `forget` takes the time before which it is too old and how many rows may go; it gives how many
    went, 0 if none is left.
    """

    setting: str
    forget: Callable[[datetime, int], int]


KINDS = (
    RetainedKind("events_days", feed.forget_older),
    RetainedKind("events_days", forget_notifications),
    RetainedKind("idempotency_days", idempotency.forget_older),
    RetainedKind("retention_quarantine_days", partial(forget_deliveries, Outcome.REJECTED)),
    RetainedKind("retention_unmatched_days", partial(forget_deliveries, Outcome.UNMATCHED)),
    RetainedKind("retention_calls_days", forget_other_deliveries),
    RetainedKind("retention_calls_days", forget_calls),
    RetainedKind("retention_calls_days", forget_old),
    RetainedKind("retention_calls_days", forget_alarms),
)


def delete_expired(
    services: Services,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Delete what is past its time, for LONGEST_SECONDS at most; returns how many rows went.

    The time is that of the shared clock, as far as it is beyond doubt: a clock that is set ahead by
    mistake deletes nothing. What is deleted is audited: rows by the setting that let them go.
    """
    deadline, gone = monotonic() + LONGEST_SECONDS, Counter[str]()
    with services.store.write():
        now = witness.look(services.shared_now())
    hour = now.replace(minute=0, second=0, microsecond=0)
    try:
        for kind in KINDS:
            # By whole hours, so that the audit gets an entry an hour and not one a minute.
            before = hour - timedelta(days=getattr(services.settings, kind.setting))
            while monotonic() < deadline and (rows := forget_batch(kind, before, services)):
                gone[kind.setting] += rows
                sleep(PAUSE_SECONDS)
    finally:
        _record({"rows": dict(gone)} if gone else {}, services)
    with services.store.write():
        leases.forget_leases(hour - timedelta(days=1))
    return gone.total()


def _record(detail: Mapping[str, Any], services: Services) -> None:
    if detail:
        audit.record(Action.OLD_FORGOTTEN, "retention", Itself(), services, detail)


@repeated
def forget_batch(kind: RetainedKind, before: datetime, services: Services) -> int:
    """Delete at most BATCH rows of a kind that are from before then; returns how many went."""
    with services.store.write():
        overwrite_deleted(services.store)
        return kind.forget(before, BATCH)


def rotate_partitions(services: Services) -> None:
    """Make the next months' partitions of raw deliveries, and drop those past their time."""
    now = services.now()
    with services.store.write():
        sure = witness.beyond_doubt(services.shared_now())
        oldest = sure - timedelta(days=services.settings.retention_calls_days)
        partitions.prepare(services.store, now)
        dropped = partitions.drop_before(services.store, oldest)
        _record({"partitions": dropped} if dropped else {}, services)
