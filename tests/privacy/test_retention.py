"""What is older than the settings allow goes, a little at a time, and reports go on meanwhile."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
from flask import Flask

from obdtrack.config import load_settings
from obdtrack.domain.status import Outcome
from obdtrack.errors import ConfigError
from obdtrack.storage import models, retention, tallies
from obdtrack.workflows import forget
from obdtrack.workflows.check_call import check_call
from obdtrack.workflows.context import Context
from obdtrack.workflows.forget import BATCH, forget_old
from tests.conftest import Caller
from tests.factories import (
    NOON,
    Clock,
    ScriptedProvider,
    accepted,
    call_log,
    log_row,
    raw_delivery,
)
from tests.privacy.told import opt_out, rows
from tests.storage import stored

KEY = {"Idempotency-Key": "order-7"}
HANGING_ON_A_CALL = ("submissions", "calls", "events", "answers", "idempotency_keys")


def at_once(context: Context) -> int:
    """Forget without pauses; gives how many rows went."""
    return forget_old(context, sleep=lambda _: None)


def tell_a_call(caller: Caller, context: Context, provider: ScriptedProvider) -> None:
    """A call with a row in every table that hangs on one."""
    caller.post("/calls", {"to": "+918867135001", "flow_id": "23", "name": "otp"}, **KEY)
    provider.on_find = lambda **_: call_log(log_row(dtmf="1"))
    check_call(models.Call.get().id, context)
    caller.report()


def test_a_call_past_its_time_goes_with_everything_that_hangs_on_it(
    caller: Caller, context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    tell_a_call(caller, context, provider)
    clock.forward(days=400)
    assert at_once(context) == 1  # the idempotency key
    clock.forward(microseconds=1)
    assert at_once(context) == 9
    left = rows(context.store)
    assert not set(left) & {*HANGING_ON_A_CALL, "deliveries", "figures", "campaigns"}


def test_a_younger_call_stays_whole(
    caller: Caller, context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    caller.place(name="old")
    clock.forward(days=200)
    young = caller.place(name="young").json
    clock.forward(days=201)
    at_once(context)
    assert [call["id"] for call in caller.get("/calls").json["data"]] == [young["id"]]
    assert caller.get(f"/calls/{young['id']}/events").json["data"] != []
    assert [row.name for row in models.Campaign.select()] == ["young"]


def test_the_figures_stay_what_counting_would_give(
    caller: Caller, context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    for number in range(6):
        caller.place(name=f"campaign-{number % 2}")
        clock.forward(days=100)
    at_once(context)
    kept = figures()
    with context.store.write():
        tallies.recount()
    assert figures() == kept


def figures() -> tuple[list[object], list[object]]:
    """The sums that are not 0, and the campaigns."""
    found = models.Figure.select().where(models.Figure.calls != 0).tuples()
    return sorted(found), sorted(models.Campaign.select().tuples())


@pytest.mark.parametrize(
    ("outcome", "days"),
    [
        (Outcome.REJECTED, 14),
        (Outcome.UNMATCHED, 30),
        (Outcome.UNREADABLE, 400),
        (Outcome.FAILED, 400),
        (Outcome.IGNORED, 400),
        (Outcome.RECEIVED, 400),
        (Outcome.CHALLENGE, 400),
    ],
)
def test_a_delivery_is_kept_as_long_as_its_outcome_allows(
    context: Context, clock: Clock, outcome: Outcome, days: int
) -> None:
    delivery = stored.delivery(context.store, outcome)
    clock.now = delivery.received_at + timedelta(days=days)
    at_once(context)
    assert stored.count(context.store, models.Delivery) == 1
    clock.forward(microseconds=1)
    at_once(context)
    assert stored.count(context.store, models.Delivery) == 0


def test_opt_outs_and_the_audit_outlive_everything(
    caller: Caller, context: Context, clock: Clock
) -> None:
    opt_out(caller)
    clock.forward(days=4000)
    at_once(context)
    assert set(rows(context.store)) == {"api_keys", "audit", "opt_outs"}
    assert caller.place().status_code == 409


def test_a_report_about_a_call_that_is_gone_waits_as_unmatched(
    caller: Caller, context: Context, clock: Clock
) -> None:
    caller.place()
    clock.forward(days=401)
    at_once(context)
    caller.report()
    assert caller.only_delivery()["outcome"] == "unmatched"


def test_the_settings_say_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("CALLS", "QUARANTINE", "UNMATCHED")
    settings = load_settings()
    assert [getattr(settings, f"retention_{name.lower()}_days") for name in names] == [400, 14, 30]
    for number, name in enumerate(names, start=1):
        monkeypatch.setenv(f"OBDTRACK_RETENTION_{name}_DAYS", str(number))
    settings = load_settings()
    assert [getattr(settings, f"retention_{name.lower()}_days") for name in names] == [1, 2, 3]
    monkeypatch.setenv("OBDTRACK_RETENTION_CALLS_DAYS", "0")
    with pytest.raises(ConfigError, match="OBDTRACK_RETENTION_CALLS_DAYS: must be a whole number"):
        load_settings()


def old_calls(context: Context, number: int, at: datetime) -> list[UUID]:
    """Many calls, each with its intention and a report."""
    made: list[UUID] = []
    with context.store.write():
        for _ in range(number):
            call_id = stored.call(context.store, at=at)
            stored.delivery(context.store, raw=raw_delivery(), call_id=call_id)
            made.append(call_id)
    return made


def test_no_transaction_takes_more_than_a_batch(
    context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forget, "BATCH", 50)
    old_calls(context, 60, NOON)
    sizes: list[int] = []
    some = forget._forget_some

    def watched(kind, before, context):  # type: ignore[no-untyped-def]
        sizes.append(some(kind, before, context))
        return sizes[-1]

    monkeypatch.setattr(forget, "_forget_some", watched)
    clock.forward(days=401)
    assert at_once(context) == sum(sizes) == 180
    assert max(sizes) <= 50


def test_a_run_ends_when_its_time_is_over_and_the_next_goes_on(
    context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forget, "BATCH", 50)
    old_calls(context, 60, NOON)
    clock.forward(days=401)
    seconds = count(0.0, 0.8)
    gone = forget_old(context, sleep=lambda _: None, monotonic=lambda: next(seconds))
    assert 0 < gone < 180
    at_once(context)
    assert stored.count(context.store, models.Call) == 0


def test_a_call_with_more_rows_than_a_batch_goes_alone(context: Context, clock: Clock) -> None:
    big, small = old_calls(context, 2, NOON)
    with context.store.write():
        for _ in range(BATCH):
            stored.delivery(context.store, Outcome.DUPLICATE, call_id=big)
    clock.forward(days=401)
    with context.store.write():
        assert retention.forget_calls(clock.now - timedelta(days=400), BATCH) == BATCH + 3
    assert [call.id for call in models.Call.select()] == [small]


def test_another_call_of_the_same_submission_keeps_it(context: Context, clock: Clock) -> None:
    old, young = old_calls(context, 2, NOON)
    shared = models.Call.get_by_id(old).submission
    models.Call.update(submission=shared, created_at=NOON + timedelta(days=300)).where(
        models.Call.id == young
    ).execute()
    clock.forward(days=401)
    at_once(context)
    assert models.Call.get_by_id(young).submission.id == shared.id


def test_reports_go_on_while_old_calls_are_deleted(
    caller: Caller, app: Flask, context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    old_calls(context, 600, NOON - timedelta(days=500))
    caller.place()
    done = threading.Event()
    with ThreadPoolExecutor(5) as threads:
        forgetting = threads.submit(forgotten, context, done)
        reports = [threads.submit(reported, app, number, done) for number in range(4)]
        gone = forgetting.result()
        took = [seconds for report in reports for seconds in report.result()]
    assert gone == 1800
    assert stored.count(context.store, models.Call) == 1
    assert stored.count(context.store, models.Delivery) == len(took) > 20
    assert max(took) < 1.0


def forgotten(context: Context, done: threading.Event) -> int:
    try:
        return forget_old(context)
    finally:
        done.set()
        context.store.close()


def reported(app: Flask, number: int, done: threading.Event) -> list[float]:
    """Post reports until the deleting is done; gives how long each took, in seconds."""
    sender, took = Caller(app.test_client(), "none"), list[float]()
    while not done.is_set():
        begun = time.monotonic()
        answer = sender.report(duration=str(number), dtmf=str(len(took)))
        took.append(time.monotonic() - begun)
        assert answer.status_code == 200
    return took
