"""Calls placed, reported, polled, restarted and replayed in any order end where they must.

The examples are the same in every run, so that a failure is found again.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.torture import mutants
from tests.torture.databases import quiet
from tests.torture.machine import Calls
from tests.torture.mutants import Mutant

EXAMPLES = settings(
    max_examples=70,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
UNSHRUNK = settings(EXAMPLES, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


@pytest.mark.timeout(600)
def test_facts_are_kept_and_folded_and_nobody_is_dialled_twice_in_any_order() -> None:
    run_state_machine_as_test(Calls, settings=EXAMPLES)


@pytest.mark.parametrize(
    "mutant",
    [
        mutants.send_again_when_unsure,
        mutants.recover_by_sending,
        mutants.take_every_report_for_news,
        mutants.plan_no_task,
    ],
)
def test_a_fault_in_any_of_that_would_be_noticed(mutant: Mutant) -> None:
    with mutant(), pytest.raises(AssertionError):
        run_state_machine_as_test(Calls, settings=UNSHRUNK)
