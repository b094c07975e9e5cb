"""The questions behind the search box, the list of calls and the inbox.

Every list walks one index from its newest end and stops when the page is full. Ids sort by the time
they were made, so a period is a range of ids; where it begins is looked up by time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from peewee import SQL, fn

from obdtrack.domain.status import NEEDS_ATTENTION, UNSUCCESSFUL, WAITING, Outcome
from obdtrack.statistics.counters import MOST_ATTEMPTS
from obdtrack.store import bulk_sql, models
from obdtrack.store.columns import moved_id, to_microseconds

ENDING = 4
"""Digits that the index of endings holds; shorter endings are too common to be searched."""

NO_REASON = "none"
"""What is asked for where no reason was given."""

_SLACK = timedelta(minutes=1)
_MOST_FAILED = 500
_IN_DOUBT = SQL("(status IN ('unknown', 'unresolved') OR conflict)")  # as the index has it
_FEW = WAITING | NEEDS_ATTENTION
"""Statuses that few calls have at any time, however many a campaign has."""


class CallFilter(NamedTuple):
    """Which calls to list; times are aware. `ending` is the last digits of the number, 4 or more.

    Of several `statuses` any is wanted, which otherwise is the same as one `status`.

    `masked` is a number as lists show it (`+9188•••••001`): all that look like it are wanted.
    `attention` asks for those a person should look at: unknown, unresolved, in conflict, or with
    a report that could not be interpreted. `reason` is a word, or NO_REASON. `source` is
    how the status is known, `attempts` at which attempt the figures count a call (the last of them
    counts the later ones too).
    """

    status: str | None = None
    number: str | None = None
    ending: str | None = None
    name: str | None = None
    reference: str | None = None
    mid: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    attention: bool = False
    masked: str | None = None
    statuses: tuple[str, ...] = ()
    campaign_id: UUID | None = None
    submission_id: UUID | None = None
    reason: str | None = None
    source: str | None = None
    attempts: int | None = None


class ReasonCount(NamedTuple):
    """How many calls have a status for this reason; None: none was given."""

    status: str
    reason: str | None
    calls: int


def newest(wanted: CallFilter, limit: int, before: UUID | None = None) -> list[models.Call]:
    """List calls with their submissions, newest first, at most `limit`, older than `before`."""
    found = [_list(*question, limit, before) for question in _questions(wanted)]
    if len(found) == 1:
        return found[0]
    calls = {call.id: call for listed in found for call in listed}
    return sorted(calls.values(), key=lambda call: call.id.bytes, reverse=True)[:limit]


def reasons(wanted: CallFilter, most: int) -> list[ReasonCount]:
    """Count why the newest calls, at most so many, were not answered; the most frequent first."""
    call = models.Call
    query = call.select(call.id, call.status, call.reason)
    for condition in (*_conditions(wanted), *_period(wanted)):
        query = query.where(condition)
    newest = query.order_by(call.id.desc()).limit(most).alias("newest")
    status, reason, calls = newest.c.status, newest.c.reason, fn.COUNT(newest.c.id)
    found: Any = (
        call.select(status, reason, calls)
        .from_(newest)
        .where(status.in_(list(UNSUCCESSFUL)))
        .group_by(status, reason)
        .tuples()
    )
    return sorted((ReasonCount(*row) for row in found), key=lambda row: (-row.calls, row.status))


def by_id(call_ids: Collection[UUID]) -> dict[UUID, models.Call]:
    """Return those of these calls that are still there."""
    return {call.id: call for call in bulk_sql.load(models.Call, "id", list(call_ids))}


def numbers_ending(digits: str) -> list[str]:
    """Return the numbers that end in these digits; two at most, which tells whether it is one."""
    call = models.Call
    query = call.select(call.to_number).distinct().where(*_ends_in(digits)).limit(2)
    return [row.to_number for row in query]


def last_placed(name: str) -> datetime | None:
    """Return when the newest call of a campaign was placed; None if all were deleted."""
    call = models.Call
    query = call.select(call.created_at).where(call.name == name).order_by(call.id.desc())
    found: datetime | None = query.limit(1).scalar()
    return found


def failed_calls() -> list[UUID]:
    """List calls that have a report which could not be interpreted, the newest such first."""
    delivery = models.Delivery
    query = (
        delivery.select(delivery.call_id)
        .where((delivery.outcome == Outcome.FAILED) & delivery.call_id.is_null(False))
        .order_by(delivery.id.desc())
        .limit(_MOST_FAILED)
    )
    return list(dict.fromkeys(row.call_id for row in query if row.call_id))


def deliveries_after(
    outcome: str, after: UUID | None, before: UUID | None, limit: int
) -> list[UUID]:
    """List ids of deliveries with this outcome between two ids, oldest first."""
    delivery = models.Delivery
    query = delivery.select(delivery.id).where(delivery.outcome == outcome)
    if after is not None:
        query = query.where(delivery.id > after)
    if before is not None:
        query = query.where(delivery.id < before)
    return [row.id for row in query.order_by(delivery.id).limit(limit)]


def is_any(wanted: CallFilter) -> bool:
    """Whether there is such a call."""
    return any(_list(*question, 1, None) for question in _questions(wanted))


def in_batches(wanted: CallFilter, size: int) -> Iterator[list[models.Call]]:
    """Return all calls that are wanted, newest first, some at a time."""
    before: UUID | None = None
    while batch := newest(wanted, size, before):
        yield batch
        before = batch[-1].id


def _questions(wanted: CallFilter) -> Iterator[tuple[CallFilter, list[Any]]]:
    """Yield what to ask for, each by one index, so that all results together are what is wanted."""
    if wanted.attention:
        yield wanted, [_IN_DOUBT]
        yield wanted, [models.Call.id.in_(failed_calls())]
        return
    statuses = wanted.statuses or (wanted.status,)
    if wanted.reason is not None and statuses == (None,):
        statuses = tuple(sorted(UNSUCCESSFUL))  # the many others need not be walked
    for status in statuses:
        yield wanted._replace(status=status), []


def _list(
    wanted: CallFilter, conditions: Iterable[Any], limit: int, before: UUID | None
) -> list[models.Call]:
    call = models.Call
    query = call.select(call, models.Submission).join(models.Submission)
    for condition in (*conditions, *_conditions(wanted), *_period(wanted)):
        query = query.where(condition)
    if before is not None:
        query = query.where(call.id < before)
    return list(query.order_by(call.id.desc()).limit(limit))


def _conditions(wanted: CallFilter) -> Iterator[Any]:
    call = models.Call
    name: Any = call.name
    if wanted.attention or wanted.status in _FEW:
        # Adding nothing keeps the databases from walking all of a campaign for the few.
        name = name.concat("")
    for column, value in (
        (call.status, wanted.status),
        (call.status_source, wanted.source),
        (call.to_number, wanted.number),
        (name, wanted.name),
        (call.reference, wanted.reference),
        (call.mid, wanted.mid),
        (call.campaign_id, wanted.campaign_id),
        (call.submission, wanted.submission_id),
    ):
        if value is not None:
            yield column == value
    if wanted.reason is not None:
        yield call.reason.is_null() if wanted.reason == NO_REASON else call.reason == wanted.reason
    if wanted.attempts is not None:
        more = wanted.attempts == MOST_ATTEMPTS
        first = 0 if wanted.attempts == 1 else wanted.attempts  # what has none is counted as one
        made = call.attempt_count
        yield made >= first if more else made.between(first, wanted.attempts)
    if wanted.ending is not None:
        yield from _ends_in(wanted.ending)
    if wanted.masked is not None:
        yield from _looks_like(wanted.masked)


def _ends_in(digits: str) -> Iterator[Any]:
    number = models.Call.to_number
    yield _last_four() == digits[-ENDING:]
    yield fn.SUBSTR(number, 1, 1) == "+"  # the name of an erased number may end in digits too
    if len(digits) > ENDING:
        yield fn.SUBSTR(number, 1 - len(digits) + fn.LENGTH(number)) == digits


def _looks_like(masked: str) -> Iterator[Any]:
    number, before, after = models.Call.to_number, masked.partition("•")[0], masked[1 - ENDING :]
    yield _last_four() << [f"{digit}{after}" for digit in range(10)]
    yield fn.SUBSTR(number, 1, len(before)) == before
    yield fn.LENGTH(number) == len(masked)


def _last_four() -> Any:
    # The index has the four digits in these very words.
    return fn.SUBSTR(models.Call.to_number, fn.LENGTH(models.Call.to_number) - SQL("3"))


def _period(wanted: CallFilter) -> Iterator[Any]:
    # Adding nothing keeps the databases from walking the index by time instead of the one by id.
    made = models.Call.created_at.coerce(False) + SQL("0")
    if wanted.since is not None:
        yield made >= to_microseconds(wanted.since)
        yield from _from_id(wanted.since)
    if wanted.until is not None:
        yield made < to_microseconds(wanted.until)
        yield from _to_id(wanted.until)


def _from_id(since: datetime) -> Iterator[Any]:
    call = models.Call
    found = call.select(call.id).where(call.created_at >= since).order_by(call.created_at).first()
    if found is None:
        yield SQL("1 = 0")
    else:
        yield call.id >= moved_id(found.id, -_SLACK)


def _to_id(until: datetime) -> Iterator[Any]:
    call = models.Call
    query = call.select(call.id).where(call.created_at < until)
    found = query.order_by(call.created_at.desc()).first()
    if found is None:
        yield SQL("1 = 0")
    else:
        yield call.id <= moved_id(found.id, _SLACK)
