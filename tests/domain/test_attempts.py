"""Which reports are about one dialling, and what they say together."""

from __future__ import annotations

import pytest

from obdtrack.domain.fold import fold
from obdtrack.domain.status import Source, Status
from tests.domain.folding import state_after, words_of
from tests.factories import minute, report, story

SECOND = 1 / 60

# Within one attempt

FINAL_WORDS_BY_STRENGTH = ["ANSWER", "BUSY", "NOANSWER", "CANCEL", "CONGESTION"]
PAIRS = [
    (stronger, weaker)
    for place, stronger in enumerate(FINAL_WORDS_BY_STRENGTH)
    for weaker in FINAL_WORDS_BY_STRENGTH[place + 1 :]
]


@pytest.mark.parametrize(("stronger", "weaker"), PAIRS)
def test_the_stronger_word_of_one_attempt_wins(stronger: str, weaker: str) -> None:
    state = state_after(report(stronger, start=1), report(weaker, start=1))
    assert state.provider_status == stronger
    assert words_of(state) == [(stronger, weaker)]


def test_two_final_meanings_of_one_attempt_are_a_conflict() -> None:
    state = state_after(report("ANSWER", start=1), report("BUSY", start=1))
    assert state.conflict
    assert state.attempts[0].conflict


def test_two_words_of_one_meaning_are_no_conflict() -> None:
    state = state_after(report("ANSWER", start=1), report("MISSED", start=1))
    assert not state.conflict
    assert set(state.attempts[0].words) == {"ANSWER", "MISSED"}


def test_a_conflict_in_an_older_attempt_is_still_a_conflict_of_the_call() -> None:
    older = (report("BUSY", start=1), report("NOANSWER", start=1))
    state = state_after(*older, report("ANSWER", start=9), interval=5)
    assert state.conflict
    assert [attempt.conflict for attempt in state.attempts] == [True, False]


def test_reports_of_one_attempt_fill_in_each_others_gaps() -> None:
    webhook = report(start=1, duration_seconds=23)
    poll = report(start=1, end=2, dtmf="1", source=Source.POLL)
    state = state_after(webhook, poll)
    assert (state.duration_seconds, state.dtmf, state.ended_at) == (23, "1", minute(2))


def test_facts_that_contradict_each_other_all_come_from_one_report() -> None:
    state = state_after(
        report(start=1, end=3, duration_seconds=9),
        report(start=1, end=2, duration_seconds=23, source=Source.WEBHOOK),
    )
    assert (state.ended_at, state.duration_seconds) == (minute(3), 9)


def test_the_larger_amount_is_believed_and_shown_as_it_was_written() -> None:
    state = state_after(report(start=1, charges="9.5000"), report(start=1, charges="10.0000"))
    assert state.charges == "10.0000"


@pytest.mark.parametrize("texts", [("0.50", "0.5000"), ("0.5000", "0.50")])
def test_of_two_texts_for_one_amount_the_fuller_is_shown(texts: tuple[str, str]) -> None:
    state = state_after(*(report(start=1, charges=text) for text in texts))
    assert state.charges == "0.5000"


def test_a_time_with_a_fraction_is_after_the_whole_second_before_it() -> None:
    whole, later = report(end=1, hangup_by="a"), report(end=1.005, hangup_by="b")
    assert state_after(whole, later).ended_at == minute(1.005)
    assert state_after(later, whole).hangup_by == "b"


# Without redials there is one attempt

ANSWERED = report("ANSWER", start=1, end=2)
NEIGHBOURS = {
    "a second later": report("NOANSWER", start=1 + SECOND, end=2),
    "five seconds earlier": report("NOANSWER", start=1 - 5 * SECOND, source=Source.POLL),
    "a fraction of a second off": report("NOANSWER", start=1 + SECOND * 0.4),
    "in another zone, ahead": report("NOANSWER", start=331, end=332, source=Source.POLL),
    "in another zone, behind": report("NOANSWER", start=-329, end=-328, source=Source.POLL),
    "with an end alone": report("NOANSWER", end=9),
    "without a time": report("NOANSWER"),
}


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
@pytest.mark.parametrize("turned", [False, True])
def test_without_redials_another_start_is_no_other_attempt(neighbour: str, turned: bool) -> None:
    told = [ANSWERED, NEIGHBOURS[neighbour]]
    state = state_after(*(reversed(told) if turned else told))
    assert words_of(state) == [("ANSWER", "NOANSWER")]
    assert (state.status, state.conflict) == (Status.COMPLETED, True)
    assert state.started_at == minute(1)


