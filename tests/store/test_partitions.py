"""Old raw deliveries go by the month on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import DeliveryResult, InboundRequest
from obdtrack.domain.status import Outcome
from obdtrack.services import new_id
from obdtrack.store import models, partitions
from obdtrack.store.database import Store
from tests.factories import PROVIDER, raw_delivery

NOW = datetime.now(UTC)


@pytest.fixture
def prepared(postgres_store: Store) -> Store:
    """A store with this month's partitions, which are dropped again."""
    with postgres_store.connection_context():
        partitions.prepare(postgres_store, NOW)
        yield postgres_store
        partitions.drop_before(postgres_store, NOW + timedelta(days=400))


def keep_one() -> None:
    stored = InboundRequest(new_id(), NOW, raw_delivery(), PROVIDER)
    deliveries.add([(stored, DeliveryResult(Outcome.UNMATCHED))])


def test_preparing_twice_makes_nothing_new(prepared: Store) -> None:
    assert partitions.prepare(prepared, NOW) == []


def test_a_delivery_lands_in_its_month_and_is_found_as_ever(prepared: Store) -> None:
    keep_one()
    (in_month,) = prepared.execute_sql(f"SELECT COUNT(*) FROM deliveries_{NOW:%Y_%m}").fetchone()
    assert in_month == 1
    assert len(deliveries.newest(10)) == 1


def test_a_month_that_is_past_goes_at_once(prepared: Store) -> None:
    keep_one()
    gone = partitions.drop_before(prepared, NOW + timedelta(days=32))
    assert f"deliveries_{NOW:%Y_%m}" in gone
    assert models.Delivery.select().count() == 0


def test_a_month_still_needed_stays(prepared: Store) -> None:
    keep_one()
    assert partitions.drop_before(prepared, NOW) == []
    assert models.Delivery.select().count() == 1


def test_without_a_partition_nothing_is_lost(postgres_store: Store) -> None:
    with postgres_store.connection_context():
        keep_one()
        assert len(deliveries.newest(10)) == 1
        made = partitions.prepare(postgres_store, NOW)
        assert f"deliveries_{NOW:%Y_%m}" not in made
        partitions.drop_before(postgres_store, NOW + timedelta(days=400))


def test_sqlite_needs_none_of_it(sqlite_store: Store) -> None:
    assert partitions.prepare(sqlite_store, NOW) == []
    assert partitions.drop_before(sqlite_store, NOW) == []
