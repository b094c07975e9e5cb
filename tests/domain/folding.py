"""Folding, as the tests of it put it."""

from __future__ import annotations

from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState, fold
from tests.factories import story


def state_after(*events: Event, interval: int = 0) -> CallState:
    return fold(story(*events), interval)


def words_of(state: CallState) -> list[tuple[str, ...]]:
    return [attempt.words for attempt in state.attempts]
