"""What processes share: leases, the pace towards the provider, and counters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from obdtrack.store import models

FAR = timedelta(hours=2)
"""No lease is this long, and no line. What ends later was written while a clock was ahead that has
been set back since: it is not believed, or everybody would wait until that time comes again."""


def hold_lease(name: str, holder: UUID, now: datetime, length: timedelta) -> bool:
    """Take or renew a lease; False if another holds it still."""
    lease = models.Lease
    values = {"holder": holder, "expires_at": now + length}
    free = (lease.expires_at < now) | (lease.expires_at > now + FAR)
    renewed = (
        lease.update(values)
        .where((lease.name == name) & ((lease.holder == holder) | free))
        .execute()
    )
    if renewed:
        return True
    made = lease.insert(name=name, **values).on_conflict_ignore().as_rowcount().execute()
    return bool(made)


def give_back(name: str, holder: UUID) -> None:
    """End a lease before its time, if it is this holder's."""
    lease = models.Lease
    lease.delete().where((lease.name == name) & (lease.holder == holder)).execute()


def lease_end(name: str) -> datetime | None:
    """Return when a lease runs out or ran out, or None if nobody ever held it."""
    lease = models.Lease.get_or_none(models.Lease.name == name)
    return lease.expires_at if lease else None


def is_over(lease_end: datetime, now: datetime) -> bool:
    """Whether a lease with this end has run out, or cannot have been meant."""
    return not now <= lease_end <= now + FAR


def any_lease_alive(now: datetime) -> bool:
    """Whether any process has given a sign of life lately."""
    end = models.Lease.expires_at
    return bool(models.Lease.select().where((end >= now) & (end <= now + FAR)).exists())


def forget_leases(before: datetime) -> None:
    """Delete leases that ran out before this time."""
    models.Lease.delete().where(models.Lease.expires_at < before).execute()


def acquire_slot(name: str, spacing: timedelta, now: datetime) -> datetime:
    """Take the next place in a line whose members keep `spacing`; returns when it is due."""
    place = _believed(_next_place(name, now), now)
    plan_place(name, place + spacing)
    return place


def due_places(
    name: str, spacing: timedelta, now: datetime, catch_up: timedelta
) -> tuple[datetime, int]:
    """Return when the first place in a line was due that nobody took, and how many are by now.

    What was due longer than `catch_up` ago is lost. The line is locked until the transaction ends;
    who takes some of its places says so by `plan_place`.
    """
    told = _next_place(name, now)
    first = max(told if told <= now + FAR else now, now - catch_up)
    return first, max(0, (now - first) // spacing + 1)


def plan_place(name: str, next_at: datetime) -> None:
    """Set when the next place in a line is due."""
    pace = models.RateLimit
    pace.update(next_at=next_at).where(pace.name == name).execute()


def _next_place(name: str, now: datetime) -> datetime:
    pace = models.RateLimit
    pace.insert(name=name, next_at=now).on_conflict_ignore().execute()
    query = pace.select().where(pace.name == name)
    if pace._meta.database.for_update:  # or two processes would be given the same place
        query = query.for_update()
    next_at: datetime = query.get().next_at
    return next_at


def line_end(name: str, now: datetime) -> datetime:
    """Return when the next place in a line is due; `now` if nobody stands in it."""
    pace = models.RateLimit.get_or_none(models.RateLimit.name == name)
    return _believed(pace.next_at, now) if pace else now


def pause_until(name: str, until: datetime) -> None:
    """Let nobody of this line go before `until`."""
    pace = models.RateLimit
    pace.update(next_at=until).where((pace.name == name) & (pace.next_at < until)).execute()


def _believed(next_at: datetime, now: datetime) -> datetime:
    return next_at if now <= next_at <= now + FAR else now


def count(name: str, by: int = 1) -> None:
    """Add to a counter."""
    counter = models.Counter
    counter.insert(name=name, value=0).on_conflict_ignore().execute()
    counter.update(value=counter.value + by).where(counter.name == name).execute()


def counters(names: Iterable[str]) -> dict[str, int]:
    """Return the counters' values; one never counted is 0."""
    counter = models.Counter
    found = {row.name: row.value for row in counter.select().where(counter.name.in_(list(names)))}
    return {name: found.get(name, 0) for name in names}
