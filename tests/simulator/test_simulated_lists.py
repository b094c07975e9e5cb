"""Several numbers in one request: one submission, of which each number is a call of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import requests

from tests.simulator.conftest import Provider

STRANGER = "919999900000"


def numbers(*endings: str) -> list[str]:
    return [f"9188671350{ending}" for ending in endings]


def place(provider: Provider, *endings: str, **fields: Any) -> Any:
    return provider.place("", to=",".join(numbers(*endings)), **fields).json()


def positions(entries: Sequence[dict[str, Any]]) -> list[str]:
    return [entry["id"].partition(":")[2] for entry in entries]


def test_the_response_lists_each_number_in_order(provider: Provider) -> None:
    response = place(provider, "01", "11", "02")
    assert response["message"] == "3 numbers accepted for delivery."
    assert [entry["mobile"] for entry in response["data"]] == numbers("01", "11", "02")
    assert positions(response["data"]) == ["1", "2", "3"]


def test_the_newer_response_lists_them_too_and_states_no_count(
    start: Callable[..., Provider],
) -> None:
    response = place(start(generation="2024"), "01", "11")
    assert response["message"] == "Calls queued successfully"
    assert [entry["mobile"] for entry in response["data"]] == numbers("01", "11")


def test_every_number_is_reported_by_the_submissions_mid_and_itself(provider: Provider) -> None:
    response = place(provider, "01", "11")
    mid = response["data"][0]["id"].partition(":")[0]
    reported = {(body["mid"], str(body["to"]), body["status"]) for body in provider.bodies()}
    assert reported == {(mid, numbers("01")[0], "ANSWER"), (mid, numbers("11")[0], "BUSY")}


def test_every_number_is_found_by_id_by_mobile_and_by_date(provider: Provider) -> None:
    entries = place(provider, "01", "11", "02")["data"]
    for entry in entries:
        assert [row["id"] for row in provider.ask(id=entry["id"])] == [entry["id"]]
        assert [row["id"] for row in provider.ask(mobile=entry["mobile"])] == [entry["id"]]
    day = entries[0]["submitted_at"][:10]
    assert [row["id"] for row in provider.ask(date=day)] == [entry["id"] for entry in entries]


# Last digits -> (the count that is stated, the numbers listed, how many phones ring).
LISTS = {
    "fewer accepted": (("01", "43", "02"), 2, numbers("01", "02"), 2),
    "none accepted": (("43", "43"), 0, [], 0),
    "counted, not listed": (("01", "44", "02"), 3, numbers("01", "02"), 3),
    "stranger listed": (("01", "45"), 3, [*numbers("01", "45"), STRANGER], 2),
    "one without mobile": (("01", "46"), 2, [*numbers("01"), None], 2),
    "all without mobile": (("46", "46"), 2, [None, None], 2),
    "response without ids": (("01", "42"), 2, [], 2),
}


@pytest.mark.parametrize(("endings", "count", "listed", "dials"), LISTS.values(), ids=LISTS)
def test_the_response_can_list_something_else_than_was_asked(
    provider: Provider, endings: Sequence[str], count: int, listed: list[str | None], dials: int
) -> None:
    response = place(provider, *endings)
    assert response["message"] == f"{count} numbers accepted for delivery."
    assert [entry.get("mobile") for entry in response["data"]] == listed
    assert provider.server.dials == dials


def test_those_left_out_leave_their_place_empty(provider: Provider) -> None:
    assert positions(place(provider, "01", "43", "02")["data"]) == ["1", "3"]


def test_a_number_that_is_not_listed_is_found_by_asking(provider: Provider) -> None:
    place(provider, "01", "44")
    assert len(provider.ask(mobile=numbers("44")[0])) == 1


def test_what_was_dialled_twice_is_seen_within_a_list_and_across_lists(provider: Provider) -> None:
    place(provider, "01", "02", "01")
    place(provider, "02")
    url = provider.server.url.replace("api/v2/", "simulator/calls")
    dialled = Counter(row["to"] for row in requests.get(url, timeout=5).json()["data"])
    assert dialled == {numbers("01")[0]: 2, numbers("02")[0]: 2}


def test_a_list_is_refused_whole_and_rings_nobody(provider: Provider) -> None:
    assert place(provider, "01", "36", "02")["code"] == 422
    assert provider.server.dials == 0


def test_the_balance_runs_out_after_so_many_numbers(start: Callable[..., Provider]) -> None:
    provider = start(balance=3)
    assert place(provider, "01", "02")["status"] == 200
    refused = provider.place("", to=",".join(numbers("03", "04")))
    assert (refused.status_code, refused.json()["message"]) == (200, "Insufficient balance.")
    assert provider.place("05").json()["status"] == 200
    assert provider.place("06").json()["status"] == "ERROR"
    assert provider.server.dials == 3


def test_a_refused_request_costs_nothing(start: Callable[..., Provider]) -> None:
    provider = start(balance=1)
    provider.place("36")
    assert provider.place("01").json()["status"] == 200


def test_more_requests_within_a_second_than_are_let_through_ring_nobody(
    start: Callable[..., Provider],
) -> None:
    provider = start(sends_per_second=0)
    response = provider.place("01")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert provider.server.dials == 0


def test_every_call_of_the_bad_flow_fails(start: Callable[..., Provider]) -> None:
    provider = start(bad_flow="13")
    assert place(provider, "01", "11", "29", flow_id="13")["status"] == 200
    assert provider.words() == ["CHANUNAVAIL"] * 3
