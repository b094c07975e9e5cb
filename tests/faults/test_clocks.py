"""A wrong clock deletes nothing, frees no key and takes no call away from who is placing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from unittest.mock import patch

import pytest
from peewee import OperationalError

from obdtrack.calls.placing.place import place_call
from obdtrack.calls.placing.recover import heartbeat, recover_interrupted
from obdtrack.domain.submission import CallRequest, SendResponse
from obdtrack.privacy.retention import delete_expired
from obdtrack.services import Services, utc_now
from obdtrack.store import clock as clock_module
from obdtrack.store import models, witness
from obdtrack.store.clock import SharedClock
from obdtrack.store.database import Store, open_database
from obdtrack.store.encryption import Encryption
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Clock, ScriptedProvider, accepted, call_request, time_passes

KEY = {"Idempotency-Key": "order-7"}
BODY = {"to": "+918867135001", "flow_id": "23"}


def delete_old(services: Services) -> int:
    return delete_expired(services, sleep=lambda _: None)


@contextmanager
def set_ahead(clock: Clock, **by: float) -> Iterator[None]:
    """Have the clock set ahead for the block, and back after it."""
    clock.forward(**by)
    yield
    clock.now -= timedelta(**by)


@contextmanager
def no_witness() -> Iterator[None]:
    """Believe what a clock shows."""
    with (
        patch.object(witness, "look", lambda now: now),
        patch.object(witness, "beyond_doubt", lambda now: now),
    ):
        yield


@pytest.fixture
def kept(caller: Caller, provider: ScriptedProvider) -> Caller:
    """A caller who has placed a call under a key, which was reported."""
    provider.on_send = accepted(mid=None)
    assert caller.post("/calls", BODY, **KEY).status_code == 201
    return caller


# A clock that is set ahead for a while


def test_a_clock_that_is_401_days_ahead_for_a_minute_deletes_nothing(
    kept: Caller, services: Services, clock: Clock
) -> None:
    delete_old(services)
    with set_ahead(clock, days=401):
        assert delete_old(services) == 0
        clock.forward(minutes=1)
        assert delete_old(services) == 0
    assert delete_old(services) == 0
    assert models.Call.select().count() == models.IdempotencyKey.select().count() == 1


def test_believing_it_would_be_noticed(kept: Caller, services: Services, clock: Clock) -> None:
    with no_witness(), set_ahead(clock, days=401):
        assert delete_old(services) > 0


def test_nor_does_it_if_nobody_had_ever_looked_at_the_clock(
    kept: Caller, services: Services, clock: Clock
) -> None:
    with set_ahead(clock, days=401):
        assert delete_old(services) == 0


def test_a_clock_that_is_8_days_ahead_for_an_instant_frees_no_key(
    kept: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    with set_ahead(clock, days=8):
        assert kept.post("/calls", BODY, **KEY).headers["Idempotent-Replayed"] == "true"
    assert len(provider.sent) == 1


def test_freeing_it_would_be_noticed(
    kept: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    with no_witness(), set_ahead(clock, days=8):
        kept.post("/calls", BODY, **KEY)
    assert len(provider.sent) == 2


# A clock that was right all the time


def test_what_has_aged_minute_by_minute_goes(
    kept: Caller, services: Services, clock: Clock
) -> None:
    time_passes(clock, services, days=401)
    assert delete_old(services) > 0
    assert models.Call.select().count() == 0


def test_a_jump_is_believed_after_a_day_in_which_the_clock_went_on_from_there(
    kept: Caller, services: Services, clock: Clock
) -> None:
    delete_old(services)
    clock.forward(days=401)  # the machine was off
    for _ in range(145):
        assert delete_old(services) == 0
        clock.forward(minutes=10)
    assert delete_old(services) > 0


def test_several_jumps_are_all_in_doubt(services: Services, clock: Clock) -> None:
    with services.store.write():
        first = witness.look(clock.now)
        for _ in range(3):
            clock.forward(days=5)
            assert witness.look(clock.now) == first
        clock.now -= timedelta(days=10)
        assert witness.look(clock.now) == first
        assert witness.beyond_doubt(clock.now + timedelta(days=3)) == first


# Machines whose clocks differ


@pytest.fixture
def shared(postgres_store: Store, postgres_url: str) -> Iterator[Store]:
    """A database with a clock of its own."""
    store = open_database(postgres_url)
    yield store
    store.close_all()


def taken_for_lost(shared: Store, provider: ScriptedProvider, ahead: float) -> int:
    """Count the live calls that another machine takes away whose clock is so much ahead."""

    def machine(seconds: float) -> Services:
        def now() -> datetime:
            return utc_now() + timedelta(seconds=seconds)

        chosen = factories.settings()
        return Services(chosen, shared, provider, Encryption(chosen.secret_key), now)

    placing, other = machine(0), machine(ahead)
    taken: list[int] = []

    def other_looks(request: CallRequest) -> SendResponse:
        taken.append(recover_interrupted(other))
        return accepted()(request)

    provider.on_send = other_looks
    heartbeat(placing)
    heartbeat(other)
    place_call(call_request(), None, placing)
    return sum(taken)


@pytest.mark.parametrize("ahead", [15.0, -15.0, 3600.0])
def test_a_machine_whose_clock_differs_leaves_live_calls_alone(
    shared: Store, provider: ScriptedProvider, ahead: float
) -> None:
    assert taken_for_lost(shared, provider, ahead) == 0


def test_leases_by_each_machines_own_clock_would_be_noticed(
    shared: Store, provider: ScriptedProvider
) -> None:
    shared.clock = None
    assert taken_for_lost(shared, provider, 15.0) == 1


def test_the_databases_clock_is_asked_once_in_a_while_and_counted_on() -> None:
    asked: list[datetime] = []

    def ask() -> datetime:
        asked.append(NOON)
        return NOON

    clock = SharedClock(ask)
    first, second = clock.now(), clock.now()
    assert NOON <= first <= second < NOON + timedelta(seconds=5)
    assert len(asked) <= 2


def test_a_clock_that_takes_too_long_to_answer_is_none() -> None:
    up = count(step=2)
    with patch.object(clock_module, "uptime", lambda: next(up)), pytest.raises(OperationalError):
        SharedClock(lambda: NOON).now()