def test_without_redials_ringing_and_the_answer_after_it_are_one_attempt() -> None:
    state = state_after(report("RINGING", start=1), report("ANSWER", start=1.2))
    assert words_of(state) == [("ANSWER", "RINGING")]
    assert (state.status, state.conflict, state.started_at) == (
        Status.COMPLETED, False, minute(1.2),
    )  # fmt: skip


def test_without_redials_a_final_word_outlasts_a_later_one_that_is_none() -> None:
    state = state_after(report("BUSY", start=1), report("RINGING", start=9))
    assert (state.status, state.provider_status) == (Status.BUSY, "BUSY")


# With redials what lies near an attempt is about it


@pytest.mark.parametrize("start", [1 - 2.4, 1 - SECOND, 1.005, 1 + SECOND, 1 + 2.4])
def test_a_start_nearer_than_half_the_interval_is_of_the_same_attempt(start: float) -> None:
    state = state_after(report("ANSWER", start=1), report("NOANSWER", start=start), interval=5)
    assert words_of(state) == [("ANSWER", "NOANSWER")]
    assert (state.status, state.conflict) == (Status.COMPLETED, True)


def test_a_start_half_the_interval_away_is_of_another_attempt() -> None:
    state = state_after(report("NOANSWER", start=1), report("BUSY", start=3.5), interval=5)
    assert words_of(state) == [("NOANSWER",), ("BUSY",)]


def test_a_start_within_the_span_of_an_attempt_is_of_that_attempt() -> None:
    talk = report("ANSWER", start=1, end=21)
    state = state_after(talk, report("NOANSWER", start=20), interval=5)
    assert words_of(state) == [("ANSWER", "NOANSWER")]


def test_a_chain_of_neighbours_is_measured_from_its_first() -> None:
    chain = [report("NOANSWER", start=start) for start in (0, 2, 4, 6)]
    state = state_after(*chain, interval=5)
    assert [len(attempt.event_ids) for attempt in state.attempts] == [2, 2]


def test_an_end_alone_belongs_to_the_attempt_it_lies_nearest_to() -> None:
    timed = report("NOANSWER", start=0, end=1), report("NOANSWER", start=5, end=6)
    for end, attempt in ((2.5, 0), (1 + SECOND, 0), (5.5, 1), (6 + SECOND, 1)):
        state = state_after(*timed, report("NOANSWER", end=end, dtmf="1"), interval=5)
        assert [a.dtmf for a in state.attempts].index("1") == attempt
        assert len(state.attempts) == 2


def test_ends_alone_that_are_near_each_other_are_one_attempt() -> None:
    state = state_after(report("ANSWER", end=9), report("NOANSWER", end=9.005), interval=5)
    assert words_of(state) == [("ANSWER", "NOANSWER")]


# Several attempts


def test_each_start_time_is_an_attempt_and_they_are_numbered_by_it() -> None:
    state = state_after(report("ANSWER", start=9), report("NOANSWER", start=1), interval=5)
    assert words_of(state) == [("NOANSWER",), ("ANSWER",)]
    assert [attempt.number for attempt in state.attempts] == [1, 2]
    assert [attempt.started_at for attempt in state.attempts] == [minute(1), minute(9)]


def test_the_latest_attempt_decides_even_with_a_weaker_word() -> None:
    state = state_after(report("ANSWER", start=1), report("NOANSWER", start=9), interval=5)
    assert state.status == Status.NO_ANSWER


