"""Computing anew: what went wrong is noticed and mended, and what is right stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner

from obdtrack.access.keys import create_key
from obdtrack.calls import rederive
from obdtrack.calls.polling.check import take_due
from obdtrack.calls.rebuild import rebuild
from obdtrack.cli import rebuild as cli
from obdtrack.domain.status import Kind
from obdtrack.domain.submission import CallRequest, Failure, SendResponse
from obdtrack.services import Services
from obdtrack.statistics import counters
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, NOON, Clock, ScriptedProvider, accepted

OTHER = "0a1b2c3d-9df9-4327-bc80-a561c48703d8:1"
ANSWER = models.EventRow.kind == Kind.RESPONSE
Damage = Callable[[], Any]


@pytest.fixture
def provider(provider: ScriptedProvider) -> ScriptedProvider:
    """A provider whose answers have bodies, as real ones do."""
    provider.on_send = with_body()
    return provider


def with_body(mid: str = MID) -> Callable[[CallRequest], SendResponse]:
    """Accept calls in the provider's own words."""

    def response(request: CallRequest) -> SendResponse:
        entry = {"id": f"{mid}:1", "mobile": request.to[1:], "charges": "0.5000"}
        body = json.dumps({"status": 200, "data": [entry]}).encode()
        said = accepted(mid, submitted_at=NOON)(request)
        return said._replace(message="1 numbers accepted", body=body)

    return response


def see(caller: Caller) -> tuple[object, ...]:
    """All that anybody is told of the one call, but the ids of its events."""
    (call,) = caller.get("/calls").json["data"]
    events = caller.get(f"/calls/{call['id']}/events").json["data"]
    return call, sorted(({**event, "id": None} for event in events), key=str), figures()


def figures() -> list[Any]:
    figure = models.Statistic
    return sorted(figure.select().where(figure.calls != 0).tuples())


def is_noticed_and_mended(caller: Caller, services: Services, damage: Damage) -> None:
    before = see(caller)
    damage()
    assert len(rebuild(services, check=True).different) == 1
    assert len(rebuild(services, check=False).different) == 1
    assert see(caller) == before
    assert rebuild(services, check=True) == (1, (), 0)


def stays(caller: Caller, services: Services) -> None:
    before = see(caller)
    assert rebuild(services, check=True) == (1, (), 0)
    assert rebuild(services, check=False) == (1, (), 0)
    assert see(caller) == before


def reject_all() -> None:
    models.EventRow.update(status="rejected", reason="refused").where(ANSWER).execute()
    models.Call.update(status="rejected", reason="refused", next_check_at=None).execute()


@pytest.mark.parametrize(
    "damage",
    [
        reject_all,
        lambda: models.EventRow.delete().where(ANSWER).execute(),
        lambda: models.EventRow.update(detail={}).where(ANSWER).execute(),
        lambda: (
            models.EventRow.update(recorded_at=NOON - timedelta(days=1)).where(ANSWER).execute()
        ),
    ],
)
def test_what_the_provider_answered_is_told_by_its_stored_answer(
    caller: Caller, services: Services, damage: Damage
) -> None:
    caller.place(name="otp")
    is_noticed_and_mended(caller, services, damage)


def test_a_state_that_was_stored_otherwise_is_noticed(caller: Caller, services: Services) -> None:
    caller.place()
    caller.report(status="BUSY", recording_url="https://recordings.example/1.wav")
    is_noticed_and_mended(caller, services, lambda: models.Call.update(state={}).execute())


def test_charges_are_read_again_from_the_answer(caller: Caller, services: Services) -> None:
    caller.place()
    detail = {"http_status": 200, "provider_id": f"{MID}:1", "charges": "9.9",
              "message": "1 numbers accepted"}  # fmt: skip
    is_noticed_and_mended(
        caller, services, lambda: models.EventRow.update(detail=detail).where(ANSWER).execute()
    )


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.INSUFFICIENT_BALANCE])
def test_a_failure_is_told_by_its_stored_answer(
    caller: Caller, services: Services, provider: ScriptedProvider, failure: Failure
) -> None:
    def accept_all() -> None:
        models.EventRow.update(status="queued", reason=None).where(ANSWER).execute()
        models.Call.update(status="queued", reason=None).execute()

    provider.on_send = lambda _: SendResponse(failure, "no", http_status=502)
    caller.place()
    is_noticed_and_mended(caller, services, accept_all)


def test_an_id_that_was_another_calls_stays_so(caller: Caller, services: Services) -> None:
    first, second = caller.place().json, caller.place().json
    assert rebuild(services, check=False) == (2, (), 0)
    statuses = [caller.get(f"/calls/{call['id']}").json["status"] for call in (first, second)]
    assert statuses == ["queued", "unknown"]


def test_what_a_person_said_of_such_a_call_stays_too(caller: Caller, services: Services) -> None:
    boss = Caller(caller.client, create_key("boss", ["read", "admin"], services))
    caller.place()
    unknown = caller.place().json["id"]
    boss.post(f"/calls/{unknown}/resolve", {"action": "attach", "provider_id": OTHER})
    before = boss.get(f"/calls/{unknown}/events").data
    assert rebuild(services, check=False) == (2, (), 0)
    assert boss.get(f"/calls/{unknown}/events").data == before


