"""Whatever is done with a campaign in whatever order, its states keep to the table.

Nobody is called twice who was not planned to be, and others are told of whoever is called or not.
The examples are the same in every run.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.torture import mutants
from tests.torture.campaign_machine import Campaigns
from tests.torture.databases import quiet
from tests.torture.mutants import Mutant

EXAMPLES = settings(
    max_examples=60,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
UNSHRUNK = settings(EXAMPLES, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def test_the_states_keep_to_the_table_and_each_number_is_called_as_planned() -> None:
    run_state_machine_as_test(Campaigns, settings=EXAMPLES)


@pytest.mark.parametrize(
    "mutant",
    [
        mutants.claim_after_sending,
        mutants.call_again_when_unsure,
        mutants.tell_of_no_recipient,
    ],
)
def test_a_fault_in_any_of_that_would_be_noticed(mutant: Mutant) -> None:
    with mutant(), pytest.raises(AssertionError):
        run_state_machine_as_test(Campaigns, settings=UNSHRUNK)
