"""Calls and their events: what is stored about them, and the questions asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.event import Event
from obdtrack.domain.fold import CallState
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.storage import models, rows

EVENT_COLUMNS = (
    "call", "id", "kind", "source", "status", "reason", "occurred_at", "recorded_at",
    "delivery_id", "answer_id", "detail", "times_seen",
)  # fmt: skip
STATE_COLUMNS = (
    "status", "reason", "status_source", "status_as_of", "answered", "conflict", "attempt_count",
    "started_at", "ended_at", "duration_seconds", "charges",
)  # fmt: skip


class Match(NamedTuple):
    """As much of a call as a report needs to find it and to fold it."""

    id: UUID
    interval: int
    provider_id: str | None
    mid: str | None
    to_number: str
    created_at: datetime


class Filter(NamedTuple):
    """Which calls to list; times are aware, `status` is one of the vocabulary."""

    status: str | None = None
    to: str | None = None
    name: str | None = None
    reference: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def match_reports(
    provider_ids: Collection[str], mids: Collection[str], *, for_update: bool = True
) -> list[Match]:
    """Give the calls that carry any of these provider ids or submission uuids.

    Their rows stay locked until the transaction ends where the database can do that, so that two
    processes do not fold one call at once.
    """
    call = models.Call
    columns = _match_columns()
    found: dict[UUID, Match] = {}
    for column, wanted in ((call.provider_id, provider_ids), (call.mid, mids)):
        if wanted:
            query = call.select(*columns).where(column.in_(sorted(wanted))).order_by(call.id)
            found.update((row[0], Match(*row)) for row in _locked(query, for_update).tuples())
    return list(found.values())


def match_calls(call_ids: Collection[UUID]) -> list[Match]:
    """Give the calls with these ids, locked until the transaction ends where that is possible."""
    call = models.Call
    query = call.select(*_match_columns()).where(call.id.in_(sorted(call_ids))).order_by(call.id)
    return [Match(*row) for row in _locked(query, True).tuples()]


def history(call_ids: Collection[UUID]) -> dict[UUID, list[Event]]:
    """Give the events of these calls, each call's in the order of their ids."""
    event = models.Event
    columns = [getattr(event, name) for name in EVENT_COLUMNS]
    found: dict[UUID, list[Event]] = {call_id: [] for call_id in call_ids}
    query = event.select(*columns).where(event.call.in_(list(call_ids)))
    rows_found: Iterable[Any] = query.order_by(event.call, event.id).tuples()
    for row in rows_found:
        found[row[0]].append(_event(row))
    return found


def add_events(events: Iterable[tuple[UUID, Event]]) -> None:
    """Store events, each with the id of its call."""
    rows.insert(models.Event, EVENT_COLUMNS, [_event_row(call, event) for call, event in events])


def count_again(seen: Iterable[tuple[UUID, Event]]) -> None:
    """Store how often these facts have arrived by now (`times_seen`)."""
    changes = [(event.times_seen, call, event.id) for call, event in seen]
    rows.update(models.Event, ("times_seen",), ("call", "id"), changes)


def save_states(states: Iterable[tuple[UUID, CallState, datetime | None]]) -> None:
    """Store the newest fold of these calls, each with the time of its next check."""
    changes = [(*state_row(state), check, call) for call, state, check in states]
    rows.update(models.Call, (*STATE_COLUMNS, "next_check_at"), ("id",), changes)


def any_due(now: datetime) -> bool:
    """Tell whether any call's next check is due; a look that takes no turn to write."""
    return bool(models.Call.select().where(models.Call.next_check_at <= now).exists())


def due(now: datetime, limit: int, put_off_until: datetime) -> list[UUID]:
    """Take the calls whose next check is due, at most `limit`, the longest due first.

    They are put off, so that no other process takes them meanwhile; if this one dies they come
    due again by themselves.
    """
    call = models.Call
    query = call.select(call.id).where(call.next_check_at <= now).order_by(call.next_check_at)
    if call._meta.database.for_update:
        query = query.for_update(skip_locked=True)
    taken = [row.id for row in query.limit(limit)]
    call.update(next_check_at=put_off_until).where(call.id.in_(taken)).execute()
    return taken


