"""How we know: nothing is said to come from anybody who did not say it."""

from __future__ import annotations

import pytest

from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import Failure
from tests.factories import claim, report
from tests.pages.telling import came, of, told


def test_a_call_found_by_asking_says_so() -> None:
    assert "found by polling the provider" in told(report(source=Source.POLL)).sentence
    assert "Known from polling the provider" in told(report(source=Source.POLL)).known


def test_what_both_told_is_known_from_both() -> None:
    polled = report(start=-1, end=-0.5, source=Source.POLL, charges="0.5")
    known = told(report(start=-1, end=-0.5), polled).known
    assert known.startswith(
        "Known from a report (its status: “ANSWER”)"
        " and from polling the provider (its status: “ANSWER”)"
    )


def test_a_report_that_waited_for_its_call_says_so() -> None:
    named = claim(Status.QUEUED, Kind.RESOLUTION, Source.POLL)._replace(reason="attached")
    told_before = report(start=-1, end=-0.5)
    said = of(came((0, claim(Status.UNKNOWN)), (0.5, told_before), (15.5, named)))
    assert "reported by the provider 1 min after that" in said.sentence
    assert "put on this call only 15 min after it came, when polling gave" in said.known


def test_a_call_without_an_answer_is_known_from_nobody() -> None:
    assert told(claim(Status.UNKNOWN)).known.startswith("Not known: we sent the request")


def test_a_word_is_told_of_who_said_it_only() -> None:
    said = told(claim(Status.QUEUED), report("RINGOUT", start=0, end=1))
    assert said.known == "Known from the provider's response, since 23 Nov at 12:00:01."
    assert "Its last status, “RINGOUT”, is not one we know." in said.sentence


def test_a_report_that_proves_an_unknown_call_is_where_we_know_it_from() -> None:
    said = told(claim(Status.UNKNOWN), report("RINGOUT"))
    assert said.known.startswith("Known from a report (its status: “RINGOUT”)")
    assert said.sentence.startswith("The provider has the call, as a report showed on 23 Nov")


def test_what_never_reached_the_provider_is_not_known_from_its_answer() -> None:
    refused = claim(Status.REJECTED)._replace(reason=Failure.UNREACHABLE)
    assert told(refused).known.startswith("Known from obdtrack, since")


def test_a_call_placed_again_is_known_from_nobody_but_who_did_it() -> None:
    again = claim(Status.UNRESOLVED, Kind.RESOLUTION, Source.PERSON, by="Asha")
    said = told(claim(Status.UNKNOWN), again._replace(reason="placed-again")).known
    assert said == "Not known: a person (Asha) had it placed again (23 Nov at 12:00:02)."


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (3 * 1440, "found by polling the provider 3 d after that"),
        (0.5, "found by polling the provider 30 s after that"),
        (-1.5 / 60, "found by polling the provider at once"),
        (-3 / 60, "found by polling the provider, by a clock that differs from ours"),
    ],
)
def test_how_long_after_the_end_it_was_known(minutes: float, said: str) -> None:
    found = report(start=-1, end=0, source=Source.POLL)
    assert of(came((minutes, found))).sentence.endswith(f"{said}.")


@pytest.mark.parametrize("late", [3, 30])
def test_a_late_report_is_no_fault_of_the_clock(late: int) -> None:
    said = of(came((late * 1440, report(start=-1, end=0)))).sentence
    assert said.endswith(f"reported by the provider {late} d after that.")
