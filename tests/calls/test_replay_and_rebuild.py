"""Reading again: one delivery, all of an outcome, or everything."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from obdtrack.calls import queries
from obdtrack.calls.polling.check import refresh
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.quarantine import COUNTER, ROWS_KEPT, Quarantine
from obdtrack.calls.reports.replay import replay, replay_all
from obdtrack.domain.status import Outcome
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services
from obdtrack.store import leases, models
from tests.conftest import Caller
from tests.factories import (
    MID,
    NUMBER,
    Clock,
    ScriptedProvider,
    call_log,
    log_row,
    reject,
    report_body,
    with_settings,
)


def outcomes() -> list[str]:
    return [row.outcome for row in deliveries.newest(1000)]


def post_with_secret(caller: Caller, app: Flask, secret: str, **changes: object) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    body = json.dumps(report_body(**changes))
    assert caller.deliver(body, headers=headers).status_code == 401
    app.quarantine.flush()


def test_a_failed_delivery_is_replayed_after_the_fault_is_mended(
    caller: Caller, services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.place()
    with monkeypatch.context() as patch:
        patch.setattr(provider, "read_plain", lambda _: 1 / 0)
        caller.report()
    assert outcomes() == ["failed"]
    assert replay_all(Outcome.FAILED, services) == {Outcome.MATCHED: 1}
    assert caller.get(f"/calls/{MID}:1").json["status"] == "completed"


def test_replaying_by_the_api_needs_admin(caller: Caller) -> None:
    caller.report()
    delivery = caller.only_delivery()
    assert caller.post(f"/deliveries/{delivery['id']}/replay").status_code == 403


def test_what_stands_on_a_timeline_is_not_replayed(caller: Caller, services: Services) -> None:
    caller.place()
    caller.report()
    (row,) = deliveries.newest(2)
    assert replay(row.id, services) is Outcome.MATCHED
    call = queries.find(f"{MID}:1")
    assert call is not None
    assert queries.history([call.id])[call.id][-1].times_seen == 1


def test_a_wrong_secret_is_quarantined_and_replayed_once_it_is_ours(
    caller: Caller, app: Flask, services: Services
) -> None:
    caller.place()
    post_with_secret(caller, app, "the-secret-we-forgot-to-set")
    (row,) = deliveries.newest(2)
    assert row.outcome == "rejected"
    with pytest.raises(ObdtrackError, match="WEBHOOK_SECRETS"):
        replay(row.id, services)
    informed = with_settings(services, webhook_secrets=("the-secret-we-forgot-to-set",))
    assert replay(row.id, informed) is Outcome.MATCHED


def test_a_hundred_rejected_are_all_replayed(
    caller: Caller, app: Flask, services: Services
) -> None:
    for number in range(100):
        post_with_secret(caller, app, "the-secret-we-forgot-to-set", mid=f"m{number}")
    informed = with_settings(services, webhook_secrets=("the-secret-we-forgot-to-set",))
    ends = replay_all(Outcome.REJECTED, informed)
    assert ends == {Outcome.UNMATCHED: 100}


def test_the_quarantine_is_bounded_and_everything_is_counted(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obdtrack.calls.reports.quarantine.ROWS_KEPT", 3)
    quarantine = Quarantine(services, monotonic=lambda: 0.0)
    caller.report()
    (stored,) = [deliveries.to_stored(row) for row in deliveries.newest(2)]
    for _ in range(5):
        reject(quarantine, b"wrong", lambda: stored._replace(id=fresh_id()))
    quarantine.close()
    assert outcomes().count("rejected") == 3
    assert leases.counters([COUNTER]) == {COUNTER: 5}


def fresh_id():
    from obdtrack.services import new_id

    return new_id()


def test_a_flood_is_not_even_read(services: Services) -> None:
    quarantine = Quarantine(services, monotonic=lambda: 0.0)
    read: list[int] = []
    for _ in range(1000):
        reject(quarantine, b"wrong", lambda: read.append(1))
    quarantine.close()
    assert len(read) == ROWS_KEPT
    assert leases.counters([COUNTER]) == {COUNTER: 1000}


def test_an_opt_out_is_kept_and_shown_on_the_numbers_calls(caller: Caller) -> None:
    body = {"id": "u-1", "receiver": NUMBER[1:], "type": "all", "value": "*",
            "created_at": "2023-07-08T12:59:01.000000Z", "status": "1"}  # fmt: skip
    caller.place()
    caller.deliver(json.dumps({"event": "voice:unsubscription", "payload": body}))
    assert caller.only_delivery()["outcome"] == "received"
    assert caller.get(f"/calls/{MID}:1").json["opted_out_at"] == "2023-07-08T12:59:01Z"


def story(caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock) -> None:
    """A call that saw a bit of everything."""
    caller.place(interval=5)
    caller.report(status="NOANSWER", start_at="2026-11-23 12:00:01", end_at="2026-11-23 12:00:09")
    caller.report(start_at="2026-11-23 12:05:01", end_at="2026-11-23 12:05:09")
    caller.report(start_at="2026-11-23 12:05:01", end_at="2026-11-23 12:05:09")
    provider.on_find = lambda **_: call_log(log_row(start_at="2026-11-23 12:05:01"))
    clock.forward(seconds=3)
    call = queries.find(f"{MID}:1")
    assert call is not None
    refresh(call, services)


def test_rebuilding_what_is_right_changes_nothing(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    story(caller, services, provider, clock)
    before = caller.get(f"/calls/{MID}:1/events").data
    assert rebuild(services, check=True) == (1, (), 0)
    assert rebuild(services, check=False) == (1, (), 0)
    assert caller.get(f"/calls/{MID}:1/events").data == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda: models.Call.update(status="busy", reason="damaged").execute(),
        lambda: (
            models.EventRow.update(times_seen=7).where(models.EventRow.kind == "report").execute()
        ),
        lambda: models.EventRow.delete().where(models.EventRow.kind == "report").execute(),
        lambda: models.EventRow.update(detail={}).where(models.EventRow.kind == "report").execute(),
    ],
)
def test_rebuilding_mends_what_was_damaged(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock, damage
) -> None:
    story(caller, services, provider, clock)
    before = caller.get(f"/calls/{MID}:1").json
    damage()
    assert len(rebuild(services, check=True).different) == 1
    rebuild(services, check=False)
    assert caller.get(f"/calls/{MID}:1").json == before
    assert rebuild(services, check=True).different == ()


def test_what_was_read_from_deliveries_that_are_gone_stays(
    caller: Caller, services: Services
) -> None:
    caller.place()
    caller.report()
    models.Delivery.delete().execute()
    assert rebuild(services, check=False) == (1, (), 0)
    assert caller.get(f"/calls/{MID}:1").json["status"] == "completed"
