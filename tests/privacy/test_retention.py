"""What is older than the settings allow goes, a little at a time, and reports go on meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from obdtrack.access import audit
from obdtrack.access.audit import Action
from obdtrack.calls.polling.check import check_call
from obdtrack.domain.status import Outcome
from obdtrack.errors import ConfigError
from obdtrack.privacy import retention
from obdtrack.privacy.retention import delete_expired
from obdtrack.services import Services, new_id
from obdtrack.settings import load_settings
from obdtrack.statistics import counters
from obdtrack.store import models, partitions
from tests.conftest import Caller
from tests.factories import (
    Clock,
    ScriptedProvider,
    accepted,
    call_log,
    log_row,
    time_passes,
)
from tests.privacy.told import opt_out, rows
from tests.store import stored

KEY = {"Idempotency-Key": "order-7"}
BODY = {"to": "+918867135001", "flow_id": "23"}
HANGING_ON_A_CALL = ("submissions", "calls", "events", "responses", "idempotency_keys")


def at_once(services: Services) -> int:
    """Forget without pauses; returns how many rows went."""
    return delete_expired(services, sleep=lambda _: None)


def tell_a_call(caller: Caller, services: Services, provider: ScriptedProvider) -> None:
    """A call with a row in every table that hangs on one."""
    caller.post("/calls", {**BODY, "name": "otp"}, **KEY)
    provider.on_find = lambda **_: call_log(log_row(dtmf="1"))
    check_call(models.Call.get().id, services)
    caller.report()


def test_a_call_past_its_time_goes_with_everything_that_hangs_on_it(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    tell_a_call(caller, services, provider)
    time_passes(clock, services, days=400)
    assert at_once(services) == 1  # the idempotency key
    time_passes(clock, services, hours=1)
    assert at_once(services) == 9
    left = rows(services.store)
    assert not set(left) & {*HANGING_ON_A_CALL, "deliveries", "statistics", "campaign_names"}


def test_a_key_outlives_its_call_and_rings_nobody_again(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    short = replace(services, settings=replace(services.settings, retention_calls_days=1))
    first = caller.post("/calls", BODY, **KEY)
    time_passes(clock, services, days=2)
    at_once(short)
    again = caller.post("/calls", BODY, **KEY)
    assert caller.get("/calls").json["data"] == []
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(provider.sent) == 1


def test_a_key_whose_call_and_answer_are_gone_says_so_and_rings_nobody(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    short = replace(services, settings=replace(services.settings, retention_calls_days=1))
    caller.post("/calls", BODY, **KEY)
    models.IdempotencyKey.update(body=None).execute()
    time_passes(clock, services, days=2)
    at_once(short)
    again = caller.post("/calls", BODY, **KEY)
    assert (again.status_code, "older than calls are kept" in again.json["detail"]) == (409, True)
    assert "Retry-After" not in again.headers
    assert len(provider.sent) == 1


def test_a_key_is_free_after_its_own_time(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    short = replace(services, settings=replace(services.settings, retention_calls_days=1))
    provider.on_send = accepted(mid=None)
    caller.post("/calls", BODY, **KEY)
    for _ in range(2):
        time_passes(clock, services, days=4)
        at_once(short)
    assert "Idempotent-Replayed" not in caller.post("/calls", BODY, **KEY).headers
    assert len(provider.sent) == 2


def test_a_younger_call_stays_whole(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    caller.place(name="old")
    time_passes(clock, services, days=200)
    young = caller.place(name="young").json
    time_passes(clock, services, days=201)
    at_once(services)
    assert [call["id"] for call in caller.get("/calls").json["data"]] == [young["id"]]
    assert caller.get(f"/calls/{young['id']}/events").json["data"] != []
    assert [row.name for row in models.CampaignName.select()] == ["young"]


def test_the_figures_stay_what_counting_would_give(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    for number in range(6):
        caller.place(name=f"campaign-{number % 2}")
        time_passes(clock, services, days=100)
    at_once(services)
    kept = figures()
    with services.store.write():
        counters.recount()
    assert figures() == kept


def figures() -> tuple[list[object], list[object]]:
    """The sums that are not 0, and the campaigns."""
    found = models.Statistic.select().where(models.Statistic.calls != 0).tuples()
    return sorted(found), sorted(models.CampaignName.select().tuples())


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
    services: Services, clock: Clock, outcome: Outcome, days: int
) -> None:
    delivery = stored.delivery(services.store, outcome)
    clock.now = delivery.received_at + timedelta(days=days)
    at_once(services)
    assert stored.count(services.store, models.Delivery) == 1
    time_passes(clock, services, hours=1)
    at_once(services)
    assert stored.count(services.store, models.Delivery) == 0


def forgotten_by_setting() -> list[dict[str, int]]:
    """What the audit tells of each deleting, newest first."""
    entries = [row for row in audit.newest(50) if row.action == Action.OLD_FORGOTTEN]
    assert {(row.actor, row.subject) for row in entries} <= {("background work", "retention")}
    return [row.detail["rows"] for row in entries]


def test_what_is_deleted_is_audited_by_the_setting_that_let_it_go(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    tell_a_call(caller, services, provider)
    at_once(services)
    assert forgotten_by_setting() == []
    time_passes(clock, services, days=8)
    at_once(services)
    time_passes(clock, services, days=400)
    at_once(services)
    assert forgotten_by_setting() == [{"retention_calls_days": 9}, {"idempotency_days": 1}]


def test_within_an_hour_it_is_audited_once(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    """The job runs every minute; an entry each time would bury what people did."""
    provider.on_send = accepted(mid=None)
    for _ in range(3):
        caller.place()
        clock.forward(minutes=10)
    time_passes(clock, services, days=400)
    for _ in range(6):
        at_once(services)
        clock.forward(minutes=10)
    at_once(services)
    assert len(forgotten_by_setting()) == 1


def test_what_went_before_a_failure_is_audited_all_the_same(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.delivery(services.store, Outcome.REJECTED)
    time_passes(clock, services, days=15)

    def broken(*_: object) -> int:
        raise RuntimeError("no table")

    kinds = (*retention.KINDS[:4], retention.RetainedKind("retention_calls_days", broken))
    monkeypatch.setattr(retention, "KINDS", kinds)
    with pytest.raises(RuntimeError):
        at_once(services)
    assert forgotten_by_setting() == [{"retention_quarantine_days": 1}]


@pytest.mark.parametrize("each_store", ["postgres"], indirect=True)
def test_a_dropped_partition_is_audited_by_its_name(services: Services, clock: Clock) -> None:
    retention.rotate_partitions(services)
    assert audit.newest(1) == []
    time_passes(clock, services, days=500)
    retention.rotate_partitions(services)
    (entry,) = audit.newest(1)
    assert "deliveries_2026_11" in entry.detail["partitions"]
    with services.store.connection_context():
        partitions.drop_before(services.store, clock.now + timedelta(days=400))


def test_an_alarm_that_is_over_goes_in_its_time_with_who_was_told(
    services: Services, clock: Clock
) -> None:
    told = {"title": "", "what": "", "to_do": "", "calls": []}
    for ended_at in (clock.now, None):
        opened = {"opened_at": clock.now, "ended_at": ended_at, "detail": told}
        row = models.Alarm.create(id=new_id(), rule="disk", subject="", **opened)
        models.AlarmTelling.create(alarm_id=row.id, target_id=row.id)
    time_passes(clock, services, days=400)
    assert at_once(services) == 0
    time_passes(clock, services, hours=1)
    assert at_once(services) == 1
    assert (models.Alarm.get().ended_at, models.AlarmTelling.select().count()) == (None, 1)


def test_opt_outs_and_the_audit_outlive_everything(
    caller: Caller, services: Services, clock: Clock
) -> None:
    opt_out(caller)
    time_passes(clock, services, days=4000)
    at_once(services)
    kept = {"api_keys", "audit", "clock_marks", "counters", "opt_outs"}
    assert set(rows(services.store)) == kept
    assert caller.place().status_code == 409


def test_a_report_about_a_call_that_is_gone_waits_as_unmatched(
    caller: Caller, services: Services, clock: Clock
) -> None:
    caller.place()
    time_passes(clock, services, days=401)
    at_once(services)
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
