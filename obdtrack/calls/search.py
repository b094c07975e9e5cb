"""The questions behind the search box, the list of calls and the inbox.

Every list walks one index from its newest end and stops when the page is full, or, if not all that
is wanted is in the index, when it has looked at LOOKED_AT calls; whoever reads it goes on from
there. Ids sort by the time they were made, so a period is a range of ids; where it begins is looked
up by time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from peewee import SQL, Case, fn

from obdtrack.domain.status import NEEDS_ATTENTION, UNSUCCESSFUL, WAITING, Status
from obdtrack.domain.trial import TRIAL_NAME, TRIAL_NUMBER
from obdtrack.statistics import questions
from obdtrack.statistics.counters import HALF_HOUR, MOST_ATTEMPTS
from obdtrack.store import bulk_sql, models
from obdtrack.store.columns import from_microseconds, moved_id, to_id, to_microseconds

ENDING = 4
"""Digits that the index of endings holds; shorter endings are too common to be searched."""

NO_REASON = "none"
"""What is asked for where no reason was given."""

SILENT = 3
"""Seconds in which who answered hung up: perhaps no sound played, or a machine answered."""

LOOKED_AT = 20_000
"""Calls that a page is looked for among, at most."""

MOST_COUNTED = 10_000
"""Calls of a list that are counted, at most."""

_SLACK = timedelta(minutes=1)
_SOME = 100
_DAY = 48  # half hours
_TELLING = ("number", "ending", "masked", "reference", "mid", "submission_id", "campaign_id")
_NEEDS_ATTENTION, _CONFLICT = SQL("needs_attention"), SQL("conflict")  # as the indexes have it
_FEW = WAITING | NEEDS_ATTENTION
"""Statuses that few calls have at any time, however many a campaign has."""
_BROAD = ("reason", "name", "status")


class CallFilter(NamedTuple):
    """Which calls to list; times are aware. `ending` is the last digits of the number, 4 or more.

    Calls of test reports are only listed for who asks by their name, number or submission.

    Of several `statuses` any is wanted, which otherwise is the same as one `status`.

    `masked` is a number as lists show it (`+9188•••••001`): all that look like it are wanted.
    `attention` asks for those that need it. `reason` is a word, or NO_REASON. `source` is how the
    status is known, `attempts` at which attempt the figures count a call (the last of them counts
    the later ones too). `callers` are the keys a call was placed with, `hour` is one of the day on
    clocks that are `shift` half hours ahead of UTC. `talked` is how many seconds were talked at
    most.
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
    conflict: bool = False
    callers: tuple[UUID, ...] | None = None
    flow: str | None = None
    hour: int | None = None
    shift: int = 0
    talked: int | None = None


class Page(NamedTuple):
    """Some calls with their submissions, newest first, and the id before which they go on.

    `is_cut`: it ends there because enough calls were looked at, not because enough were found.
    """

    calls: list[models.Call]
    older: UUID | None
    is_cut: bool


class ReasonCount(NamedTuple):
    """How many calls have a status for this reason; None: none was given."""

    status: str
    reason: str | None
    calls: int


class Talk(NamedTuple):
    """How many of some answered calls have a known length, all their seconds, how many are silent.

    Silent ones ended within SILENT seconds.
    """

    calls: int
    seconds: int
    silent: int


def newest(wanted: CallFilter, limit: int, before: UUID | None = None) -> list[models.Call]:
    """List calls with their submissions, newest first, at most `limit`, older than `before`.

    However many have to be looked at: pages take `page_of`.
    """
    return _merged([_list(part, limit, before) for part in _parts(wanted)], limit)


def page_of(wanted: CallFilter, limit: int, before: UUID | None = None) -> Page:
    """Return what `newest` does, as far as LOOKED_AT calls go."""
    parts = _parts(wanted)
    floors = [floor for part in parts if (floor := _edge(part, before))]
    floor = max(floors, key=lambda one: one.bytes, default=None)
    found = _merged([_list(part, limit + 1, before, floor) for part in parts], limit + 1)
    if len(found) > limit:
        return Page(found[:limit], found[limit - 1].id, is_cut=False)
    return Page(found, floor, is_cut=floor is not None)


