"""What a call's events say about where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from obdtrack.domain.fold import fold
from obdtrack.domain.status import Kind, Source, Status
from tests.domain.folding import state_after, words_of
from tests.factories import NOON, claim, minute, report, story

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


@pytest.mark.parametrize("response", [Status.QUEUED, Status.REJECTED])
def test_an_answer_that_came_after_all_beats_the_guess_that_we_were_interrupted(
    response: Status,
) -> None:
    guess = claim(Status.UNKNOWN, Kind.INTERRUPTION, Source.SYSTEM)
    assert fold(story(claim(response), guess)).status is response
    assert fold(story(guess, claim(response))).status is response


def test_an_event_that_claims_no_status_changes_none() -> None:
    looked = claim(None, Kind.CHECK, Source.POLL)
    assert state_after(claim(Status.QUEUED), looked).status == Status.QUEUED


def test_a_clock_that_was_set_back_does_not_make_the_call_submitting_again() -> None:
    submission, response = story(claim(Status.QUEUED))
    earlier = response._replace(recorded_at=NOON - timedelta(minutes=1))
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


def test_the_seconds_that_are_charged_for_are_the_calls_too_and_change_no_charges() -> None:
    response = claim(Status.QUEUED, charges="0.5000")
    state = state_after(response, report(start=1, duration_seconds=30, billable_seconds=23))
    assert (state.duration_seconds, state.billable_seconds, state.charges) == (30, 23, "0.5000")
    assert state.attempts[0].billable_seconds == 23


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


# Charges


def test_what_the_answer_said_it_costs_holds_until_a_report_says_it() -> None:
    response = claim(Status.QUEUED, charges="0.5000")
    assert state_after(response).charges == "0.5000"
    assert state_after(response, report(start=1)).charges == "0.5000"


def test_of_two_prices_the_one_said_later_holds() -> None:
    first, later = claim(Status.QUEUED, charges="0.5000"), claim(Status.QUEUED, charges="1")
    assert state_after(first, later).charges == "1"
    assert state_after(later, first, claim(Status.QUEUED)).charges == "0.5000"


def test_what_a_report_says_it_costs_is_believed_first() -> None:
    response = claim(Status.QUEUED, charges="0.5000")
    assert state_after(response, report(start=1, charges="0.1500")).charges == "0.1500"
