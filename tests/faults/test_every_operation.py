"""Whichever operation fails, what is on disk is old or new, and no answer says more than that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture import mutants
from tests.torture.audit import fail_everywhere
from tests.torture.databases import quiet, scratch
from tests.torture.everywhere import SCENARIOS, Scenario
from tests.torture.failing import Kind
from tests.torture.mutants import Mutant

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch() as found:
        yield found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_failure_leaves_old_or_new_and_an_honest_answer(
    scenario: Scenario, folder: Path
) -> None:
    verdict = fail_everywhere(scenario, folder)
    assert verdict.wrong == []
    assert verdict.tries > 10


@pytest.mark.parametrize(
    ("mutant", "scenario"),
    [
        (mutants.acknowledge_before_commit, "a report"),
        (mutants.send_before_intention, "placing"),
        (mutants.commit_piecemeal, "placing"),
        (mutants.forget_keys, "placing under a key"),
    ],
)
def test_a_fault_in_any_of_that_would_be_noticed(
    mutant: Mutant, scenario: str, folder: Path
) -> None:
    with mutant():
        assert fail_everywhere(BY_NAME[scenario], folder, kinds=[Kind.DEATH]).wrong
