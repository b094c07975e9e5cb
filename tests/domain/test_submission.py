"""What an answer to a request means for the call."""

from __future__ import annotations

import pytest

from obdtrack.domain.status import FINAL, NEEDS_ATTENTION, WAITING, Status
from obdtrack.domain.submission import PLACEMENT, Failure, Placement, SendResponse
from tests.factories import IDS, MID, call_request

AMBIGUOUS = {
    Failure.TIMEOUT,
    Failure.CONNECTION_LOST,
    Failure.PROVIDER_ERROR,
    Failure.UNREADABLE_ANSWER,
    Failure.ANSWER_TOO_LARGE,
    Failure.ANSWER_WITHOUT_ID,
    Failure.ID_GIVEN_TWICE,
    Failure.NOT_LISTED,
    Failure.INTERNAL_ERROR,
}


def test_an_answer_without_a_failure_means_that_the_phone_may_ring() -> None:
    assert SendResponse().placement is Placement.PLACED


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_has_its_place_in_the_one_table(failure: Failure) -> None:
    assert SendResponse(failure).placement is PLACEMENT[failure]


@pytest.mark.parametrize("failure", Failure)
def test_only_a_plain_no_is_taken_for_not_placed(failure: Failure) -> None:
    doubtful = PLACEMENT[failure] is Placement.UNKNOWN
    assert doubtful == (failure in AMBIGUOUS)


@pytest.mark.parametrize("provider_id", [f"{MID}:1", f"{MID}:12", MID])
def test_the_submissions_uuid_is_the_first_part_of_a_provider_id(provider_id: str) -> None:
    assert IDS.submission(provider_id) == MID


def test_the_values_of_variables_are_not_shown_with_the_request() -> None:
    assert "123456" not in repr(call_request(variables={"otp": "123456"}))


@pytest.mark.parametrize("status", Status)
def test_no_status_is_both_final_and_waiting(status: Status) -> None:
    assert not (status in FINAL and status in WAITING)


def test_a_person_looks_only_at_calls_that_no_report_has_ended() -> None:
    assert not NEEDS_ATTENTION & FINAL
