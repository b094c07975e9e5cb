"""Tasks: what is to be done later, each by one process at a time, until its lease runs out.

Who takes a task puts it off in the same step, each time it fails twice as long. So nothing has to
be written about a process that dies: its tasks come due again by themselves. Who is done with a
task for good removes it, or plans its next time, in the transaction that holds what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.store import bulk_sql, models
from obdtrack.store.leases import FAR

WHOLE = UUID(int=0)
"""The subject where a kind has only one task: a sweep over whatever there is."""

_DOUBLINGS = 6
_LONGEST = timedelta(hours=1)
"""No failing task is put off for longer, unless it always is; a sweep must come due before FAR."""


class Claim(NamedTuple):
    """A task that is ours until `until`; it failed `tries` times since it last went well."""

    kind: str
    subject: UUID
    tries: int
    until: datetime

    @property
    def names(self) -> dict[str, str]:
        """Return what tells this task from others, for the log."""
        return {"kind": self.kind, **({} if self.subject == WHOLE else {"id": str(self.subject)})}


def is_due(
    kind: str, now: datetime, due_by: datetime | None = None, *, sweep: bool = False
) -> bool:
    """Whether there is a task of this kind to take; a look that takes no turn to write."""
    task = models.Task
    if sweep and not task.select().where(task.kind == kind).exists():
        return True
    return bool(task.select().where(_due(kind, now, due_by or now, sweep=sweep)).exists())


def claim(
    kind: str,
    now: datetime,
    limit: int,
    *,
    lease: timedelta,
    again: timedelta,
    due_by: datetime | None = None,
    sweep: bool = False,
) -> list[Claim]:
    """Take the tasks that were due by then, by default now: at most `limit`, the first due first.

    They are put off by `again`, doubled for each failure, up to an hour. The one task of a `sweep`
    is there from the first time on.
    """
    task = models.Task
    if sweep:
        row = task.insert(kind=kind, subject=WHOLE, due_at=now, tries=0)
        row.on_conflict_ignore().execute()
    due = _due(kind, now, due_by or now, sweep=sweep)
    query = task.select(task.subject, task.tries).where(due).order_by(task.due_at).limit(limit)
    if task._meta.database.for_update:
        query = query.for_update(skip_locked=True)
    claims = [Claim(kind, row.subject, row.tries, now + lease) for row in query]
    delays = [min(again * (1 << min(one.tries, _DOUBLINGS)), _LONGEST) for one in claims]
    bulk_sql.update(
        task,
        ("due_at", "tries", "leased_until"),
        ("kind", "subject"),
        [
            (now + max(again, delay), one.tries + 1, one.until, kind, one.subject)
            for one, delay in zip(claims, delays, strict=True)
        ],
    )
    return claims


def give_back(claim: Claim, **changes: Any) -> None:
    """Let others take this task when it comes due, and set `changes` (columns), if it is ours.

    One in a transaction: who gives back several could wait for somebody who waits for one of them.
    """
    task = models.Task
    ours = (task.kind == claim.kind) & (task.subject == claim.subject)
    ours &= task.leased_until == claim.until
    task.update(leased_until=None, **changes).where(ours).execute()


def plan(kind: str, due: Mapping[UUID, datetime | None]) -> None:
    """Set when the tasks with these subjects are due next; None: never. Leases stay as they are."""
    later = [(kind, subject, at, 0) for subject, at in due.items() if at is not None]
    never = [subject for subject, at in due.items() if at is None]
    if later:
        bulk_sql.put(models.Task, ("kind", "subject"), ("due_at", "tries"), later)
    if never:
        bulk_sql.delete(models.Task, ("kind",), "subject", (kind,), never)


def planned(kind: str, subject: UUID) -> bool:
    """Whether there is such a task."""
    task = models.Task
    return bool(task.select().where((task.kind == kind) & (task.subject == subject)).exists())


def _due(kind: str, now: datetime, due_by: datetime, *, sweep: bool) -> Any:
    task = models.Task
    free = task.leased_until.is_null() | (task.leased_until < now)
    # As of leases: what ends so late was written while a clock was ahead that was set back since.
    free |= task.leased_until > now + FAR
    due = task.due_at <= due_by
    return (task.kind == kind) & free & (due | (task.due_at > now + FAR) if sweep else due)
