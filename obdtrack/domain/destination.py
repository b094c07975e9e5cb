"""The words for a user's URL that is told what happens, and for what it is sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from obdtrack.domain.status import Word

DESTINATION = "destination"
"""The kind of the tasks by which destinations are sent what is new, each task about one of them."""

OLD_SECRET_SIGNS = timedelta(hours=24)
"""How long the secret before the last rotation signs, beside the new one."""


class DestinationState(Word):
    """Whether a destination is sent anything: `paused` by a person, `disabled` by itself."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class NotificationStatus(Word):
    """What became of one event on its way: `failed` is not tried again by itself."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""How long after each try that failed the next one comes; after as many there is none."""

JITTER = 0.1
"""By so much of itself a pause is shorter or longer: what failed together is not tried together."""

DISABLED_AFTER = timedelta(days=5)
"""So long nothing is taken until a destination is not tried any more; it is told of at half."""

_LONGEST_SILENCE = timedelta(minutes=5)
_SHORTEST_SILENCE = timedelta(seconds=0.5)


def next_try(tries: int, now: datetime, wait: timedelta | None, chance: float) -> datetime | None:
    """Return when to try again what failed for this many times; None: never.

    `wait` is for how long the receiver wants no further try, `chance` is from 0 to 1.
    """
    if tries > len(PAUSES):
        return None
    pause = PAUSES[tries - 1] * (1 + JITTER * (2 * chance - 1))
    return now + max(pause, wait or timedelta())


def probe_pause(failing_since: datetime, now: datetime) -> timedelta:
    """Return for how long a destination that takes nothing is left alone, whatever waits for it."""
    return min(max((now - failing_since) / 5, _SHORTEST_SILENCE), _LONGEST_SILENCE)
