"""What a call's events say about where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from obdtrack.domain.event import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.status import Kind, Source, Status
from tests.factories import NOON, claim, minute, report, story


def state_after(*events: Event, interval: int = 0) -> CallState:
    return fold(story(*events), interval)


def words_of(state: CallState) -> list[tuple[str, ...]]:
    return [attempt.words for attempt in state.attempts]


# What we did, and what was answered


def test_a_call_begins_as_submitting_by_us() -> None:
    state = state_after()
    assert (state.status, state.status_source) == (Status.SUBMITTING, Source.API)
    assert state.status_as_of == NOON


def test_a_call_without_the_event_of_its_submission_is_refused() -> None:
    with pytest.raises(ValueError, match="submission"):
        fold([report()])


@pytest.mark.parametrize("status", [Status.QUEUED, Status.REJECTED, Status.UNKNOWN])
def test_the_providers_answer_decides_until_a_report_comes(status: Status) -> None:
    assert state_after(claim(status)).status == status


def test_the_last_claim_holds() -> None:
    deadline = claim(Status.UNRESOLVED, Kind.DEADLINE, Source.SYSTEM)
    state = state_after(claim(Status.QUEUED), deadline)
    assert (state.status, state.status_source) == (Status.UNRESOLVED, Source.SYSTEM)
    assert state.status_as_of == NOON + timedelta(seconds=2)


def test_what_a_person_decided_holds_over_what_the_deadline_said() -> None:
    deadline = claim(Status.UNRESOLVED, Kind.DEADLINE, Source.SYSTEM)
    decided = claim(Status.REJECTED, Kind.RESOLUTION, Source.PERSON)
    state = state_after(claim(Status.UNKNOWN), deadline, decided)
    assert (state.status, state.status_source) == (Status.REJECTED, Source.PERSON)


@pytest.mark.parametrize("answer", [Status.QUEUED, Status.REJECTED])
def test_an_answer_that_came_after_all_beats_the_guess_that_we_were_interrupted(
    answer: Status,
) -> None:
    guess = claim(Status.UNKNOWN, Kind.INTERRUPTION, Source.SYSTEM)
    assert fold(story(claim(answer), guess)).status is answer
    assert fold(story(guess, claim(answer))).status is answer


def test_an_event_that_claims_no_status_changes_none() -> None:
    looked = claim(None, Kind.CHECK, Source.POLL)
    assert state_after(claim(Status.QUEUED), looked).status == Status.QUEUED


def test_a_clock_that_was_set_back_does_not_make_the_call_submitting_again() -> None:
    submission, answer = story(claim(Status.QUEUED))
    earlier = answer._replace(recorded_at=NOON - timedelta(minutes=1))
    assert fold([submission, earlier]).status == Status.QUEUED


def test_whether_it_was_answered_is_not_known_before_a_report() -> None:
    assert state_after(claim(Status.QUEUED)).answered is None


# What one report says


@dataclass(frozen=True)
class Said:
    """A provider's word and what it comes to."""

    word: str
    status: Status
    answered: bool
    reason: str | None = None


VOCABULARY = [
    Said("ANSWER", Status.COMPLETED, True),
    Said("COMPLETED", Status.COMPLETED, True),
    Said("RECEIVED", Status.COMPLETED, True, "not-forwarded"),
    Said("MISSED", Status.COMPLETED, True, "agent-missed"),
    Said("BUSY", Status.BUSY, False),
    Said("NOANSWER", Status.NO_ANSWER, False),
    Said("CANCEL", Status.CANCELED, False),
    Said("CONGESTION", Status.FAILED, False, "congestion"),
    Said("CHANUNAVAIL", Status.FAILED, False, "channel-unavailable"),
]


@pytest.mark.parametrize("said", VOCABULARY, ids=lambda said: said.word)
def test_each_final_word_becomes_the_status(said: Said) -> None:
    state = state_after(claim(Status.QUEUED), report(said.word, start=1))
    assert (state.status, state.answered, state.reason) == (said.status, said.answered, said.reason)
    assert state.provider_status == said.word


@pytest.mark.parametrize("source", [Source.WEBHOOK, Source.POLL])
def test_the_status_says_who_told_it_and_since_when_it_is_so(source: Source) -> None:
    state = state_after(claim(Status.QUEUED), report(start=1, end=2, source=source))
    assert (state.status_source, state.status_as_of) == (source, minute(2))


def test_a_report_without_an_end_is_true_since_the_call_began() -> None:
    assert state_after(report(start=1)).status_as_of == minute(1)


def test_a_report_without_any_time_is_true_since_it_came() -> None:
    assert state_after(report()).status_as_of == NOON + timedelta(seconds=1)


