"""Ids that were stored as they came get the one spelling in which they are looked up."""

from __future__ import annotations

from importlib import util
from typing import Any

import pytest

from obdtrack.calls import queries
from obdtrack.calls.reports import deliveries
from obdtrack.domain.status import Outcome
from obdtrack.store import models
from obdtrack.store.database import Store
from obdtrack.store.migrate import FOLDER
from tests.factories import MID, PROVIDER
from tests.store import stored


@pytest.fixture
def migrate(each_store: Store) -> Any:
    """The migration, to be run on what a test has stored."""
    spec = util.spec_from_file_location(
        "canonical_ids", FOLDER / "unreleased/0007_canonical_ids.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda: module.up(None, each_store)


@pytest.mark.parametrize("spelled", [MID.upper(), MID.replace("-", ""), f"{{{MID}}}"])
def test_calls_and_waiting_deliveries_are_respelled(
    each_store: Store, migrate: Any, spelled: str
) -> None:
    call = stored.call(each_store, provider_id=f"{spelled}:1")
    waiting = stored.delivery(each_store, Outcome.UNMATCHED, provider_id=f"{spelled}:1")
    by_mid = stored.delivery(each_store, Outcome.UNMATCHED, mid=f"{spelled}")
    migrate()
    (match,) = queries.of_submission(PROVIDER, MID)
    assert (match.id, match.provider_id) == (call, f"{MID}:1")
    assert deliveries.waiting_for(PROVIDER, [f"{MID}:1", MID]) == [waiting, by_mid]


def test_other_ids_stay_and_no_id_is_given_twice(each_store: Store, migrate: Any) -> None:
    for provider_id in ("Ab12:1", f"{MID}:1", f"{MID.upper()}:1"):
        stored.call(each_store, provider_id=provider_id)
    migrate()
    found = {call.provider_id for call in models.Call.select()}
    assert found == {"Ab12:1", f"{MID}:1", f"{MID.upper()}:1"}


def test_a_report_that_named_the_call_under_the_key_of_its_submission_is_found(
    each_store: Store,
) -> None:
    waiting = stored.delivery(each_store, Outcome.UNMATCHED, mid=f"{MID}:1")
    assert deliveries.waiting_for(PROVIDER, [f"{MID}:1", MID]) == [waiting]
