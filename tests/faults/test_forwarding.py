"""Events reach their receiver through kills of either end, each at least once, in order."""

from __future__ import annotations

import pytest

from tests.torture.forwarding import forward_through_kills


@pytest.mark.timeout(180)
def test_every_event_arrives_and_those_of_a_call_in_order_through_kills_of_both_ends() -> None:
    seen = forward_through_kills(1, 3)
    assert (seen.lost, seen.disordered) == (0, 0)
    assert seen.events > 50


@pytest.mark.timeout(180)
def test_what_was_dropped_and_what_was_sent_out_of_order_would_be_noticed() -> None:
    seen = forward_through_kills(0, 3, "forget_what_failed,send_the_newest_first")
    assert seen.lost > 0
    assert seen.disordered > 0
