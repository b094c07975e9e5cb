"""Servers killed and frozen while a campaign runs call all of its list, and nobody twice."""

from __future__ import annotations

import pytest

from tests.torture.campaigns import freeze_campaign, kill_campaign
from tests.torture.freezes import DATABASES


@pytest.mark.timeout(180)
def test_nobody_is_called_twice_or_forgotten_by_six_kills() -> None:
    seen = kill_campaign(6, 60)
    assert (seen.twice, seen.lost) == (0, 0)
    assert seen.interrupted > 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("database", DATABASES)
def test_a_server_that_is_frozen_for_longer_than_its_lease_calls_nobody_a_second_time(
    database: str,
) -> None:
    seen = freeze_campaign(1, 60, database, seconds=2.5)
    assert (seen.twice, seen.lost) == (0, 0)
