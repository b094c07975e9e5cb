"""One delivery that several want to read again at the same time counts once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from obdtrack.calls import queries
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.replay import replay
from obdtrack.domain.status import Outcome
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, ScriptedProvider


@pytest.fixture
def failed(caller: Caller, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A delivery that was not understood when it came, and would be now."""
    caller.place()
    with monkeypatch.context() as patch:
        patch.setattr(provider, "read_delivery", lambda _: 1 / 0)
        caller.report()
    return UUID(caller.only_delivery()["id"])


def times_seen() -> list[int]:
    call = queries.find(f"{MID}:1")
    assert call is not None
    return [event.times_seen for event in queries.history([call.id])[call.id] if event.delivery_id]


def once_found(monkeypatch: pytest.MonkeyPatch, then: Callable[[], Any]) -> None:
    """Let something happen after a delivery was looked at, before anything is done about it."""
    find = deliveries.find

    def found(delivery_id: UUID) -> models.Delivery | None:
        row = find(delivery_id)
        then()
        return row

    monkeypatch.setattr(deliveries, "find", found)


def test_two_replays_at_once_count_once(
    failed: UUID, caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
        once_found(patch, Barrier(2, timeout=5).wait)
        ends = list(pool.map(lambda _: replay(failed, services), range(2)))
    assert ends == [Outcome.MATCHED, Outcome.MATCHED]
    assert times_seen() == [1]
    assert caller.only_delivery()["outcome"] == "matched"
    assert rebuild(services, check=True) == (1, (), 0)


def test_a_report_that_joined_its_call_meanwhile_is_not_counted_again(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.report()
    delivery = UUID(caller.only_delivery()["id"])
    with monkeypatch.context() as patch:
        once_found(patch, caller.place)
        assert replay(delivery, services) is Outcome.MATCHED
    assert times_seen() == [1]
    assert caller.only_delivery()["outcome"] == "matched"
    assert rebuild(services, check=True) == (1, (), 0)


def test_placing_and_replaying_at_once_count_once(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.report()
    delivery, ready = UUID(caller.only_delivery()["id"]), Barrier(2, timeout=5)
    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
        once_found(patch, ready.wait)
        patch.setattr("obdtrack.calls.placing.place._settle", waiting_for(ready))
        pool.submit(caller.place)
        pool.submit(replay, delivery, services)
    assert times_seen() == [1]
    assert rebuild(services, check=True) == (1, (), 0)


def waiting_for(ready: Barrier) -> Callable[..., None]:
    from obdtrack.calls.placing.place import _settle

    def settle(*arguments: Any) -> None:
        ready.wait()
        _settle(*arguments)

    return settle
