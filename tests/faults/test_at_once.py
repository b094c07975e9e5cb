"""What many ask for at once happens once."""

from __future__ import annotations

from tests.torture.crowds import place_under_keys, report_the_same

PLACED_OR_TOLD_TO_WAIT = {200, 201, 409}


def test_eight_times_the_same_hundred_reports_are_one_event_each() -> None:
    seen = report_the_same(100)
    assert (seen.posts, seen.codes) == (800, {200: 800})
    assert seen.times == {1: 100}


def test_counting_a_report_twice_would_be_noticed() -> None:
    assert report_the_same(5, mutant="take_every_report_for_news").times != {1: 5}


def test_eight_times_the_same_fifty_keys_are_fifty_dials() -> None:
    seen = place_under_keys(50)
    assert seen.posts == 400
    assert seen.codes.keys() <= PLACED_OR_TOLD_TO_WAIT
    assert seen.times == {1: 50}


def test_sixteen_requests_with_one_key_are_one_dial() -> None:
    seen = place_under_keys(1, threads=16)
    assert seen.codes.keys() <= PLACED_OR_TOLD_TO_WAIT
    assert seen.times == {1: 1}


def test_forgetting_keys_would_be_noticed() -> None:
    assert place_under_keys(3, mutant="forget_keys").times != {1: 3}
