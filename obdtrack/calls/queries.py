"""Calls and their events: what is stored about them, and the questions asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.events import Event
from obdtrack.domain.facts import FACTS
from obdtrack.domain.naming import ProviderIds
from obdtrack.domain.status import WAITING, Kind, Source, Status
from obdtrack.providers.base import Provider
from obdtrack.store import bulk_sql, models

EVENT_COLUMNS = (
    "call", "id", "kind", "source", "status", "reason", "occurred_at", "recorded_at",
    "delivery_id", "response_id", "detail", "times_seen",
)  # fmt: skip
FACT_COLUMNS = tuple(name for name, fact in FACTS.items() if fact.searchable)
STATE_COLUMNS = (
    "status", "reason", "status_source", "status_as_of", "conflict", "needs_attention",
    "attempt_count", "report_count", *FACT_COLUMNS,
)  # fmt: skip


class CallRow(NamedTuple):
    """As much of a call as a report needs to find it and to fold it."""

    id: UUID
    interval: int
    provider_id: str | None
    mid: str | None
    to_number: str
    created_at: datetime
    report_count: int
    status: str
    status_source: str
    status_as_of: datetime
    reason: str | None
    charges: str | None
    name: str | None
    attempt_count: int
    provider: str
    conflict: bool
    campaign_id: UUID | None


def lock_reported_calls(provider_ids: Collection[str], mids: Collection[str]) -> list[CallRow]:
    """Return the calls that carry any of these provider ids or submission uuids.

    Their rows stay locked until the transaction ends where the database can do that, so that two
    processes do not fold one call at once.
    """
    wanted = [("provider_id", sorted(provider_ids)), ("mid", sorted(mids))]
    if models.Call._meta.database.for_update:  # all in one order, whatever they are found by
        return _matches(*wanted)
    return list({match.id: match for one in wanted for match in _matches(one)}.values())


def reported_calls(provider_ids: Collection[str], mids: Collection[str]) -> list[CallRow]:
    """Return what `lock_reported_calls` does; nothing is locked."""
    found = {
        row[0]: CallRow(*row)
        for key, names in (("provider_id", provider_ids), ("mid", mids))
        for row in bulk_sql.fetch(models.Call, CallRow._fields, key, sorted(names), order="id")
    }
    return list(found.values())


def lock_calls(call_ids: Collection[UUID]) -> list[CallRow]:
    """Return the calls with these ids, locked until the transaction ends where that is possible."""
    return _matches(("id", sorted(call_ids)))


def history(call_ids: Collection[UUID]) -> dict[UUID, list[Event]]:
    """Return the events of these calls, each call's in the order of their ids."""
    found: dict[UUID, list[Event]] = {call_id: [] for call_id in call_ids}
    for row in bulk_sql.fetch(
        models.EventRow, EVENT_COLUMNS, "call", list(found), order="call_id, id"
    ):
        found[row[0]].append(_event(row))
    return found


def of_submission(provider: str, mid: str | None) -> list[CallRow]:
    """Return the calls of a submission that this provider named `mid`; nothing is locked."""
    wanted = [mid] if mid else []
    found = bulk_sql.fetch(models.Call, CallRow._fields, "mid", wanted, order="id")
    return [row for found_row in found if (row := CallRow(*found_row)).provider == provider]


def taken(provider: str, provider_ids: Collection[str], spelling: ProviderIds) -> set[str]:
    """Return those of these ids (canonical) of a provider that are some call's already.

    The id of a submission is its call's, and so is that of each where a call has the submission's.
    """
    names = [*provider_ids, *map(spelling.submission, provider_ids)]
    ids, mids = (
        {
            name
            for name, its in bulk_sql.fetch(models.Call, (key, "provider"), key, names, order="id")
            if its == provider
        }
        for key in ("provider_id", "mid")
    )
    return {n for n in provider_ids if {n, spelling.submission(n)} & ids or n in mids}


def rivals(call: models.Call, since: datetime, until: datetime, listed: Collection[str]) -> bool:
    """Whether another call to this number, made in this time, may be what the provider listed.

    It may if its id is not known, or not among those `listed` (canonical): the provider may write
    it in a way that we do not know.
    """
    other = models.Call
    found = (
        other.select(other.provider_id, other.mid)
        .where((other.to_number == call.to_number) & (other.id != call.id))
        .where((other.provider == call.provider) & (other.status != Status.REJECTED))
        .where((other.created_at >= since) & (other.created_at <= until))
    )
    return any({row.provider_id, row.mid}.isdisjoint(listed) for row in found)


def ids_after(after: UUID | None, limit: int) -> list[UUID]:
    """List ids of calls, oldest first, that come after this one."""
    call = models.Call
    query = call.select(call.id).order_by(call.id).limit(limit)
    return [row.id for row in (query if after is None else query.where(call.id > after))]


def find(identifier: str, providers: Iterable[Provider] = ()) -> models.Call | None:
    """Return a call with its submission by our id or by a provider's, however it is spelled.

    The only call of a submission is found by that one's id as well, and so the other way round.
    """
    if not identifier.isprintable():
        return None  # no id has a NUL or half a character in it, and a database may not take them
    ours = _uuid(identifier)
    found = bulk_sql.load(models.Call, "id", [ours]) if ours else []
    known = [(one.ids, one.ids.canonical(identifier)) for one in providers]
    theirs = {identifier, *(name for _, name in known)}
    found = found or bulk_sql.load(models.Call, "provider_id", sorted(theirs))
    if not found and known:
        mids = {ids.submission(name) for ids, name in known}
        of_submission = bulk_sql.load(models.Call, "mid", sorted(mids))
        alike = [call for call in of_submission if call.mid in {call.provider_id, *theirs}]
        found = alike if len(alike) == 1 else []
    for call in found:
        (call.submission,) = bulk_sql.load(models.Submission, "id", [call.__data__["submission"]])
        return call
    return None


def next_check_of(call_id: UUID) -> datetime | None:
    """Return when a call is to be polled next; None: never, or there is no such call."""
    found = bulk_sql.fetch(models.Call, ("next_check_at",), "id", [call_id], order="id")
    return found[0][0] if found else None


def is_called(number: str) -> bool:
    """Whether any call was to this number, or to one that was erased under this name."""
    return bool(models.Call.select().where(models.Call.to_number == number).exists())


def waiting_calls(to_number: str) -> list[models.Call]:
    """List the calls to this number that are not known to have ended."""
    call = models.Call
    query = call.select().where((call.to_number == to_number) & call.status.in_(list(WAITING)))
    return list(query.order_by(call.id))


def _matches(*wanted: tuple[str, Sequence[Any]]) -> list[CallRow]:
    """Return the calls that have any of these values in these columns, locked in one order."""
    found = bulk_sql.fetch_any(models.Call, CallRow._fields, wanted, order="id", lock=True)
    return [CallRow(*row) for row in found]


def _event(row: Sequence[Any]) -> Event:
    (_, event_id, kind, source, status, reason, occurred, recorded, delivery, response, detail, seen
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
        response_id=response,
        detail=detail,
        times_seen=seen,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
