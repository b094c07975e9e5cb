"""A call's events as a story."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from obdtrack.domain.events import Event
from obdtrack.domain.fold import fold
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.timeline import TimelineEntry, build_changes, build_timeline
from tests.factories import NOON, claim, event, report, story


def timeline(events: Iterable[Event], interval: int = 0) -> list[TimelineEntry]:
    """The events as a story, of the call as all of them put it."""
    told = list(events)
    return build_timeline(told, fold(told, interval))


def test_a_call_without_events_has_no_story() -> None:
    assert build_changes([]) == []


def test_nothing_was_before_the_first_entry() -> None:
    (entry,) = build_changes(story())
    assert (entry.before, entry.after) == (None, Status.SUBMITTING)


def test_each_entry_begins_where_the_one_before_it_ended() -> None:
    entries = build_changes(story(claim(Status.QUEUED), report("BUSY", start=1), report(start=9)))
    assert [entry.after for entry in entries] == ["submitting", "queued", "busy", "completed"]
    assert [entry.before for entry in entries] == [None, "submitting", "queued", "busy"]


def test_a_report_that_changes_nothing_is_still_told() -> None:
    entries = build_changes(story(report("ANSWER", start=9), report("NOANSWER", start=1)))
    assert (entries[-1].before, entries[-1].after) == (Status.COMPLETED, Status.COMPLETED)


def test_entries_stand_in_the_order_they_were_recorded() -> None:
    events = story(claim(Status.QUEUED), report(start=1))
    assert [entry.event for entry in timeline(reversed(events))] == events


def test_events_recorded_at_one_moment_stand_in_the_order_of_their_ids() -> None:
    first, second = (report(start=1), report(start=2))
    entries = timeline([second, first, event(Kind.SUBMISSION, Status.SUBMITTING)])
    assert [entry.event for entry in entries[1:]] == [first, second]


def test_each_report_names_its_attempt_by_the_start_time_not_by_its_arrival() -> None:
    response, late, early = claim(Status.QUEUED), report(start=9), report("NOANSWER", start=1)
    entries = timeline(story(response, late, early), interval=5)
    assert [entry.attempt for entry in entries] == [None, None, 2, 1]


def test_reports_that_contradict_each_other_are_all_marked() -> None:
    reports = report("ANSWER", start=1), report("BUSY", start=1), report("ANSWER", start=9)
    entries = timeline(story(*reports), interval=5)
    assert [entry.conflict for entry in entries] == [False, True, True, False]


def test_a_word_nobody_knows_without_a_time_belongs_to_no_attempt() -> None:
    entries = timeline(story(report("RINGING"), report("BUSY")))
    assert [entry.attempt for entry in entries] == [None, None, 1]


def test_what_a_person_decided_is_an_entry_like_any_other() -> None:
    decided = claim(Status.REJECTED, Kind.RESOLUTION, Source.PERSON)
    last = build_changes(story(claim(Status.UNKNOWN), decided))[-1]
    assert (last.before, last.after) == (Status.UNKNOWN, Status.REJECTED)


def test_the_submission_comes_first_even_if_a_clock_says_otherwise() -> None:
    submission, told = story(report("BUSY", start=1))
    early = told._replace(recorded_at=NOON - timedelta(hours=1))
    assert [entry.event for entry in timeline([early, submission])] == [submission, early]


def test_a_story_without_a_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="submission"):
        build_changes([report()])
