"""Witnesses of the clock: what is deleted by its age must not go because a clock was set.

The time of the last look is stored, and with it how much of the clock is in doubt: by so much it
has jumped ahead since. What jumped is believed once it has gone on from there for a day, without
being set back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from obdtrack.store import models

log = structlog.get_logger()

STEP = timedelta(minutes=10)
"""What may pass between two looks, of which there is one a minute, and not be a jump."""

TRIAL = timedelta(days=1)

_NAME = "retention"


def look(now: datetime) -> datetime:
    """Note what the clock shows now, in a transaction; returns what of it is beyond doubt."""
    seen_at, doubt, since = _last_look(now)
    step = now - seen_at
    if step > STEP:
        doubt, since = doubt + step, now
        log.warning("clock_jumped", seconds=round(step.total_seconds()))
    elif step < -STEP:
        doubt = max(timedelta(), doubt + step)
    elif now - since > TRIAL:
        doubt = timedelta()
    mark = models.ClockMark
    seen = {"seen_at": now, "doubt_seconds": round(doubt.total_seconds()), "since": since}
    mark.insert(name=_NAME, **seen).on_conflict(conflict_target=[mark.name], update=seen).execute()
    return now - doubt


def beyond_doubt(now: datetime) -> datetime:
    """Return what is beyond doubt of a clock that shows `now`."""
    seen_at, doubt, _ = _last_look(now)
    step = now - seen_at
    return now - doubt - (step if step > STEP else timedelta())


def _last_look(now: datetime) -> tuple[datetime, timedelta, datetime]:
    """Return when somebody looked last, what was in doubt then, and since when.

    Until anybody has, the newest row tells what time it was.
    """
    mark = models.ClockMark.get_or_none(models.ClockMark.name == _NAME)
    if mark is not None:
        return mark.seen_at, timedelta(seconds=mark.doubt_seconds), mark.since
    newest = [
        row.select(moment).order_by(row.id.desc()).limit(1).scalar()
        for row, moment in (
            (models.Call, models.Call.created_at),
            (models.Delivery, models.Delivery.received_at),
        )
    ]
    seen_at = max(filter(None, newest), default=now)
    return min(seen_at, now), timedelta(), seen_at