def test_where_the_answer_is_not_kept_its_event_stays(caller: Caller, services: Services) -> None:
    caller.place()
    models.ResponseRow.delete().execute()
    stays(caller, services)


def test_an_answer_nobody_can_read_any_more_ends_nothing(
    caller: Caller, services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.place()
    monkeypatch.setattr(provider, "read_found", lambda _: 1 / 0)
    stays(caller, services)


def test_a_waiting_call_gets_its_missing_check_back(caller: Caller, services: Services) -> None:
    caller.place()
    is_noticed_and_mended(
        caller, services, lambda: models.Call.update(next_check_at=None).execute()
    )


def test_a_call_that_ended_loses_a_left_over_check(caller: Caller, services: Services) -> None:
    caller.place()
    caller.report()
    is_noticed_and_mended(
        caller, services, lambda: models.Call.update(next_check_at=NOON).execute()
    )


def test_a_check_that_was_put_off_stays(caller: Caller, services: Services, clock: Clock) -> None:
    caller.place()
    clock.forward(minutes=20)
    take_due(services, 10)
    stays(caller, services)


def test_a_check_long_past_stays_also_when_something_else_is_mended(
    caller: Caller, services: Services, clock: Clock
) -> None:
    caller.place()
    clock.forward(days=30)
    stays(caller, services)
    is_noticed_and_mended(caller, services, lambda: models.Call.update(reason="x").execute())


def test_a_call_past_its_last_check_needs_none(
    caller: Caller, services: Services, clock: Clock
) -> None:
    caller.place()
    clock.forward(days=30)
    caller.report(status="RINGOUT", start_at=None, end_at=None)
    stays(caller, services)


def report_three_times(caller: Caller, left: int) -> None:
    """Place a call with three deliveries of one report, of which the last `left` are kept."""
    caller.place()
    for _ in range(3):
        caller.report()
    delivery = models.Delivery
    gone = delivery.select(delivery.id).order_by(delivery.id).limit(3 - left)
    delivery.delete().where(delivery.id.in_(list(gone))).execute()


@pytest.mark.parametrize("left", [0, 1, 2])
def test_copies_of_a_report_whose_first_is_gone_are_not_counted_anew_each_time(
    caller: Caller, services: Services, left: int
) -> None:
    report_three_times(caller, left)
    stays(caller, services)
    stays(caller, services)
    report = models.EventRow.get(models.EventRow.kind == Kind.REPORT)
    assert report.times_seen == 3


def test_counting_them_anew_each_time_would_be_noticed(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_three_times(caller, left=2)
    monkeypatch.setattr(rederive, "max", lambda now, then: then + now - 1, raising=False)
    for _ in range(2):
        rebuild(services, check=False)
    assert models.EventRow.get(models.EventRow.kind == Kind.REPORT).times_seen == 7


def test_copies_that_went_before_they_were_counted_are_counted_once(
    caller: Caller, services: Services
) -> None:
    report_three_times(caller, left=2)
    is_noticed_and_mended(caller, services, lambda: models.EventRow.update(times_seen=1).execute())


@pytest.mark.parametrize(
    "damage",
    [
        lambda: models.Statistic.update(calls=models.Statistic.calls + 1).execute(),
        lambda: models.Statistic.update(cost=7).where(models.Statistic.name == "otp").execute(),
        lambda: models.Statistic.delete().where(models.Statistic.slot == -1).execute(),
        lambda: models.Statistic.insert(name="nobody", slot=-1, status="queued", source="api",
                                     attempts=0, calls=1, priced=0, cost=0).execute(),
        lambda: models.CampaignName.delete().execute(),
        lambda: models.CampaignName.update(slot=1).execute(),
        lambda: models.CampaignName.insert(name="nobody", slot=1).execute(),
    ],
)  # fmt: skip
def test_figures_that_went_wrong_are_noticed_and_mended(
    caller: Caller, services: Services, damage: Damage
) -> None:
    caller.place(name="otp")
    caller.report()
    before = see(caller), list(models.CampaignName.select().tuples())
    damage()
    assert rebuild(services, check=True).figures > 0
    assert rebuild(services, check=True).different == ()
    assert rebuild(services, check=False).figures > 0
    assert (see(caller), list(models.CampaignName.select().tuples())) == before
    assert rebuild(services, check=True) == (1, (), 0)


def test_figures_are_compared_as_of_one_moment(caller: Caller, services: Services) -> None:
    caller.place(name="otp")
    with ThreadPoolExecutor(1) as pool, counters.one_moment(services.store):
        models.Statistic.select().count()
        pool.submit(caller.report).result(timeout=5)
        assert counters.wrong() == 0
    assert caller.get(f"/calls/{MID}:1").json["status"] == "completed"


def test_the_command_tells_of_figures_and_ends_with_one(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = UUID(caller.place().json["id"])
    monkeypatch.setattr(cli, "open_services", lambda: services)
    models.Statistic.update(calls=9).execute()
    told = CliRunner().invoke(cli.command, ["--check"])
    assert (told.exit_code, told.output) == (1, "1 calls, 0 differ\nfigures: 4 differ\n")
    mended = CliRunner().invoke(cli.command)
    assert (mended.exit_code, mended.output.splitlines()[1]) == (
        0, "figures: 4 differed and were fixed",
    )  # fmt: skip
    assert models.Call.get().id == call