def test_an_older_attempt_that_comes_in_late_does_not_overwrite_the_latest() -> None:
    state = state_after(report("ANSWER", start=9), report("NOANSWER", start=1), interval=5)
    assert (state.status, state.started_at) == (Status.COMPLETED, minute(9))


def test_no_answer_and_then_an_answer_is_progress_and_no_conflict() -> None:
    state = state_after(report("NOANSWER", start=1), report("ANSWER", start=6), interval=5)
    assert state.status == Status.COMPLETED
    assert not state.conflict


def test_an_attempt_lists_the_events_it_was_put_together_from() -> None:
    events = story(report("NOANSWER", start=1), report("ANSWER", start=9), report(start=9, end=10))
    first, second = fold(events, interval=5).attempts
    assert first.event_ids == (events[1].id,)
    assert second.event_ids == (events[2].id, events[3].id)


# Reports without times


def test_without_redials_reports_without_times_are_about_the_one_attempt() -> None:
    state = state_after(report("NOANSWER"), report("ANSWER"))
    assert words_of(state) == [("ANSWER", "NOANSWER")]
    assert (state.status, state.conflict) == (Status.COMPLETED, True)


def test_with_redials_each_word_without_a_time_is_an_attempt() -> None:
    state = state_after(report("NOANSWER"), report("ANSWER"), interval=5)
    assert words_of(state) == [("NOANSWER",), ("ANSWER",)]
    assert (state.status, state.conflict) == (Status.COMPLETED, False)


def test_with_redials_the_word_without_a_time_that_came_last_decides() -> None:
    assert state_after(report("BUSY"), report("NOANSWER"), interval=5).status == Status.NO_ANSWER
    assert state_after(report("NOANSWER"), report("BUSY"), interval=5).status == Status.BUSY


@pytest.mark.parametrize("start", [None, 1])
def test_an_answered_call_is_not_redialled_so_a_late_no_answer_was_before_it(
    start: int | None,
) -> None:
    state = state_after(report("ANSWER", start=start), report("NOANSWER"), interval=5)
    assert words_of(state) == [("NOANSWER",), ("ANSWER",)]
    assert state.status == Status.COMPLETED


def test_with_redials_a_report_without_times_joins_the_attempt_that_says_the_same() -> None:
    timed = report("NOANSWER", start=1), report("ANSWER", start=9)
    state = state_after(*timed, report("NOANSWER", duration_seconds=30), interval=5)
    assert [attempt.duration_seconds for attempt in state.attempts] == [30, None]


def test_a_report_with_only_an_end_joins_the_attempt_that_ended_then() -> None:
    timed = report("NOANSWER", start=1, end=2), report("NOANSWER", start=8, end=9)
    state = state_after(*timed, report("NOANSWER", end=2, dtmf="1"), interval=5)
    assert [attempt.dtmf for attempt in state.attempts] == ["1", None]


def test_another_word_for_an_attempt_that_ended_then_is_a_conflict() -> None:
    state = state_after(report("NOANSWER", start=1, end=2), report("BUSY", end=2), interval=5)
    assert words_of(state) == [("BUSY", "NOANSWER")]
    assert state.conflict


def test_with_redials_each_end_time_is_an_attempt() -> None:
    ends = [report("NOANSWER", end=2), report("NOANSWER", end=8), report("ANSWER", end=14)]
    state = state_after(*reversed(ends), interval=5)
    assert words_of(state) == [("NOANSWER",), ("NOANSWER",), ("ANSWER",)]
    assert state.status == Status.COMPLETED


def test_a_report_that_says_less_than_another_adds_no_attempt() -> None:
    state = state_after(report("NOANSWER"), report("NOANSWER", start=1, end=2), interval=5)
    assert words_of(state) == [("NOANSWER",)]


def test_a_clock_of_the_provider_that_is_ahead_of_ours_does_not_disorder_attempts() -> None:
    timed = report("NOANSWER", start=330), report("BUSY", start=340)
    state = state_after(*timed, report("BUSY"), interval=5)
    assert words_of(state) == [("NOANSWER",), ("BUSY",)]