def newer_page(wanted: CallFilter, limit: int, before: UUID) -> UUID | None:
    """Return before which id the page begins that ends where the one before `before` begins.

    None if that is the newest.
    """
    call, found, ceilings = models.Call, set[bytes](), list[bytes]()
    for part in _parts(wanted):
        ids = part.asked(call.id).where(call.id >= before)
        if edge := _edge(part, before, newer=True):
            ids = ids.where(call.id < edge)
            ceilings.append(edge.bytes)
        found.update(row[0].bytes for row in ids.order_by(call.id).limit(limit + 1).tuples())
    lowest = min(ceilings, default=None)
    among = sorted(one for one in found if lowest is None or one < lowest)
    end = among[limit] if len(among) > limit else lowest
    return UUID(bytes=end) if end else None


def count(wanted: CallFilter) -> tuple[int, bool]:
    """Count calls; the second value is whether there may be more than that.

    At most MOST_COUNTED are counted, among LOOKED_AT at most.
    """
    call, found, is_cut = models.Call, 0, False
    for part in _parts(wanted):
        ids = part.asked(call.id)
        if edge := _edge(part, None):
            ids, is_cut = ids.where(call.id >= edge), True
        ids = ids.order_by(call.id.desc()).limit(MOST_COUNTED + 1)
        found += call.select(fn.COUNT(SQL("1"))).from_(ids.alias("wanted")).scalar()
    return min(found, MOST_COUNTED), is_cut or found > MOST_COUNTED


def reasons(wanted: CallFilter, most: int) -> list[ReasonCount]:
    """Count why the newest calls, at most so many, were not answered; the most frequent first."""
    call = models.Call
    (part,) = _parts(wanted)
    newest = (
        part.asked(call.id, call.status, call.reason)
        .order_by(call.id.desc())
        .limit(most)
        .alias("newest")
    )
    status, reason, calls = newest.c.status, newest.c.reason, fn.COUNT(newest.c.id)
    found: Any = (
        call.select(status, reason, calls)
        .from_(newest)
        .where(status.in_(list(UNSUCCESSFUL)))
        .group_by(status, reason)
        .tuples()
    )
    return sorted((ReasonCount(*row) for row in found), key=lambda row: (-row.calls, row.status))


def talk(wanted: CallFilter, most: int) -> Talk:
    """Add up how long was talked in those of the newest calls, at most so many, that were answered.

    There are no sums of it.
    """
    call = models.Call
    (part,) = _parts(wanted)
    newest = (
        part.asked(call.id, call.status, call.duration_seconds.alias("seconds"))
        .order_by(call.id.desc())
        .limit(most)
        .alias("newest")
    )
    seconds = newest.c.seconds
    silent = fn.SUM(Case(None, [(seconds <= SILENT, 1)], 0))
    found: Any = (
        call.select(fn.COUNT(seconds), fn.SUM(seconds), silent)
        .from_(newest)
        .where(newest.c.status == Status.COMPLETED)
        .tuples()
    )
    return Talk(*(int(number or 0) for number in found[0]))


def by_id(call_ids: Collection[UUID]) -> dict[UUID, models.Call]:
    """Return those of these calls that are still there."""
    return {call.id: call for call in bulk_sql.load(models.Call, "id", list(call_ids))}


def references_from(text: str) -> list[str]:
    """List some references of calls in their order, from where this one would stand."""
    some = "SELECT reference FROM calls WHERE reference >= ? ORDER BY reference LIMIT ?"
    return list(dict.fromkeys(row[0] for row in bulk_sql.ask(models.Call, some, text, _SOME)))


def numbers_ending(digits: str) -> list[str]:
    """Return the numbers that end in these digits; two at most, which tells whether it is one."""
    call = models.Call
    query = call.select(call.to_number).distinct().where(*_ends_in(digits)).limit(2)
    return [row.to_number for row in query]


