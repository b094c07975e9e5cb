"""What a simulator is started with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

Generation = Literal["2019", "2024"]
"""Which of the provider's two families of answer bodies is spoken."""


def utc_now() -> datetime:
    """Return the present moment as aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """The simulator's settings; lengths carry their unit.

    `token` is what callers must present, `secret` what reports present to `callback_url`.
    `callback_url` None means that only registered webhooks get reports. `ring_seconds` is one ring
    time: every other length of a call is told in ring times. `timezone_offset_minutes` is how far
    the zone of the reported times lies east of UTC (India: 330). `slow_seconds` is how long a slow
    answer takes, `retry_seconds` the pause before a failed report is posted again.
    `balance` is how many numbers are paid for, `sends_per_second` how many requests to place calls
    are let through in any second; None is without end. Calls of `bad_flow` all fail.
    `now` gives the present moment as an aware datetime.
    """

    token: str = field(repr=False)
    callback_url: str | None = None
    secret: str | None = field(default=None, repr=False)
    ring_seconds: float = 3.0
    generation: Generation = "2019"
    timezone_offset_minutes: int = 0
    slow_seconds: float = 60.0
    retry_seconds: float = 5.0
    gets_per_minute: int = 1000
    sends_per_second: int | None = None
    balance: int | None = None
    bad_flow: str = "666"
    now: Callable[[], datetime] = utc_now

    def local_now(self) -> datetime:
        """Return the present moment as an aware datetime in the zone of the reported times."""
        return self.now().astimezone(timezone(timedelta(minutes=self.timezone_offset_minutes)))


def wire_time(moment: datetime) -> str:
    """Write a moment the way the provider does: `2021-04-09 16:27:39`, its zone unsaid."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")
