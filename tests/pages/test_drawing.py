"""A call drawn to scale: the numbers behind the picture."""

from __future__ import annotations

from datetime import timedelta

import pytest

from obdtrack.domain.fold import fold
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.timeline import build_timeline
from obdtrack.web.pages.timeline_chart import LETTER
from obdtrack.web.pages.timeline_entries import list_lines
from tests.factories import NOON, claim, report, story
from tests.pages.telling import NARROW, WIDE, came, drawn, picture


def test_a_quiet_time_is_cut_short_and_named() -> None:
    events = came((15, report(start=14, end=14.5)))
    assert [cut.text for cut in picture(events).cuts] == ["14 min", "30 s"]
    assert [line.gap for line in list_lines(build_timeline(events, fold(events)))] == [
        None,
        "15 min",
    ]


def test_talk_is_drawn_to_scale() -> None:
    (talk,) = drawn(claim(Status.QUEUED), report(start=0, end=0.3)).stretches
    assert talk.text == "call 18 s"
    assert talk.width == pytest.approx(WIDE - 28, abs=1)


def test_ringing_that_the_duration_includes_is_drawn_before_the_talk() -> None:
    stretches = drawn(report(start=0.2, end=0.4, duration_seconds=20)).stretches
    assert [s.kind for s in stretches] == ["ring", "talk"]
    assert stretches[0].x + stretches[0].width == pytest.approx(stretches[1].x, abs=0.2)


def test_the_attempt_is_named_where_there_are_several() -> None:
    busy = report("NOANSWER", start=0, end=0.3)
    stretches = drawn(busy, report(start=5, end=5.3), interval=5).stretches
    assert [s.text for s in stretches] == [
        "attempt 1: ringing 18 s",
        "attempt 2: call 18 s",
    ]


def test_reports_in_conflict_are_marked() -> None:
    marks = drawn(report("NOANSWER", start=0, end=1), report(start=0, end=1)).marks
    assert [mark.conflict for mark in marks] == [False, True, True]


def test_marks_never_cover_each_other() -> None:
    marks = drawn(*(claim(None, Kind.CHECK, Source.POLL) for _ in range(30))).marks
    places = [(mark.x, mark.row) for mark in marks]
    assert all(
        abs(a[0] - b[0]) >= 17 for i, a in enumerate(places) for b in places[:i] if a[1] == b[1]
    )


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_picture_stays_within_its_frame(width: float) -> None:
    far = report("NOANSWER", start=-900, end=-899), report(start=5000, end=5001)
    seen = drawn(*far, width=width)
    assert all(0 <= mark.x <= width for mark in seen.marks)
    assert all(0 <= s.x <= s.x + s.width <= width for s in seen.stretches)


def test_a_call_begins_no_earlier_than_it_was_asked_for() -> None:
    asked, *others = story(claim(Status.QUEUED), report(start=0, end=0.3))
    seen = picture([asked._replace(recorded_at=NOON + timedelta(milliseconds=700)), *others])
    (call,) = seen.stretches
    assert call.x == seen.marks[0].x
    assert call.text == "call 18 s"  # as the provider tells it, and as the sentence says it


@pytest.mark.parametrize(("start", "end"), [(0.1, 0.1), (0.2, 0.1)])
def test_what_has_no_length_is_not_drawn(start: float, end: float) -> None:
    assert drawn(report("BUSY", start=start, end=end)).stretches == []
    assert drawn(report(start=start, end=end)).words == {}


def test_what_was_not_answered_did_ring_only_if_that_is_told() -> None:
    assert drawn(report("NOANSWER", start=0, end=1)).words == {"ringing": "ring"}
    assert drawn(report("CONGESTION", start=0, end=1)).words == {"dialling": "ring"}


@pytest.mark.parametrize("status", [Status.REJECTED, Status.QUEUED, Status.UNKNOWN])
def test_a_request_and_its_answer_alone_are_not_drawn(status: Status) -> None:
    assert not drawn(claim(status)).tells_something
    assert drawn(claim(status)).lasts == "1 s"


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_what_the_scale_leaves_free_goes_to_the_cuts(width: float) -> None:
    polls = [claim(None, Kind.CHECK, Source.POLL, found=0) for _ in range(2)]
    seen = picture(came((0.01, claim(Status.QUEUED)), (15, polls[0]), (60, polls[1])), width)
    assert seen.marks[-1].x == pytest.approx(width - 14, abs=1)
    assert [cut.text for cut in seen.cuts] == ["14 min 59 s", "45 min"]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("polls", [1, 4, 10])
def test_labels_never_cover_each_other(polls: int, width: float) -> None:
    checks = [(15.0 * 2**n, claim(None, Kind.CHECK, Source.POLL)) for n in range(polls)]
    seen = picture(came((0.1, claim(Status.QUEUED)), *checks), width)
    rights = [0.0, *(tick.right for tick in seen.ticks)]
    lefts = [tick.x - len(tick.text) * LETTER / 2 for tick in seen.ticks]
    assert all(left >= right for left, right in zip(lefts, rights, strict=False))
    assert rights[-1] <= width
    assert all(not cut.text or len(cut.text) * LETTER < cut.width for cut in seen.cuts)


def test_over_several_days_the_day_is_told_with_the_time() -> None:
    check = claim(None, Kind.CHECK, Source.POLL)
    seen = picture(came((0.1, claim(Status.QUEUED)), (60, check), (2 * 1440, check)))
    assert [tick.text for tick in seen.ticks] == [
        "23 Nov 12:00:00", "12:00:06", "13:00:00", "25 Nov 12:00:00",
    ]  # fmt: skip
    assert drawn(report(start=0, end=0.3)).ticks[0].text == "12:00:00"


def test_two_attempts_can_be_told_apart_on_a_telephone() -> None:
    busy = report("NOANSWER", start=0, end=0.3)
    seen = drawn(busy, report(start=5, end=5.3), width=NARROW, interval=5)
    assert [s.text for s in seen.stretches] == ["1: 18 s", "2: call 18 s"]