def last_placed(name: str) -> datetime | None:
    """Return when the newest call of a campaign was placed; None if all were deleted."""
    last = "SELECT created_at FROM calls WHERE name = ? ORDER BY id DESC LIMIT 1"
    found = bulk_sql.ask(models.Call, last, name)
    return from_microseconds(found[0][0]) if found else None


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
    return any(_list(part, 1, None) for part in _parts(wanted))


def in_batches(wanted: CallFilter, size: int) -> Iterator[list[models.Call]]:
    """Return all calls that are wanted, newest first, some at a time."""
    before: UUID | None = None
    while batch := newest(wanted, size, before):
        yield batch
        before = batch[-1].id


class _Walk(NamedTuple):
    """What is asked by one index: conditions on its columns, the `rest`, and the range of ids."""

    indexed: list[Any]
    rest: list[Any]
    period: list[Any]
    of_submission: bool

    def asked(self, *columns: Any, whole: bool = True) -> Any:
        """Return the question for these columns; not `whole`: without the rest."""
        query = models.Call.select(*columns)
        if whole and self.of_submission:
            query = query.join(models.Submission)
        for condition in (*self.indexed, *(self.rest if whole else ()), *self.period):
            query = query.where(condition)
        return query


def _parts(wanted: CallFilter) -> list[_Walk]:
    """Return what to ask for, so that all results together are what is wanted."""
    period = [*_period(wanted), *_without_trials(wanted)]
    statuses: tuple[str | None, ...] = wanted.statuses or (wanted.status,)
    extra = [_NEEDS_ATTENTION] * wanted.attention + [_CONFLICT] * wanted.conflict
    if wanted.reason == NO_REASON and statuses == (None,) and not extra:
        statuses = tuple(sorted(UNSUCCESSFUL))  # the many others need not be walked
    return [_part(wanted._replace(status=status), extra, period) for status in statuses]


def _part(wanted: CallFilter, extra: list[Any], period: list[Any]) -> _Walk:
    lead = None if extra else _lead(wanted)
    indexed, rest = list(extra), list[Any]()
    for field, condition in _conditions(wanted, lead):
        (indexed if field == lead else rest).append(condition)
    return _Walk(indexed, rest, period, bool(wanted.flow or wanted.callers is not None))


def _lead(wanted: CallFilter) -> str | None:
    """Return which of what is wanted is found by its index, so that few calls are looked at."""
    for field in _TELLING:
        if getattr(wanted, field) is not None:
            return field
    broad = [field for field in _BROAD if getattr(wanted, field) is not None]
    if wanted.reason == NO_REASON:
        broad.remove("reason")
    if wanted.status in _FEW:
        return "status"
    if len(broad) < 2:
        return broad[0] if broad else None
    sizes = dict.fromkeys(broad, 0)
    for one in questions.totals(None, None):
        if one.status == wanted.status or (wanted.status is None and one.status in UNSUCCESSFUL):
            sizes |= {field: sizes[field] + one.calls for field in sizes if field != "name"}
    if wanted.name is not None:
        sizes["name"] = sum(one.calls for one in questions.totals(wanted.name, None))
    return min(sizes, key=lambda field: sizes[field])


def _merged(found: list[list[models.Call]], limit: int) -> list[models.Call]:
    if len(found) == 1:
        return found[0]
    calls = {call.id: call for listed in found for call in listed}
    return sorted(calls.values(), key=lambda call: call.id.bytes, reverse=True)[:limit]


def _list(
    part: _Walk, limit: int, before: UUID | None, floor: UUID | None = None
) -> list[models.Call]:
    call = models.Call
    ids = part.asked(call.id)
    if before is not None:
        ids = ids.where(call.id < before)
    if floor is not None:
        ids = ids.where(call.id >= floor)
    ids = ids.order_by(call.id.desc()).limit(limit)
    return bulk_sql.load_with(call, "submission", ids, order="calls.id DESC")


def _edge(part: _Walk, before: UUID | None, *, newer: bool = False) -> UUID | None:
    """Return the id at which enough calls were looked at, from `before` on; None: all may be."""
    call = models.Call
    if not part.rest:
        return None
    query = part.asked(call.id, whole=False)
    if before is not None:
        query = query.where(call.id >= before if newer else call.id < before)
    order = call.id if newer else call.id.desc()
    found: UUID | None = query.order_by(order).limit(1).offset(LOOKED_AT).scalar()
    return found