def known_provider_ids(provider_ids: Collection[str]) -> set[str]:
    """Give those of these ids that are some call's already."""
    call = models.Call
    query = call.select(call.provider_id).where(call.provider_id.in_(list(provider_ids)))
    return {row.provider_id for row in query if row.provider_id}


def other_unnamed(call: models.Call, since: datetime, until: datetime) -> bool:
    """Tell whether another call to this number, made in this time, still lacks its provider id."""
    other = models.Call
    return bool(
        other.select()
        .where((other.to_number == call.to_number) & (other.id != call.id))
        .where(other.provider_id.is_null() & (other.status != Status.REJECTED))
        .where((other.created_at >= since) & (other.created_at <= until))
        .exists()
    )


def ids_after(after: UUID | None, limit: int) -> list[UUID]:
    """List ids of calls, oldest first, that come after this one."""
    call = models.Call
    query = call.select(call.id).order_by(call.id).limit(limit)
    return [row.id for row in (query if after is None else query.where(call.id > after))]


def state_columns(call_id: UUID) -> tuple[Any, ...]:
    """Give the stored state of a call, as `state_row` would give it."""
    call = models.Call
    columns = [getattr(call, name) for name in STATE_COLUMNS]
    found: Any = call.select(*columns).where(call.id == call_id).tuples().first()
    return tuple(found)


def replace_reports(call_id: UUID, reports: Iterable[Event]) -> None:
    """Put these report events in the place of all the call has."""
    event = models.Event
    event.delete().where((event.call == call_id) & (event.kind == Kind.REPORT)).execute()
    add_events((call_id, report) for report in reports)


def find(identifier: str) -> models.Call | None:
    """Give a call with its submission by our id or by the provider's (`uuid:n`)."""
    call = models.Call
    query = call.select(call, models.Submission).join(models.Submission)
    ours = _uuid(identifier)
    by_ours: models.Call | None = query.where(call.id == ours).first() if ours else None
    by_theirs: models.Call | None = query.where(call.provider_id == identifier).first()
    return by_ours or by_theirs


def newest(wanted: Filter, limit: int, before: UUID | None = None) -> list[models.Call]:
    """List calls with their submissions, newest first, at most `limit`, older than `before`."""
    call = models.Call
    query = call.select(call, models.Submission).join(models.Submission)
    for condition in _conditions(wanted):
        query = query.where(condition)
    if before is not None:
        query = query.where(call.id < before)
    return list(query.order_by(call.id.desc()).limit(limit))


def _conditions(wanted: Filter) -> Iterable[Any]:
    call = models.Call
    for column, value in (
        (call.status, wanted.status),
        (call.to_number, wanted.to),
        (call.name, wanted.name),
        (call.reference, wanted.reference),
    ):
        if value is not None:
            yield column == value
    if wanted.created_after is not None:
        yield call.created_at >= wanted.created_after
    if wanted.created_before is not None:
        yield call.created_at < wanted.created_before


def _match_columns() -> list[Any]:
    return [getattr(models.Call, name) for name in Match._fields]


def _locked(query: Any, for_update: bool) -> Any:
    able = models.Call._meta.database.for_update
    return query.for_update() if for_update and able else query


def _event(row: Sequence[Any]) -> Event:
    (_, event_id, kind, source, status, reason, occurred, recorded, delivery, answer, detail, seen
     ) = row  # fmt: skip
    return Event(
        id=event_id,
        kind=Kind(kind),
        source=Source(source),
        recorded_at=recorded,
        status=Status(status) if status else None,
        reason=reason,
        occurred_at=occurred,
        delivery_id=delivery,
        answer_id=answer,
        detail=detail,
        times_seen=seen,
    )


def _event_row(call_id: UUID, event: Event) -> tuple[Any, ...]:
    return (
        call_id, event.id, event.kind, event.source, event.status, event.reason,
        event.occurred_at, event.recorded_at, event.delivery_id, event.answer_id,
        event.detail, event.times_seen,
    )  # fmt: skip


def state_row(state: CallState) -> tuple[Any, ...]:
    """Give the columns that hold a state, in their order."""
    return (
        state.status, state.reason, state.status_source, state.status_as_of, state.answered,
        state.conflict, len(state.attempts), state.started_at, state.ended_at,
        state.duration_seconds, state.charges,
    )  # fmt: skip


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
