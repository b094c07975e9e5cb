"""A call in sentences, and its drawing: the numbers behind the picture."""

from __future__ import annotations

from datetime import timedelta

import pytest

from obdtrack.domain.event import Event
from obdtrack.domain.fold import fold
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.timeline import build_timeline
from obdtrack.web.pages.charts import round_up, stacked
from obdtrack.web.pages.drawing import WIDTH, Drawing, draw
from obdtrack.web.pages.gaps import list_lines
from obdtrack.web.pages.story import Clock, Story, length, tell
from obdtrack.web.pages.words import OUTCOME, STATUS
from tests.factories import NOON, claim, report, story

CLOCK = Clock(lambda t: f"{t:%d %b}" if t else "", lambda t: f"{t:%H:%M:%S}" if t else "")


def told(*events: Event, interval: int = 0) -> Story:
    known = story(*events)
    return tell(fold(known, interval), known, interval, None, CLOCK)


def drawn(*events: Event) -> Drawing:
    known = story(*events)
    return draw(build_timeline(known), fold(known).attempts)


def test_an_answered_call_is_one_sentence() -> None:
    late = report(start=-1, end=-0.5)
    assert told(claim(Status.QUEUED), late).answer == (
        "Answered on 23 Nov; the call ended at 11:59:30, 30 s after it started; "
        "reported by the provider 32 s later."
    )


@pytest.mark.parametrize(
    ("word", "begins"),
    [
        ("BUSY", "The line was busy"),
        ("NOANSWER", "Nobody answered"),
        ("CANCEL", "The call ended before anybody picked up"),
        ("CONGESTION", "The call did not get through (no route"),
    ],
)
def test_an_unanswered_call_says_why(word: str, begins: str) -> None:
    assert told(report(word)).answer.startswith(begins)


def test_a_call_found_by_asking_says_so() -> None:
    assert "found by asking the provider" in told(report(source=Source.POLL)).answer
    assert "Known from asking the provider" in told(report(source=Source.POLL)).known


def test_what_both_told_is_known_from_both() -> None:
    polled = report(start=-1, end=-0.5, source=Source.POLL, charges="0.5")
    known = told(report(start=-1, end=-0.5), polled).known
    assert known.startswith("Known from a report and from asking the provider")


def test_a_report_that_waited_for_its_call_says_so() -> None:
    named = claim(Status.QUEUED, Kind.RESOLUTION, Source.POLL)._replace(reason="attached")
    events = story(claim(Status.UNKNOWN), report(start=-1, end=-0.5), named)
    events[-1] = events[-1]._replace(recorded_at=NOON + timedelta(minutes=15, seconds=2))
    said = tell(fold(events), events, 0, None, CLOCK)
    assert "reported by the provider 32 s later" in said.answer
    assert "put on this call only 15 min after it came, when asking told" in said.known


def test_a_call_without_an_answer_is_known_from_nobody() -> None:
    assert told(claim(Status.UNKNOWN)).known.startswith("From nobody: we sent the request")


@pytest.mark.parametrize(
    ("status", "begins", "following"),
    [
        (Status.QUEUED, "The provider accepted the call", "Waiting for"),
        (Status.UNKNOWN, "We do not know whether the phone rang", "The call is never sent again"),
        (Status.REJECTED, "No phone rang", "Nothing more"),
        (Status.UNRESOLVED, "It was never known", "Nothing by itself"),
    ],
)
def test_a_call_without_an_end_says_what_is_next(
    status: Status, begins: str, following: str
) -> None:
    said = told(claim(status))
    assert said.answer.startswith(begins)
    assert said.next.startswith(following)


def test_a_call_that_may_be_dialled_again_says_so() -> None:
    assert "may dial again" in told(report("NOANSWER"), interval=5).next


def test_every_status_and_outcome_has_a_word_and_a_shape_of_its_own() -> None:
    assert set(STATUS) == set(Status)
    assert len({look.word for look in STATUS.values()}) == len(Status)
    assert len({look.shape for look in STATUS.values()}) == len(Status)
    assert all(look.meaning for look in OUTCOME.values())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (16, "16 s"), (125, "2 min 5 s"), (3600, "1 h"), (187200, "2 d 4 h")],
)
def test_lengths_of_time_are_said_in_two_units(seconds: float, said: str) -> None:
    assert length(seconds) == said


def test_a_quiet_time_is_cut_short_and_named() -> None:
    later = report(start=14, end=14.5)
    first, second = story(later)
    events = [first, second._replace(recorded_at=NOON + timedelta(minutes=15))]
    picture = draw(build_timeline(events), fold(events).attempts)
    assert [cut.text for cut in picture.cuts] == ["14 min", "30 s"]
    assert [line.gap for line in list_lines(build_timeline(events))] == [None, "15 min"]


def test_talk_is_drawn_to_scale() -> None:
    (talk,) = drawn(claim(Status.QUEUED), report(start=0, end=0.3)).stretches
    assert talk.text == "on the phone 18 s"
    assert talk.width == pytest.approx(WIDTH - 28, abs=1)


def test_ringing_that_the_duration_includes_is_drawn_before_the_talk() -> None:
    stretches = drawn(report(start=0.2, end=0.4, duration_seconds=20)).stretches
    assert [s.kind for s in stretches] == ["ring", "talk"]
    assert stretches[0].x + stretches[0].width == pytest.approx(stretches[1].x, abs=0.2)


def test_the_attempt_is_named_where_there_are_several() -> None:
    busy = report("NOANSWER", start=0, end=0.3)
    stretches = drawn(busy, report(start=5, end=5.3)).stretches
    assert [s.text for s in stretches] == [
        "attempt 1: ringing 18 s",
        "attempt 2: on the phone 18 s",
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


def test_a_picture_stays_within_its_frame() -> None:
    picture = drawn(report("NOANSWER", start=-900, end=-899), report(start=5000, end=5001))
    assert all(0 <= mark.x <= WIDTH for mark in picture.marks)
    assert all(0 <= s.x <= s.x + s.width <= WIDTH for s in picture.stretches)


@pytest.mark.parametrize(("number", "top"), [(0, 1), (3, 3), (7, 8), (11, 20), (501, 600)])
def test_a_scale_ends_at_a_round_number(number: int, top: int) -> None:
    assert round_up(number) == top


def test_a_chart_without_calls_is_empty() -> None:
    chart = stacked([], ["a", "b"], ["a", "b"], 100, 50)
    assert [column.pieces for column in chart.columns] == [[], []]
