"""Which numbers of a list the provider took: by the number beside the id, and only if certain."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from obdtrack.domain.acceptance import share_out
from obdtrack.domain.submission import AcceptedNumber, Failure, SendResponse

A, B, C = "+918867135001", "+918867135002", "+918867135003"


def entry(place: int, to: str | None, provider_id: str | None = "") -> AcceptedNumber:
    return AcceptedNumber(f"m:{place}" if provider_id == "" else provider_id, to, None, None)


def told(
    *entries: AcceptedNumber, accepted: int | None = None, of: Sequence[str] = (A, B, C)
) -> list[str | None]:
    """What each number became: its id, or why it has none."""
    response = SendResponse(None, numbers=entries, accepted=accepted)
    verdicts = share_out(response, of).verdicts
    return [one.number.provider_id if one.number else one.failure for one in verdicts]


def strangers(*entries: AcceptedNumber) -> list[tuple[str | None, str]]:
    found = share_out(SendResponse(None, numbers=entries), (A, B)).strangers
    return [(one["provider_id"], one["why"]) for one in found]


def test_an_id_belongs_to_the_number_beside_it_whatever_the_order() -> None:
    assert told(entry(1, C), entry(2, A), entry(3, B)) == ["m:2", "m:3", "m:1"]


def test_without_any_number_the_order_tells() -> None:
    assert told(*(entry(n, None) for n in (1, 2, 3))) == ["m:1", "m:2", "m:3"]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_order_tells_nothing_if_there_is_not_one_entry_for_each(count: int) -> None:
    unknown = [Failure.NOT_LISTED] * 3
    assert told(*(entry(n, None) for n in range(count)), accepted=count) == unknown


def test_numbers_beside_some_ids_only_leave_the_others_to_nobody() -> None:
    assert told(entry(1, A), entry(2, None), entry(3, C)) == ["m:1", Failure.NOT_LISTED, "m:3"]


def test_what_is_not_listed_is_unknown() -> None:
    assert told(entry(1, A), entry(3, C)) == ["m:1", Failure.NOT_LISTED, "m:3"]


def test_it_was_not_accepted_if_the_response_counts_as_many_as_it_lists() -> None:
    assert told(entry(1, A), entry(3, C), accepted=2) == ["m:1", Failure.NOT_ACCEPTED, "m:3"]


@pytest.mark.parametrize("accepted", [1, 3])
def test_another_count_proves_nothing(accepted: int) -> None:
    assert told(entry(1, A), entry(3, C), accepted=accepted)[1] == Failure.NOT_LISTED


def test_a_count_proves_nothing_while_an_entry_is_nobodys() -> None:
    assert told(entry(1, A), entry(2, "+918867135999"), accepted=2) == [
        "m:1", Failure.NOT_LISTED, Failure.NOT_LISTED,
    ]  # fmt: skip


def test_a_masked_number_counts_if_it_fits_one_of_ours_only() -> None:
    assert told(entry(1, "8867135002"), of=(A, B))[1] == "m:1"
    assert told(entry(1, "+9188671350••"), of=(A, B)) == [Failure.NOT_LISTED] * 2


def test_an_entry_without_a_usable_id_is_not_refused() -> None:
    assert told(entry(1, A), entry(2, B, None), entry(3, C), accepted=3)[1] == (
        Failure.ANSWER_WITHOUT_ID
    )


def test_other_and_repeated_numbers_are_noted_and_nobodys() -> None:
    assert strangers(entry(1, A), entry(2, "+918867135999"), entry(3, A)) == [
        ("m:2", "not ours"), ("m:3", "given twice"),
    ]  # fmt: skip


def test_a_refusal_is_that_of_every_number() -> None:
    refused = share_out(SendResponse(Failure.INSUFFICIENT_BALANCE), (A, B))
    assert [one.failure for one in refused.verdicts] == [Failure.INSUFFICIENT_BALANCE] * 2