def test_the_facts_of_a_report_become_the_calls() -> None:
    told = report(start=1, end=2, duration_seconds=23, dtmf="1", hangup_by="caller")
    state = state_after(claim(Status.QUEUED), told)
    assert (state.started_at, state.ended_at) == (minute(1), minute(2))
    assert (state.duration_seconds, state.dtmf, state.hangup_by) == (23, "1", "caller")


def test_the_duration_is_kept_as_reported_even_if_the_times_disagree() -> None:
    assert state_after(report(start=1, end=2, duration_seconds=900)).duration_seconds == 900


@pytest.mark.parametrize(
    "status", [Status.SUBMITTING, Status.UNKNOWN, Status.REJECTED, Status.UNRESOLVED]
)
def test_a_report_beats_every_claim_even_one_that_was_made_later(status: Status) -> None:
    state = state_after(report(start=1), claim(status))
    assert (state.status, state.status_source) == (Status.COMPLETED, Source.WEBHOOK)


def test_a_late_report_revives_a_call_that_was_given_up() -> None:
    deadline = claim(Status.UNRESOLVED, Kind.DEADLINE, Source.SYSTEM)
    state = state_after(claim(Status.QUEUED), deadline, report("BUSY", start=1))
    assert state.status == Status.BUSY


def test_a_report_beats_a_persons_decision() -> None:
    decided = claim(Status.REJECTED, Kind.RESOLUTION, Source.PERSON)
    assert state_after(claim(Status.UNKNOWN), decided, report()).status == Status.COMPLETED


# Words that decide nothing


@pytest.mark.parametrize("word", ["queued", "RINGING"])
@pytest.mark.parametrize("status", [Status.QUEUED, Status.REJECTED, Status.UNRESOLVED])
def test_a_word_that_is_not_final_leaves_the_status_alone(word: str, status: Status) -> None:
    state = state_after(claim(status), report(word, start=1))
    assert (state.status, state.status_source) == (status, Source.API)
    assert state.answered is None


def test_a_word_nobody_knows_is_shown_verbatim() -> None:
    state = state_after(claim(Status.QUEUED), report("Ringing / Läutet"))
    assert state.provider_status == "Ringing / Läutet"


def test_the_latest_of_several_words_that_decide_nothing_is_shown() -> None:
    state = state_after(claim(Status.QUEUED), report("LATER", start=5), report("FIRST", start=1))
    assert state.provider_status == "LATER"


@pytest.mark.parametrize("word", ["queued", "RINGING"])
def test_any_report_proves_that_the_provider_has_a_call_we_were_unsure_of(word: str) -> None:
    state = state_after(claim(Status.UNKNOWN), report(word, start=1, source=Source.POLL))
    assert (state.status, state.status_source) == (Status.QUEUED, Source.POLL)
    assert state.status_as_of == minute(1)


def test_a_word_that_is_not_final_does_not_undo_a_final_one() -> None:
    state = state_after(report("BUSY", start=1), report("queued", start=1), report("RINGING"))
    assert (state.status, state.provider_status) == (Status.BUSY, "BUSY")


def test_a_new_attempt_without_a_final_word_leaves_the_last_final_one_standing() -> None:
    state = state_after(report("NOANSWER", start=1), report("RINGING", start=9), interval=5)
    assert state.status == Status.NO_ANSWER
    assert words_of(state) == [("NOANSWER",), ("RINGING",)]


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


def test_attempts_that_began_within_one_second_are_kept_in_order() -> None:
    state = state_after(report("NOANSWER", start=1), report("BUSY", start=1.005), interval=5)
    assert words_of(state) == [("NOANSWER",), ("BUSY",)]


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


def test_without_redials_a_report_without_times_is_about_the_latest_attempt() -> None:
    state = state_after(report("NOANSWER", start=1), report("RINGING", start=5), report("BUSY"))
    assert words_of(state) == [("NOANSWER",), ("BUSY", "RINGING")]


@pytest.mark.parametrize("interval", [0, 5])
def test_a_report_without_times_joins_the_attempt_that_says_the_same(interval: int) -> None:
    timed = report("NOANSWER", start=1), report("ANSWER", start=9)
    state = state_after(*timed, report("NOANSWER", duration_seconds=30), interval=interval)
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


# Charges


def test_what_the_answer_said_it_costs_holds_until_a_report_says_it() -> None:
    answer = claim(Status.QUEUED, charges="0.5000")
    assert state_after(answer).charges == "0.5000"
    assert state_after(answer, report(start=1)).charges == "0.5000"


def test_what_a_report_says_it_costs_is_believed_first() -> None:
    answer = claim(Status.QUEUED, charges="0.5000")
    assert state_after(answer, report(start=1, charges="0.1500")).charges == "0.1500"
