"""What processes share: leases, a common pace, counters, and the keys of requests."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from obdtrack.calls import opt_outs
from obdtrack.calls.placing import idempotency
from obdtrack.services import Services, new_id
from obdtrack.store import leases
from obdtrack.store.database import Store
from tests.factories import NOON, NUMBER, minute
from tests.store import stored

MINUTE = timedelta(minutes=1)
US, THEM = new_id(), new_id()


def hold(store: Store, holder: UUID, now: datetime = NOON, name: str = "poller") -> bool:
    with store.write():
        return leases.hold_lease(name, holder, now, MINUTE)


def claim(store: Store, key: str = "order-7", owner: UUID = US) -> bool:
    with store.write():
        return idempotency.claim(owner, key, "fingerprint", new_id(), NOON)


# Leases


def test_a_lease_is_held_by_one_until_it_runs_out(each_store: Store) -> None:
    assert hold(each_store, US)
    assert not hold(each_store, THEM, minute(1))
    assert hold(each_store, THEM, minute(1.1))
    assert not hold(each_store, US, minute(1.2))


def test_who_holds_a_lease_can_renew_it(each_store: Store) -> None:
    hold(each_store, US)
    assert hold(each_store, US, minute(0.5))
    assert leases.lease_end("poller") == minute(1.5)


def test_a_lease_given_while_the_clock_was_ahead_is_not_waited_for(each_store: Store) -> None:
    assert hold(each_store, US, NOON + timedelta(days=3))
    assert not leases.any_lease_alive(NOON)
    assert hold(each_store, THEM)
    assert leases.any_lease_alive(NOON)
    assert leases.lease_end("poller") == minute(1)


def test_leases_of_different_names_have_nothing_to_do_with_each_other(each_store: Store) -> None:
    assert hold(each_store, US, name="poller")
    assert hold(each_store, THEM, name="sweeper")
    assert leases.lease_end("nobody's") is None


def test_of_many_that_reach_for_a_lease_at_once_one_gets_it(each_store: Store) -> None:
    outcomes = stored.together(each_store, [lambda: hold(each_store, new_id())] * 8)
    assert sorted(outcomes) == [False] * 7 + [True]


# A common pace


def test_each_in_line_keeps_its_distance_from_the_one_before(each_store: Store) -> None:
    with each_store.write():
        places = [leases.acquire_slot("provider", MINUTE, NOON) for _ in range(3)]
    assert places == [NOON, minute(1), minute(2)]


def test_who_comes_after_a_pause_does_not_wait(each_store: Store) -> None:
    with each_store.write():
        leases.acquire_slot("provider", MINUTE, NOON)
        assert leases.acquire_slot("provider", MINUTE, minute(9)) == minute(9)


def test_many_that_stand_in_line_at_once_get_different_places(each_store: Store) -> None:
    def stand_in_line() -> datetime:
        with each_store.write():
            return leases.acquire_slot("provider", MINUTE, NOON)

    def many() -> list[datetime]:
        return [stand_in_line() for _ in range(10)]

    places = [place for got in stored.together(each_store, [many] * 8) for place in got]
    assert sorted(places) == [minute(count) for count in range(80)]


def test_the_line_can_be_held_back_but_not_hurried(each_store: Store) -> None:
    with each_store.write():
        leases.acquire_slot("provider", MINUTE, NOON)
        leases.pause_until("provider", minute(5))
        leases.pause_until("provider", minute(3))
        assert leases.acquire_slot("provider", MINUTE, NOON) == minute(5)


def test_a_place_given_while_the_clock_was_ahead_is_not_waited_for(each_store: Store) -> None:
    with each_store.write():
        leases.acquire_slot("provider", MINUTE, NOON + timedelta(days=3))
        assert leases.line_end("provider", NOON) == NOON
        assert leases.acquire_slot("provider", MINUTE, NOON) == NOON
        assert leases.line_end("provider", NOON) == minute(1)


# Counters


def test_a_counter_begins_at_nothing_and_only_grows(each_store: Store) -> None:
    with each_store.write():
        leases.count("lost")
        leases.count("lost", 2)
    assert leases.counters(["lost", "found"]) == {"lost": 3, "found": 0}


def test_nothing_counted_at_once_is_lost(each_store: Store) -> None:
    def count() -> None:
        for _ in range(10):
            with each_store.write():
                leases.count("lost")

    stored.together(each_store, [count] * 8)
    assert leases.counters(["lost"]) == {"lost": 80}


# Keys of requests


def test_a_key_is_bound_to_the_first_request_that_names_it(each_store: Store) -> None:
    assert claim(each_store)
    assert not claim(each_store)
    assert claim(each_store, "order-8")


def test_the_same_key_of_somebody_else_is_another_key(each_store: Store) -> None:
    claim(each_store)
    assert claim(each_store, owner=THEM)


def test_of_many_that_bind_a_key_at_once_one_does(each_store: Store) -> None:
    outcomes = stored.together(each_store, [lambda: claim(each_store)] * 8)
    assert sorted(outcomes) == [False] * 7 + [True]


def test_the_answer_to_a_request_is_kept_under_its_key(each_store: Store) -> None:
    claim(each_store)
    with each_store.write():
        idempotency.store_response(US, "order-7", '{"name":"Ä"}')
    bound = idempotency.find(US, "order-7")
    assert bound is not None
    assert (bound.http_status, bound.body) == (201, '{"name":"Ä"}')
    assert idempotency.find(US, "order-8") is None


def test_a_key_is_free_again_once_it_is_old_enough(each_store: Store) -> None:
    claim(each_store)
    with each_store.write():
        idempotency.forget(US, "order-7", NOON)
        assert idempotency.find(US, "order-7") is not None
        idempotency.forget(US, "order-7", minute(1))
    assert claim(each_store)


# Opt-outs


def test_a_number_that_opted_out_is_known_with_the_time_of_its_first_wish(
    services: Services,
) -> None:
    with services.store.write():
        opt_outs.note(NUMBER, minute(1), minute(2), None, services)
        opt_outs.note(NUMBER, minute(3), minute(4), new_id(), services)
    assert opt_outs.of_numbers([NUMBER, "+918919520000"]) == {NUMBER: minute(1)}


def test_a_wish_without_a_time_counts_from_when_we_heard_it(services: Services) -> None:
    with services.store.write():
        opt_outs.note(NUMBER, None, minute(2), None, services)
    assert opt_outs.of_numbers([NUMBER]) == {NUMBER: minute(2)}
