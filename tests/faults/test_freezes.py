"""A frozen server that goes on dials nobody about whom others have decided meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.torture.freezes import Freezes, freeze_again_and_again

RUNS = {
    "sqlite": ("sqlite", "sound"),
    "postgres": ("postgres", "sound"),
    "broken": ("sqlite", "send_whenever_it_goes_on"),
}


@pytest.fixture(scope="module")
def seen() -> dict[str, Freezes]:
    """What came of one freeze each; they spend their time waiting, so they wait together."""
    with ThreadPoolExecutor() as pool:
        runs = {name: pool.submit(freeze_again_and_again, 1, *run) for name, run in RUNS.items()}
    return {name: run.result() for name, run in runs.items()}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_frozen_server_dials_nobody_that_others_decided_about(
    seen: dict[str, Freezes], database: str
) -> None:
    assert (seen[database].decided, seen[database].wrong_dials) == (4, 0)


def test_sending_whenever_it_goes_on_would_be_noticed(seen: dict[str, Freezes]) -> None:
    assert seen["broken"].wrong_dials > 0
