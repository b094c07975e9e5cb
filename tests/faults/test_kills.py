"""A server killed with kill -9 under load has kept what it acknowledged, and dials nobody twice."""

from __future__ import annotations

import pytest

from tests.torture.kills import kill_again_and_again


@pytest.mark.timeout(180)
def test_nothing_acknowledged_is_lost_and_nobody_is_dialled_twice_by_four_kills() -> None:
    seen = kill_again_and_again(4)
    assert (seen.lost, seen.twice, seen.left_submitting, seen.forgotten) == (0, 0, 0, 0)
    assert seen.acknowledged > 100
    assert seen.interrupted > 0


@pytest.mark.timeout(180)
def test_an_early_acknowledgement_and_a_second_dialling_would_be_noticed() -> None:
    faults = "acknowledge_before_commit,recover_by_sending,short_leases"
    seen = kill_again_and_again(1, faults)
    assert seen.lost > 0
    assert seen.twice > 0
