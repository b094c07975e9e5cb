"""A server frozen with uncommitted figures keeps nobody waiting at the other."""

from __future__ import annotations

import pytest

from tests.torture.freezes import freeze_holding_figures
from tests.torture.pair import BUSY_ANSWER_SECONDS


@pytest.mark.timeout(120)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_one_frozen_with_uncommitted_figures_keeps_nobody_waiting(database: str) -> None:
    seen = freeze_holding_figures(1, database)
    assert seen.slowest < BUSY_ANSWER_SECONDS
    assert seen.codes.keys() <= {200, 201, 503}
    assert (seen.refused > 0) == (database == "sqlite")  # it has one lock for all


@pytest.mark.timeout(120)
def test_waiting_longer_for_one_with_uncommitted_figures_would_be_noticed() -> None:
    assert freeze_holding_figures(1, "sqlite", "wait_five_seconds").slowest >= BUSY_ANSWER_SECONDS
