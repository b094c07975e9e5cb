"""What needs a person's attention does until somebody has looked at it, and again if more comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from obdtrack.domain.events import Event
from obdtrack.domain.fold import fold
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.services import new_id

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def event(minute: int, kind: Kind, status: Status | None = None, source: Source | None = None):
    who = source or (Source.PERSON if kind is Kind.REVIEW else Source.WEBHOOK)
    return Event(new_id(), kind, who, NOW + timedelta(minutes=minute), status)


PLACED = event(0, Kind.SUBMISSION, Status.SUBMITTING, Source.API)
ACCEPTED = event(1, Kind.RESPONSE, Status.QUEUED, Source.API)
UNKNOWN = event(1, Kind.INTERRUPTION, Status.UNKNOWN, Source.SYSTEM)
ENDED = event(2, Kind.DEADLINE, Status.UNRESOLVED, Source.SYSTEM)
ANSWERED = event(3, Kind.REPORT, Status.COMPLETED)
BUSY = event(4, Kind.REPORT, Status.BUSY)
DISPUTED = event(4, Kind.CONFLICT)
SEEN = event(5, Kind.REVIEW)
AGAIN = event(6, Kind.REPORT, Status.FAILED)
DISPUTED_AGAIN = event(6, Kind.CONFLICT)
DECIDED = event(6, Kind.RESOLUTION, Status.UNRESOLVED, Source.PERSON)


@pytest.mark.parametrize(
    ("needs", "events"),
    [
        (False, [PLACED]),
        (False, [PLACED, ACCEPTED, ANSWERED]),
        (True, [PLACED, UNKNOWN]),
        (True, [PLACED, ACCEPTED, ENDED]),
        (True, [PLACED, ACCEPTED, ANSWERED, BUSY]),
        (True, [PLACED, ACCEPTED, ANSWERED, DISPUTED]),
        (False, [PLACED, UNKNOWN, ANSWERED]),
        (False, [PLACED, UNKNOWN, SEEN]),
        (False, [PLACED, ACCEPTED, ENDED, SEEN]),
        (False, [PLACED, ACCEPTED, ANSWERED, BUSY, SEEN]),
        (False, [PLACED, ACCEPTED, ANSWERED, DISPUTED, SEEN]),
        (True, [PLACED, ACCEPTED, ANSWERED, BUSY, SEEN, AGAIN]),
        (True, [PLACED, ACCEPTED, ANSWERED, DISPUTED, SEEN, DISPUTED_AGAIN]),
        (False, [PLACED, UNKNOWN, DECIDED]),
    ],
)
def test_a_call_needs_attention_until_somebody_has_looked(needs: bool, events: list[Event]) -> None:
    assert {fold(story).needs_attention for story in (events, events[::-1])} == {needs}


def test_a_report_that_says_no_more_of_a_conflict_does_not_bring_it_back() -> None:
    repeated = BUSY._replace(id=new_id(), recorded_at=AGAIN.recorded_at, detail={"dtmf": "1"})
    seen = [PLACED, ACCEPTED, ANSWERED, BUSY, SEEN]
    assert not fold([*seen, repeated]).needs_attention
