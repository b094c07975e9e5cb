"""Old rows go some at a time: no long transaction, no long run, and no report waits for it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
from flask import Flask

from obdtrack.domain.status import Outcome
from obdtrack.privacy import retention
from obdtrack.privacy.retention import BATCH, delete_expired
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import (
    NOON,
    Clock,
    raw_delivery,
    time_passes,
)
from tests.store import stored


def at_once(services: Services) -> int:
    """Forget without pauses; returns how many rows went."""
    return delete_expired(services, sleep=lambda _: None)


def old_calls(services: Services, number: int, at: datetime) -> list[UUID]:
    """Many calls, each with its intention and a report."""
    made: list[UUID] = []
    with services.store.write():
        for _ in range(number):
            call_id = stored.call(services.store, at=at)
            stored.delivery(services.store, raw=raw_delivery(), call_id=call_id)
            made.append(call_id)
    return made


def test_no_transaction_takes_more_than_a_batch(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 50)
    old_calls(services, 60, NOON)
    sizes: list[int] = []
    some = retention.forget_batch

    def watched(kind: retention.RetainedKind, before: datetime, services: Services) -> int:
        sizes.append(some(kind, before, services))
        return sizes[-1]

    monkeypatch.setattr(retention, "forget_batch", watched)
    time_passes(clock, services, days=401)
    assert at_once(services) == sum(sizes) == 180
    assert max(sizes) <= 50


def test_a_run_ends_when_its_time_is_over_and_the_next_goes_on(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 50)
    old_calls(services, 60, NOON)
    time_passes(clock, services, days=401)
    seconds = count(0.0, 0.8)
    gone = delete_expired(services, sleep=lambda _: None, monotonic=lambda: next(seconds))
    assert 0 < gone < 180
    at_once(services)
    assert stored.count(services.store, models.Call) == 0


def test_a_call_with_more_rows_than_a_batch_goes_alone(services: Services, clock: Clock) -> None:
    big, small = old_calls(services, 2, NOON)
    with services.store.write():
        for _ in range(BATCH):
            stored.delivery(services.store, Outcome.DUPLICATE, call_id=big)
    time_passes(clock, services, days=401)
    with services.store.write():
        assert retention.forget_calls(clock.now - timedelta(days=400), BATCH) == BATCH + 3
    assert [call.id for call in models.Call.select()] == [small]


def test_another_call_of_the_same_submission_keeps_it(services: Services, clock: Clock) -> None:
    old, young = old_calls(services, 2, NOON)
    shared = models.Call.get_by_id(old).submission
    models.Call.update(submission=shared, created_at=NOON + timedelta(days=300)).where(
        models.Call.id == young
    ).execute()
    time_passes(clock, services, days=401)
    at_once(services)
    assert models.Call.get_by_id(young).submission.id == shared.id


def test_reports_go_on_while_old_calls_are_deleted(
    caller: Caller, app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No report waits for more than a small part of it."""
    monkeypatch.setattr(retention, "BATCH", 45)
    old_calls(services, 300, NOON - timedelta(days=500))
    caller.place()
    done = threading.Event()
    with ThreadPoolExecutor(5) as threads:
        forgetting = threads.submit(forgotten, services, done)
        reports = [threads.submit(reported, app, number, done) for number in range(4)]
        gone, lasted = forgetting.result()
        took = [seconds for report in reports for seconds in report.result()]
    assert gone == 900
    assert stored.count(services.store, models.Call) == 1
    assert stored.count(services.store, models.Delivery) == len(took) > 20
    assert max(took) < lasted / 3


def forgotten(services: Services, done: threading.Event) -> tuple[int, float]:
    """Forget with the usual pauses and all the time there is; returns rows and seconds."""
    begun = time.monotonic()
    try:
        return delete_expired(services, monotonic=lambda: 0.0), time.monotonic() - begun
    finally:
        done.set()
        services.store.close()


def reported(app: Flask, number: int, done: threading.Event) -> list[float]:
    """Post reports until the deleting is done; returns how long each took, in seconds."""
    sender, took = Caller(app.test_client(), "none"), list[float]()
    while not done.is_set():
        begun = time.monotonic()
        response = sender.report(duration=str(number), dtmf=str(len(took)))
        took.append(time.monotonic() - begun)
        assert response.status_code == 200
    return took
