"""Which call a report is about, by what it gives."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from obdtrack.domain.naming import is_about, may_be, names_of, why_unmatched
from obdtrack.domain.reports import Report
from tests.factories import IDS, MID, NUMBER

OTHER = "047d8cfc-77d1-4f6c-bfb5-e81f1a1343a7"
ERASED = "erased-0123456789abcdef"


class Call(NamedTuple):
    """A call as the provider names it."""

    provider_id: str
    mid: str
    to_number: str


def submission(*numbers: str, mid: str = MID) -> list[Call]:
    """The calls of one submission, numbered from 1."""
    return [Call(f"{mid}:{place}", mid, number) for place, number in enumerate(numbers, start=1)]


def found(report: Report, calls: list[Call]) -> list[str]:
    return [call.provider_id for call in may_be(report, names_of(report, IDS), calls)]


def why(report: Report, calls: list[Call]) -> str:
    left = len(may_be(report, names_of(report, IDS), calls))
    assert left != 1
    return why_unmatched(report, names_of(report, IDS), calls, left)


ONE = submission(NUMBER)
TWO = submission(NUMBER, "+918867135002")


@pytest.mark.parametrize(
    "spelled",
    [
        MID,
        MID.upper(),
        MID.replace("-", ""),
        f"{{{MID}}}",
        f"urn:uuid:{MID}",
        f"URN:UUID:{MID.upper()}",
        f"{{{MID.upper()}}}",
        f" {MID} ",
    ],
)
@pytest.mark.parametrize("number", ["", ":1", ":12"])
def test_an_id_has_one_spelling(spelled: str, number: str) -> None:
    assert IDS.canonical(spelled + number) == MID + number
    assert IDS.canonical(spelled + number.replace(":", "%3A0")) == MID + number
    assert IDS.canonical(f"{{{MID.upper()}{number}}}") == MID + number


@pytest.mark.parametrize(
    "text",
    ["1234-1333-XXXXX", "12345", "somebody-else:1", "Ab:1", f"{MID}:x", f"{MID}0", f"x{MID}", ""],
)
def test_what_is_no_uuid_stays_as_it_is(text: str) -> None:
    assert IDS.canonical(text) == text


@pytest.mark.parametrize(
    "report",
    [
        Report(mid=MID),
        Report(mid=MID, to="8867135001"),
        Report(mid=MID, numbers=["91886713••••"]),
        Report(mid=MID, numbers=["+918867135009", NUMBER]),
        Report(mid=MID, to=NUMBER),
        Report(provider_id=MID),
        Report(mid=f"{MID}:1"),
        Report(provider_id=MID.upper()),
        Report(mid=MID, provider_id="leg-77"),
        Report(mid="campaign-9", provider_id=MID),
    ],
)
def test_a_submission_of_one_number_is_named_by_its_uuid(report: Report) -> None:
    assert found(report, ONE) == [f"{MID}:1"]


@pytest.mark.parametrize(
    "report",
    [
        Report(mid=MID, to="+918867135002"),
        Report(mid=MID, to="8867135002"),
        Report(mid=MID, numbers=["91886713•••2"]),
        Report(mid=MID, numbers=["+918867135002", "8867135003"]),
    ],
)
def test_the_number_may_contradict_it(report: Report) -> None:
    assert found(report, ONE) == []
    assert why(report, ONE) == "the number it gives is not one that its submission went to"


def test_the_number_of_another_place_in_the_submission_is_another_call() -> None:
    assert found(Report(provider_id=f"{MID}:7"), ONE) == []
    assert found(Report(provider_id=f"{MID}:7", to="8867135001"), ONE) == []
    assert found(Report(provider_id=f"{MID}:7", to=NUMBER), ONE) == [f"{MID}:1"]


@pytest.mark.parametrize(
    ("report", "place"),
    [
        (Report(mid=MID, to="+918867135002"), 2),
        (Report(mid=MID, to="8867135002"), 2),
        (Report(mid=f"{MID}:2"), 2),
        (Report(mid=f"{MID}:1", numbers=["91886713••••"]), 1),
        (Report(mid=MID, numbers=["91886713•••1"]), 1),
        (Report(mid=MID, numbers=["+918867135002", "+918867135009"]), 2),
    ],
)
def test_of_several_numbers_the_one_that_fits_is_meant(report: Report, place: int) -> None:
    assert found(report, TWO) == [f"{MID}:{place}"]


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (Report(mid=MID), "2 calls of this submission may be meant: it gives no number"),
        (
            Report(mid=MID, numbers=["91886713••••"]),
            "2 calls of this submission may have this number",
        ),
        (
            Report(mid=MID, numbers=[NUMBER, "8867135002"]),
            "2 calls of this submission may have this number",
        ),
        (Report(mid=MID, to="9"), "the number it gives is not one that its submission went to"),
    ],
)
def test_of_several_numbers_none_is_guessed(report: Report, reason: str) -> None:
    assert why(report, TWO) == reason


def test_one_number_twice_in_a_submission_is_told_apart_by_its_place() -> None:
    twice = submission(NUMBER, NUMBER)
    assert why(Report(mid=MID, to=NUMBER), twice).startswith("2 calls")
    assert found(Report(mid=f"{MID}:2", to=NUMBER), twice) == [f"{MID}:2"]


def test_an_erased_number_neither_contradicts_nor_fits_by_accident() -> None:
    assert found(Report(mid=MID, to="8867135001"), submission(ERASED)) == [f"{MID}:1"]
    beside = submission(ERASED, "+918867135002")
    assert found(Report(mid=MID, to="+918867135002"), beside) == [f"{MID}:2"]
    assert len(found(Report(mid=MID, numbers=["91886713••••"]), beside)) == 2


def test_a_short_id_may_be_anybodys_without_the_number() -> None:
    calls = submission(NUMBER, mid="12")
    assert found(Report(provider_id="99", mid="12"), calls) == []
    assert found(Report(mid="12", to="8867135001"), calls) == ["12:1"]


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (Report(provider_id=f"{OTHER}:1"), f"no call is known by the id {OTHER}:1"),
        (Report(mid=OTHER, to=NUMBER), f"no call is known of submission {OTHER}"),
        (
            Report(to=NUMBER),
            "it names neither a call nor a submission; a number alone is never enough",
        ),
    ],
)
def test_what_names_no_call_says_so(report: Report, reason: str) -> None:
    assert why(report, []) == reason


def test_a_row_of_the_log_is_about_the_call_it_certainly_names() -> None:
    first, second = TWO
    assert is_about(Report(provider_id=f"{MID.upper()}:1"), first, TWO, IDS)
    assert not is_about(Report(provider_id=f"{MID}:2"), first, TWO, IDS)
    assert not is_about(Report(provider_id=MID), first, TWO, IDS)
    assert is_about(Report(provider_id=MID, to="8867135002"), second, TWO, IDS)
    assert is_about(Report(provider_id=MID), ONE[0], ONE, IDS)
    assert not is_about(Report(provider_id=OTHER), ONE[0], ONE, IDS)


def test_a_call_known_by_the_bare_uuid_is_the_first_of_its_submission() -> None:
    bare = [Call(MID, MID, NUMBER)]
    assert found(Report(provider_id=f"{MID}:1"), bare) == [MID]
