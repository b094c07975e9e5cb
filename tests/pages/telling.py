"""Tells and draws stories of events, as a call's page does."""

from __future__ import annotations

from datetime import datetime

from obdtrack.domain.events import Event
from obdtrack.domain.fold import fold
from obdtrack.domain.timeline import build_timeline
from obdtrack.web.pages.clocks import Clock
from obdtrack.web.pages.summary import Outlook, Story, tell
from obdtrack.web.pages.timeline_chart import WIDTHS, Drawing, draw
from tests.factories import NOON, minute, story

CLOCK = Clock(lambda t: f"{t:%d %b}" if t else "", lambda t: f"{t:%H:%M:%S}" if t else "")

WIDE, NARROW = WIDTHS["wide"], WIDTHS["narrow"]


def told(
    *events: Event, interval: int = 0, now: datetime = NOON, check: datetime | None = None
) -> Story:
    return of(story(*events), Outlook(now, check, interval))


def of(events: list[Event], outlook: Outlook | None = None) -> Story:
    outlook = outlook or Outlook(NOON)
    return tell(fold(events, outlook.interval), events, outlook, CLOCK)


def drawn(*events: Event, width: float = WIDE, interval: int = 0) -> Drawing:
    return picture(story(*events), width, interval)


def picture(events: list[Event], width: float = WIDE, interval: int = 0) -> Drawing:
    state = fold(events, interval)
    return draw(build_timeline(events, state), state.attempts, CLOCK, width)


def came(*events: tuple[float, Event]) -> list[Event]:
    """Return the story of these events, each recorded so many minutes after NOON."""
    submission, *others = story(*(event for _, event in events))
    minutes = [count for count, _ in events]
    return [
        submission,
        *(e._replace(recorded_at=minute(m)) for e, m in zip(others, minutes, strict=True)),
    ]