def _conditions(wanted: CallFilter, lead: str | None) -> Iterator[tuple[str, Any]]:
    """Yield what calls must be, each with the field that says so.

    Adding nothing keeps the databases from walking another index than that of the `lead`.
    """
    call, submission = models.Call, models.Submission
    columns: dict[str, Any] = {
        "status": call.status,
        "name": call.name,
        "reason": call.reason,
        "source": call.status_source,
        "number": call.to_number,
        "reference": call.reference,
        "mid": call.mid,
        "campaign_id": call.campaign_id,
        "submission_id": call.submission,
        "flow": submission.flow_id,
    }
    for field, column in columns.items():
        value = getattr(wanted, field)
        if field == "reason" and value == NO_REASON:
            yield field, column.is_null()
        elif value is not None:
            walked = field == lead or field not in _BROAD
            yield field, (column if walked else column.concat("")) == value
    for field, read in _OTHERS.items():
        value = getattr(wanted, field)
        if value is not None and value is not False:
            yield from ((field, condition) for condition in read(wanted))


def _made_attempts(wanted: CallFilter) -> Iterator[Any]:
    least = wanted.attempts or 0
    made = models.Call.attempt_count
    first = 0 if least == 1 else least  # what has none is counted as one
    yield made >= first if least == MOST_ATTEMPTS else made.between(first, least)


def _placed_in_hour(wanted: CallFilter) -> Iterator[Any]:
    local = models.Call.created_at.coerce(False) / HALF_HOUR + wanted.shift
    yield (local - local / _DAY * _DAY) / 2 == wanted.hour


def _ends_in(digits: str) -> Iterator[Any]:
    number = models.Call.to_number
    yield _last_four() == digits[-ENDING:]
    yield fn.SUBSTR(number, 1, 1) == "+"  # the name of an erased number may end in digits too
    if len(digits) > ENDING:
        yield fn.SUBSTR(number, 1 - len(digits) + fn.LENGTH(number)) == digits


def _looks_like(wanted: CallFilter) -> Iterator[Any]:
    masked = wanted.masked or ""
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


def _without_trials(wanted: CallFilter) -> Iterator[Any]:
    trial = models.Call.alias("trial")
    asked = wanted.mid or wanted.submission_id or wanted.number == TRIAL_NUMBER
    if not asked and wanted.name != TRIAL_NAME:
        # They are few, and so no row of another call is read for this.
        # By the number: anybody may have called many by this name.
        of_trials = (trial.to_number == TRIAL_NUMBER) & (trial.name.concat("") == TRIAL_NAME)
        yield models.Call.id.not_in(trial.select(trial.id).where(of_trials))


def _from_id(since: datetime) -> Iterator[Any]:
    call = models.Call
    first = "SELECT id FROM calls WHERE created_at >= ? ORDER BY created_at LIMIT 1"
    found = bulk_sql.ask(call, first, to_microseconds(since))
    yield call.id >= moved_id(to_id(found[0][0]), -_SLACK) if found else SQL("1 = 0")


def _to_id(until: datetime) -> Iterator[Any]:
    call = models.Call
    last = "SELECT id FROM calls WHERE created_at < ? ORDER BY created_at DESC LIMIT 1"
    found = bulk_sql.ask(call, last, to_microseconds(until))
    yield call.id <= moved_id(to_id(found[0][0]), _SLACK) if found else SQL("1 = 0")


_OTHERS: dict[str, Callable[[CallFilter], Iterator[Any]]] = {
    "callers": lambda wanted: iter([models.Submission.key_id.in_(wanted.callers or ())]),
    "attempts": _made_attempts,
    "talked": lambda wanted: iter([models.Call.duration_seconds <= wanted.talked]),
    "hour": _placed_in_hour,
    "ending": lambda wanted: _ends_in(wanted.ending or ""),
    "masked": _looks_like,
}
"""What is no equality of a column."""
