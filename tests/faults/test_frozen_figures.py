"""A server frozen with uncommitted figures keeps nobody waiting at the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.torture.freezes import Held, freeze_holding_figures
from tests.torture.pair import BUSY_ANSWER_SECONDS

RUNS = {
    "sqlite": ("sqlite", "sound"),
    "postgres": ("postgres", "sound"),
    "broken": ("sqlite", "wait_five_seconds"),
}


@pytest.fixture(scope="module")
def held() -> dict[str, Held]:
    """What came of one freeze each; they spend their time waiting, so they wait together."""
    with ThreadPoolExecutor() as pool:
        runs = {name: pool.submit(freeze_holding_figures, 1, *run) for name, run in RUNS.items()}
    return {name: run.result() for name, run in runs.items()}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_one_frozen_with_uncommitted_figures_keeps_nobody_waiting(
    held: dict[str, Held], database: str
) -> None:
    seen = held[database]
    assert seen.slowest < BUSY_ANSWER_SECONDS
    assert seen.codes.keys() <= {200, 201, 503}
    assert (seen.refused > 0) == (database == "sqlite")  # it has one lock for all


def test_waiting_longer_for_one_with_uncommitted_figures_would_be_noticed(
    held: dict[str, Held],
) -> None:
    assert held["broken"].slowest >= BUSY_ANSWER_SECONDS
