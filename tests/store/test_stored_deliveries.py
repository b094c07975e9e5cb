"""The inbox: what waits for its call, and what is listed."""

from __future__ import annotations

import pytest

from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import DeliveryResult, meaning
from obdtrack.domain.reports import RawDelivery, Report, Unreadable
from obdtrack.domain.status import Outcome
from obdtrack.services import new_id
from obdtrack.store.database import Store
from tests.factories import IDS, MID, NUMBER, PROVIDER
from tests.store import stored

WAITING = Outcome.UNMATCHED


def test_what_waits_for_a_call_is_found_by_its_id_and_by_its_submission(each_store: Store) -> None:
    by_id = stored.delivery(each_store, WAITING, provider_id=f"{MID}:1")
    by_mid = stored.delivery(each_store, WAITING, mid=MID)
    stored.delivery(each_store, WAITING, provider_id="another:1", mid="another")
    assert deliveries.waiting_for(PROVIDER, [f"{MID}:1", MID]) == [by_id, by_mid]


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {WAITING}))
def test_only_what_found_no_call_waits(each_store: Store, outcome: Outcome) -> None:
    stored.delivery(each_store, outcome, provider_id=f"{MID}:1", mid=MID)
    assert deliveries.waiting_for(PROVIDER, [f"{MID}:1", MID]) == []


def test_what_names_nothing_waits_for_nobody(each_store: Store) -> None:
    stored.delivery(each_store, WAITING)
    assert deliveries.waiting_for(PROVIDER, [f"{MID}:1", MID]) == []


def test_a_delivery_that_found_its_call_waits_no_longer(each_store: Store) -> None:
    waited = stored.delivery(each_store, WAITING, provider_id=f"{MID}:1", mid=MID)
    call_id = new_id()
    with each_store.write():
        deliveries.set_meanings([(waited.id, DeliveryResult(Outcome.MATCHED, "joined", call_id))])
    assert deliveries.waiting_for(PROVIDER, [f"{MID}:1", MID]) == []
    found = deliveries.find(waited.id)
    assert found is not None
    assert (found.outcome, found.reason, found.call_id) == ("matched", "joined", call_id)
    assert (found.provider_id, found.mid, found.to_number) == (None, None, None)


def test_a_new_meaning_leaves_the_raw_request_alone(each_store: Store) -> None:
    request = stored.delivery(each_store, Outcome.FAILED)
    with each_store.write():
        deliveries.set_meanings([(request.id, DeliveryResult(Outcome.MATCHED))])
    found = deliveries.find(request.id)
    assert found is not None
    assert deliveries.to_stored(found) == request


def test_an_unmatched_report_waits_under_the_submission_that_its_id_names() -> None:
    waits = meaning(WAITING, None, None, Report(provider_id=f"{MID}:3", to=NUMBER), IDS)
    assert (waits.provider_id, waits.mid, waits.to_number) == (f"{MID}:3", MID, NUMBER)


@pytest.mark.parametrize("reading", [None, Unreadable("no JSON"), Report(mid=MID)])
def test_what_is_not_an_unmatched_report_waits_under_nothing(reading: Report | None) -> None:
    told = meaning(Outcome.FAILED, "why", None, reading, IDS)
    assert told == DeliveryResult(Outcome.FAILED, "why")


def test_the_newest_delivery_comes_first_and_pages_do_not_overlap(each_store: Store) -> None:
    first, second, third = (stored.delivery(each_store).id for _ in range(3))
    assert [row.id for row in deliveries.newest(2)] == [third, second]
    assert [row.id for row in deliveries.newest(2, before=second)] == [first]


def test_deliveries_are_listed_by_what_became_of_them(each_store: Store) -> None:
    stored.delivery(each_store)
    failed = stored.delivery(each_store, Outcome.FAILED, reason="why")
    assert [row.id for row in deliveries.newest(9, outcome="failed")] == [failed.id]


def test_an_unknown_delivery_is_none(each_store: Store) -> None:
    assert deliveries.find(new_id()) is None


def test_of_rejected_requests_only_the_newest_are_kept(each_store: Store) -> None:
    matched = stored.delivery(each_store)
    _, new, newest = (stored.delivery(each_store, Outcome.REJECTED) for _ in range(3))
    with each_store.write():
        assert deliveries.prune_rejected(rows_kept=2, bytes_kept=10_000) == 1
    assert [row.id for row in deliveries.newest(9)] == [newest.id, new.id, matched.id]


def test_rejected_requests_never_take_more_than_their_room(each_store: Store) -> None:
    large = RawDelivery("POST", "q" * 100, {}, "", b"\0" * 900)
    for _ in range(3):
        stored.delivery(each_store, Outcome.REJECTED, raw=large)
    with each_store.write():
        assert deliveries.prune_rejected(rows_kept=100, bytes_kept=2_000) == 1
        assert deliveries.prune_rejected(rows_kept=100, bytes_kept=2_000) == 0


def test_many_deliveries_are_stored_in_one_go(each_store: Store) -> None:
    one = stored.delivery(each_store)
    many = [(one._replace(id=new_id()), DeliveryResult(Outcome.MATCHED)) for _ in range(300)]
    with each_store.write():
        deliveries.add(many)
    assert len(deliveries.newest(1000)) == 301


def test_nothing_to_store_is_no_trouble(each_store: Store) -> None:
    with each_store.write():
        deliveries.add([])
        deliveries.set_meanings([])
    assert deliveries.newest(1) == []
