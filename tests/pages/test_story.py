"""A call in sentences: what happened, and what is to be expected."""

from __future__ import annotations

from typing import Any

import pytest

from obdtrack.domain.status import Kind, Source, Status
from obdtrack.web.pages.charts import round_up, stacked
from obdtrack.web.pages.clocks import length
from obdtrack.web.pages.labels import OUTCOME, STATUS
from obdtrack.web.pages.summary import kind_text
from tests.factories import claim, minute, report
from tests.pages.telling import told


def test_an_answered_call_is_one_sentence() -> None:
    late = report(start=-1, end=-0.5)
    assert told(claim(Status.QUEUED), late).sentence == (
        "Answered on 23 Nov; the call started at 11:59:00 and ended 30 s later, at 11:59:30; "
        "reported by the provider 32 s after that."
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
    assert told(report(word)).sentence.startswith(begins)


@pytest.mark.parametrize(
    ("status", "begins", "following"),
    [
        (Status.QUEUED, "The provider accepted the call", "Waiting for"),
        (
            Status.UNKNOWN,
            "We do not know whether the phone rang",
            "obdtrack has stopped looking for it",
        ),
        (Status.REJECTED, "No phone rang", "Nothing more"),
        (Status.UNRESOLVED, "The outcome of this call is not known", "Nothing automatic"),
    ],
)
def test_a_call_without_an_end_says_what_is_next(
    status: Status, begins: str, following: str
) -> None:
    said = told(claim(status))
    assert said.sentence.startswith(begins)
    assert said.next.startswith(following)


def test_the_attempt_that_was_answered_is_named() -> None:
    missed = report("NOANSWER", start=0, end=0.5)
    assert told(missed, report(start=6, end=6.5), interval=5).sentence.startswith(
        "Answered at attempt 2 on 23 Nov; the call started at 12:06:00"
    )


def test_the_last_attempt_with_an_end_is_the_one_told() -> None:
    odd = report("RINGOUT", start=6, end=6.5)
    said = told(report("NOANSWER", start=0, end=0.5), odd, interval=5).sentence
    assert said.startswith("Nobody answered at attempt 1 on 23 Nov; the call started at 12:00:00")


def test_an_unanswered_call_says_when_it_rang() -> None:
    assert told(report("NOANSWER", start=-1, end=-0.5)).sentence.startswith(
        "Nobody answered on 23 Nov; the call started at 11:59:00 and ended 30 s later, at 11:59:30"
    )


def test_ringing_that_the_duration_includes_is_told() -> None:
    said = told(report(start=0.2, end=0.4, duration_seconds=20)).sentence
    assert "the call started at 12:00:12, after 8 s of ringing, and ended 12 s later, at" in said


def test_a_call_over_midnight_names_both_days() -> None:
    said = told(report(start=-721, end=-719)).sentence
    assert "on 22 Nov; the call started at 23:59:00 and ended 2 min later, on 23 Nov at" in said


def test_an_end_before_the_start_is_called_impossible() -> None:
    said = told(report(start=0, end=-1)).sentence
    assert "started at 12:00:00; the reported end time (at 11:59:00) is before the start" in said


def test_a_call_that_may_be_dialled_again_says_until_when() -> None:
    missed, later = report("NOANSWER", start=0, end=0.5), minute(20.5)
    said = told(missed, interval=5).next
    assert said.startswith("The provider may dial again: 5 minutes lie between its attempts.")
    assert "reported until 12:20:30, none is expected" in said
    after = told(missed, interval=5, now=later, check=minute(60)).next
    assert after.startswith("No further attempt was reported in time: nothing more is expected.")
    assert "polls the provider on 23 Nov at 13:00:00" in after


def test_a_call_that_never_ended_says_what_asking_brought() -> None:
    check = claim(None, Kind.CHECK, Source.POLL, found=1, provider_status="queued")
    given_up = claim(Status.UNRESOLVED, Kind.DEADLINE, Source.SYSTEM)._replace(reason="no-report")
    said = told(claim(Status.QUEUED), check, given_up)
    assert said.sentence.endswith(
        "no report came, and the provider, last polled on 23 Nov at 12:00:02, still said “queued”."
    )
    assert said.known == "Not known: the last deadline passed (23 Nov at 12:00:03)."


def test_a_report_in_a_word_we_do_not_know_is_no_missing_report() -> None:
    given_up = claim(Status.UNRESOLVED, Kind.DEADLINE, Source.SYSTEM)
    said = told(claim(Status.QUEUED), report("RINGOUT", start=0, end=1), given_up).sentence
    assert "no report said how it ended (the last status was “RINGOUT”)" in said


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"found": 0}, "Polled the provider: nothing found"),
        ({"found": 1}, "Polled the provider: nothing new"),
        ({"candidates": [{}, {}]}, "Looked for it at the provider; possible matches: 2"),
        ({"candidates": []}, "Polled the provider: nothing found"),
    ],
)
def test_a_question_says_what_it_brought(detail: dict[str, Any], said: str) -> None:
    assert kind_text(claim(None, Kind.CHECK, Source.POLL, **detail)) == said


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


@pytest.mark.parametrize(("number", "top"), [(0, 1), (3, 3), (7, 8), (11, 20), (501, 600)])
def test_a_scale_ends_at_a_round_number(number: int, top: int) -> None:
    assert round_up(number) == top


def test_a_chart_without_calls_is_empty() -> None:
    chart = stacked([], ["a", "b"], ["a", "b"], 100, 50)
    assert [column.pieces for column in chart.columns] == [[], []]
