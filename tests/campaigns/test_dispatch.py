"""What a running campaign sends, when, and to whom it sends nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from obdtrack.access import audit
from obdtrack.calls import opt_outs
from obdtrack.calls.placing import place, recover
from obdtrack.calls.placing.place import place_call
from obdtrack.campaigns import dispatch, totals
from obdtrack.campaigns.control import control
from obdtrack.campaigns.halts import last_failures
from obdtrack.domain.campaign import CampaignAction, Retries, StopIf
from obdtrack.domain.submission import CallRequest, Failure, Permit, SendResponse
from obdtrack.jobs import run_due
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database_errors import unavailable
from obdtrack.store.encryption import Encryption
from tests.campaigns.running import (
    RAVI,
    checked,
    listening,
    look_for_work,
    number,
    pass_time,
    report,
    started,
    state,
    statuses,
)
from tests.end_to_end.conftest import until
from tests.factories import NOON, Clock, ScriptedProvider, accepted, accepted_list, call_request
from tests.torture import mutants

FIVE_MINUTES = timedelta(minutes=5)


@pytest.fixture
def running(services: Services, provider: ScriptedProvider) -> Services:
    provider.on_send = accepted(None)
    return listening(services)


def dialled(provider: ScriptedProvider) -> list[str]:
    return [request.to for request in provider.sent]


def failing(failure: Failure, **more: int) -> Callable[[CallRequest], SendResponse]:
    return lambda _: SendResponse(failure, http_status=400, **more)


def test_each_number_is_called_once_and_the_campaign_is_completed(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    campaign_id = started(running, 5)
    pass_time(running, clock, 3)
    assert sorted(dialled(provider)) == [number(n) for n in range(5)]
    assert state(campaign_id) == ("running", None)
    calls = list(models.Call.select())
    assert {(call.campaign_id, call.name) for call in calls} == {(campaign_id, "diwali")}
    for n in range(5):
        report(running, number(n), "ANSWER")
    pass_time(running, clock, 3)
    assert state(campaign_id) == ("completed", None)
    assert totals.stored(campaign_id) == {"sent": 5}


def test_the_pace_is_kept_by_two_processes_together_and_never_exceeded(
    running: Services, clock: Clock
) -> None:
    per_minute = 24
    started(running, per_minute * 6, per_minute=per_minute, max_in_flight=10_000)
    processes = [running, replace(running, process_ids={})]
    for count in range(220):
        clock.forward(seconds=0.4 if count % 3 else 3.7)  # 330 s
        look_for_work(processes[count % 2])
    made = sorted(call.created_at for call in models.Call.select(models.Call.created_at))
    windows = [
        sum(begin <= one < begin + FIVE_MINUTES for one in made)
        for begin in made
        if begin + FIVE_MINUTES <= clock()
    ]
    assert max(windows) <= 5 * per_minute
    assert min(windows) >= 0.95 * 5 * per_minute


def test_a_slow_response_keeps_no_other_call_waiting(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    release = threading.Event()

    def answer(request: CallRequest) -> SendResponse:
        assert request.to != number(0) or release.wait(20)
        return accepted(None)(request)

    provider.on_send = answer
    started(running, 3)
    for _ in range(4):
        run_due("campaign", running)
        clock.forward(seconds=1)
    until(lambda: len(provider.sent) == 3)
    release.set()
    waits = models.Call.select().where(models.Call.status == "submitting")
    until(lambda: not waits.exists())
    assert {call.status for call in models.Call.select()} == {"queued"}


def test_a_database_that_is_lost_while_a_response_is_stored_has_nobody_called_twice(
    running: Services, provider: ScriptedProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_PAUSES_AFTERWARDS", (0.02,))
    close, lost = place.submissions.close, threading.Event()

    def close_if_there(closed: object) -> None:
        if not lost.is_set():
            raise unavailable()
        close(closed)

    monkeypatch.setattr(place.submissions, "close", close_if_there)
    campaign_id = started(running, 2)
    pass_time(running, clock, 3)
    control(campaign_id, CampaignAction.PAUSE, RAVI, running)
    assert state(campaign_id) == ("pausing", None), "it is not known yet what left"
    lost.set()  # it is there again
    waits = models.Call.select().where(models.Call.status == "submitting")
    until(lambda: not waits.exists())
    pass_time(running, clock, 2)
    assert state(campaign_id) == ("paused", None)
    assert sorted(dialled(provider)) == [number(0), number(1)]


def test_no_more_are_in_flight_than_wanted(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    started(running, 8, max_in_flight=3)
    pass_time(running, clock, 5)
    assert len(provider.sent) == 3
    report(running, dialled(provider)[0], "ANSWER")
    pass_time(running, clock, 5)
    assert len(provider.sent) == 4


def test_who_opted_out_or_was_called_moments_ago_is_skipped(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(None)
    running = listening(services, duplicate_guard_seconds=300)
    campaign_id = started(running, 3)
    place_call(call_request(to=number(1)), None, running)
    with running.store.write():
        opt_outs.note(number(0), None, clock(), None, services)
    pass_time(running, clock, 3)
    assert dialled(provider) == [number(1), number(2)]
    skipped = [("skipped", "opted-out"), ("skipped", "called-recently"), ("sent", None)]
    assert statuses(campaign_id) == skipped
    assert totals.stored(campaign_id) == {
        "skipped/opted-out": 1, "skipped/called-recently": 1, "sent": 1,
    }  # fmt: skip


AT_TEN = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
"""In Kolkata, where the hours of these tests are."""


@pytest.mark.parametrize(
    ("at_window_end", "stands", "called"),
    [("stop", ("stopped", "outside-hours"), 2), ("resume", ("running", None), 4)],
)
def test_a_campaign_waits_for_its_hours_and_stops_or_resumes_when_they_are_over(
    running: Services, provider: ScriptedProvider, clock: Clock, at_window_end: str,
    stands: tuple[str, str | None], called: int,
) -> None:  # fmt: skip
    clock.now = AT_TEN - timedelta(minutes=1)
    window = (time(10), time(10, 2))
    campaign_id = started(
        running, 4, per_minute=1, calling_window=window, at_window_end=at_window_end
    )
    pass_time(running, clock, 40, step=20)
    assert provider.sent == []
    pass_time(running, clock, 600, step=20)
    assert (len(provider.sent), state(campaign_id)[0]) == (2, stands[0])
    clock.now = AT_TEN + timedelta(days=1)
    pass_time(running, clock, 119, step=17)
    assert state(campaign_id) == stands
    assert len(provider.sent) == called
    unsent = {one for one in statuses(campaign_id) if one[0] == "skipped"}
    assert unsent == ({("skipped", "outside-hours")} if called == 2 else set())


def test_a_start_lies_ahead_and_an_end_ends_it(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    times = {"start_at": NOON + timedelta(minutes=1), "end_at": NOON + timedelta(minutes=2)}
    campaign_id = started(running, 5, per_minute=2, **times)
    assert state(campaign_id) == ("scheduled", None)
    pass_time(running, clock, 59, step=59)
    assert provider.sent == []
    pass_time(running, clock, 50, step=10)
    assert len(provider.sent) == 2
    pass_time(running, clock, 60, step=10)
    assert state(campaign_id) == ("stopped", "ended")
    assert totals.stored(campaign_id) == {"sent": 2, "skipped/ended": 3}


def test_what_a_budget_does_not_pay_is_not_sent(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    campaign_id = started(running, 9, budget=Decimal("2.20"))  # each costs 0.5
    pass_time(running, clock, 5)
    assert len(provider.sent) == 4
    assert state(campaign_id) == ("paused", "budget")
    assert totals.stored(campaign_id) == {"sent": 4, "scheduled": 5}
    _, pausing = audit.newest(2, subject=str(campaign_id))
    told = pausing.detail
    assert pausing.actor == "the campaign itself"
    assert (told["before"], told["after"], told["reason"]) == ("running", "pausing", "budget")


def test_a_campaign_whose_calls_fail_pauses_and_shows_them(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    rule = StopIf(failed_percent=50, of_last=4, minimum=3)
    campaign_id = started(running, 9, per_minute=60, stop_if=rule)
    pass_time(running, clock, 2)
    report(running, dialled(provider)[0], "ANSWER")
    report(running, dialled(provider)[1], "CONGESTION")
    provider.on_send = failing(Failure.INVALID_REQUEST)
    pass_time(running, clock, 4)
    assert state(campaign_id) == ("paused", "too-many-failed")
    failed = last_failures(models.Campaign.get(), 20)
    assert [call.status for call in failed][-2:] == ["rejected", "failed"]
    provider.on_send = accepted(None)
    clock.forward(seconds=1)
    control(campaign_id, CampaignAction.RESUME, RAVI, running)
    pass_time(running, clock, 10)
    assert state(campaign_id) == ("running", None)
    assert sorted(set(dialled(provider))) == [number(n) for n in range(9)]


@pytest.mark.parametrize(
    "failure", [Failure.INVALID_TOKEN, Failure.FORBIDDEN, Failure.INSUFFICIENT_BALANCE]
)
def test_what_every_call_would_be_refused_for_pauses_it_and_nobody_is_lost(
    running: Services, provider: ScriptedProvider, clock: Clock, failure: Failure
) -> None:
    provider.on_send = failing(failure)
    campaign_id = started(running, 3)
    pass_time(running, clock, 3)
    assert state(campaign_id) == ("paused", failure)
    assert totals.stored(campaign_id) == {"scheduled": 3}
    provider.on_send = accepted(None)
    control(campaign_id, CampaignAction.RESUME, RAVI, running)
    pass_time(running, clock, 3)
    assert totals.stored(campaign_id) == {"sent": 3}
    again = models.Call.select().where(models.Call.retry_of.is_null(False))
    refused = {call.id: call.to_number for call in models.Call.select() if call.status != "queued"}
    assert {refused[call.retry_of] == call.to_number for call in again} == {True}


def test_who_asks_too_often_waits_as_long_as_the_provider_wants(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = failing(Failure.RATE_LIMITED, retry_after=120)
    campaign_id = started(running, 3, stop_if=StopIf(minimum=1))
    pass_time(running, clock, 100)
    asked = len(provider.sent)
    assert asked < 10, "in 100 s at ten a second"
    provider.on_send = accepted(None)
    pass_time(running, clock, 15)
    assert len(provider.sent) == asked
    pass_time(running, clock, 15)
    assert totals.stored(campaign_id) == {"sent": 3}


def test_nobody_waits_longer_than_the_provider_wants(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = failing(Failure.RATE_LIMITED, retry_after=2)
    campaign_id = started(running, 3)
    pass_time(running, clock, 0)
    provider.on_send = accepted(None)
    pass_time(running, clock, 4)
    assert totals.stored(campaign_id) == {"sent": 3}


def test_what_was_claimed_when_the_provider_wants_fewer_requests_does_not_leave(
    running: Services, provider: ScriptedProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "REQUESTS_AT_ONCE", 1)
    campaign_id = checked(running, 4)
    control(campaign_id, CampaignAction.START, RAVI, running)
    pass_time(running, clock, 0)
    provider.on_send = failing(Failure.RATE_LIMITED)
    pass_time(running, clock, 1)  # has claimed the other three
    assert len(provider.sent) == 2
    assert totals.stored(campaign_id) == {"sent": 1, "scheduled": 3}
    provider.on_send = accepted(None)
    pass_time(running, clock, 40)
    assert totals.stored(campaign_id) == {"sent": 4}


def test_a_call_that_may_have_rung_is_never_made_again(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = failing(Failure.TIMEOUT)
    campaign_id = started(running, 3, retries=Retries(("failed", "busy", "no-answer"), 3, 1))
    pass_time(running, clock, 300, step=30)
    assert sorted(dialled(provider)) == [number(n) for n in range(3)]
    assert totals.stored(campaign_id) == {"sent": 3}
    assert state(campaign_id) == ("running", None)


def test_the_busy_are_called_again_as_often_as_wanted(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    campaign_id = started(running, 2, retries=Retries(("busy",), 2, 10))
    pass_time(running, clock, 2)
    report(running, number(1), "NOANSWER")
    for _ in range(4):
        report(running, number(0), "BUSY")
        pass_time(running, clock, 540, step=60)
        assert dialled(provider).count(number(0)) <= 3
        pass_time(running, clock, 120, step=30)
    assert dialled(provider).count(number(0)) == 3
    assert dialled(provider).count(number(1)) == 1
    chain = models.Call.select().where(models.Call.to_number == number(0)).order_by(models.Call.id)
    first, second, third = chain
    assert (first.retry_of, second.retry_of, third.retry_of) == (None, first.id, second.id)
    assert state(campaign_id) == ("completed", None)


def test_who_had_answered_after_all_is_not_called_again(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    campaign_id = started(running, 1, retries=Retries(("busy",), 2, 10))
    pass_time(running, clock, 2)
    report(running, number(0), "BUSY")
    assert totals.stored(campaign_id) == {"scheduled": 1}
    report(running, number(0), "ANSWER")
    assert totals.stored(campaign_id) == {"sent": 1}
    pass_time(running, clock, 1200, step=60)
    assert len(provider.sent) == 1


def test_rows_that_share_all_values_share_a_request(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send_list = lambda some: accepted_list(f"list-{len(provider.lists)}")(some)
    rows = [{"name": "Ravi"}, {"name": "Asha"}] * 3 + [{}]
    campaign_id = started(
        running, 7, rows, numbers_per_request=2, variables={"name": "you", "shop": "Anand"}
    )
    pass_time(running, clock, 3)
    together = {tuple(one.to[-1] for one in some) for some in provider.lists}
    assert together == {("0", "2"), ("1", "3")}
    heard = {request.to[-1]: request.variables["name"] for request in provider.sent}
    assert heard == {**dict.fromkeys("024", "Ravi"), **dict.fromkeys("135", "Asha"), "6": "you"}
    assert {request.variables["shop"] for request in provider.sent} == {"Anand"}
    kept = models.Recipient.select().where(models.Recipient.variables_encrypted.is_null(False))
    assert (len(kept), totals.stored(campaign_id)) == (0, {"sent": 7})


def test_what_was_claimed_when_a_pause_comes_does_not_leave_and_is_not_lost(
    running: Services, provider: ScriptedProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "REQUESTS_AT_ONCE", 1)
    monkeypatch.setattr(dispatch, "STATE_KNOWN_SECONDS", -1)
    campaign_id = checked(running, 4, per_minute=6000)

    def pause(request: CallRequest) -> SendResponse:
        control(campaign_id, CampaignAction.PAUSE, RAVI, running)
        assert state(campaign_id) == ("pausing", None)
        return accepted(None)(request)

    control(campaign_id, CampaignAction.START, RAVI, running)
    pass_time(running, clock, 0)  # one place in the line
    assert len(provider.sent) == 1
    provider.on_send = pause
    pass_time(running, clock, 1)
    assert len(provider.sent) == 2
    assert state(campaign_id) == ("paused", None)
    assert totals.stored(campaign_id) == {"sent": 2, "scheduled": 2}
    provider.on_send = accepted(None)
    pass_time(running, clock, 3)
    assert len(provider.sent) == 2
    control(campaign_id, CampaignAction.RESUME, RAVI, running)
    pass_time(running, clock, 3)
    assert sorted(dialled(provider)) == [number(n) for n in range(4)]


def test_a_request_that_has_begun_to_leave_is_not_cut_off_by_a_pause(
    running: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "STATE_KNOWN_SECONDS", -1)

    class Slow(ScriptedProvider):
        def send(self, request: CallRequest, permit: Permit | None = None) -> SendResponse:
            assert permit
            permit()
            control(campaign_id, CampaignAction.PAUSE, RAVI, running)
            return super().send(request, permit)  # its second piece

    provider = Slow()
    provider.on_send = accepted(None)
    campaign_id = started(running, 1)
    pass_time(replace(running, provider=provider), clock, 1)
    assert dialled(provider) == [number(0)]
    assert state(campaign_id) == ("paused", None)
    assert models.Call.get().status == "queued"


def test_a_stop_leaves_the_rest_unsent_and_forgets_what_was_said(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    rows = [{"name": "Ravi"}] * 3
    campaign_id = started(running, 3, rows, per_minute=1, retries=Retries(("busy",), 1, 1))
    pass_time(running, clock, 1)
    kept = models.Recipient.select().where(models.Recipient.variables_encrypted.is_null(False))
    assert kept.count() == 3
    control(campaign_id, CampaignAction.STOP, RAVI, running)
    pass_time(running, clock, 3)
    assert state(campaign_id) == ("stopped", None)
    assert totals.stored(campaign_id) == {"sent": 1, "skipped/stopped": 2}
    assert kept.count() == 2  # an import may need them


def test_values_that_another_key_sealed_are_not_sent(
    running: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    campaign_id = started(running, 2, [{"name": "Ravi"}] * 2)
    pass_time(replace(running, encryption=Encryption("another-key")), clock, 2)
    assert (provider.sent, state(campaign_id)) == ([], ("failed", "secret-key-changed"))


class WakingProvider(ScriptedProvider):
    """Its process stands still, longer than a lease, before the requests of a submission leave."""

    def __init__(self, stand_still: Callable[[], object]) -> None:
        super().__init__()
        self.stand_still = stand_still

    def send(self, request: CallRequest, permit: Permit | None = None) -> SendResponse:
        self.stand_still()
        return super().send(request, permit)


def woken_up(running: Services, clock: Clock) -> tuple[WakingProvider, ScriptedProvider]:
    """Have one process wake up with a call it has claimed, which another found interrupted."""
    awake = ScriptedProvider()
    awake.on_send = accepted(None)
    another = replace(running, process_ids={}, provider=awake)

    def stand_still() -> None:
        provider.stand_still = lambda: None
        clock.forward(seconds=60)
        recover.heartbeat(another)
        assert recover.recover_interrupted(another) == 1
        pass_time(another, clock, 2)
        assert awake.sent == [], "it is unknown whether the one that was claimed was sent"

    provider = WakingProvider(stand_still)
    provider.on_send = accepted(None)
    frozen = replace(running, process_ids={}, provider=provider, uptime=lambda: clock().timestamp())
    recover.heartbeat(frozen)
    started(frozen, 1)
    pass_time(frozen, clock, 0)
    pass_time(another, clock, 3)
    return provider, awake


def test_a_process_that_wakes_up_sends_nothing_under_a_lost_lease_and_nobody_is_lost(
    running: Services, clock: Clock
) -> None:
    woken, awake = woken_up(running, clock)
    assert (dialled(woken), dialled(awake)) == ([], [number(0)])


def test_sending_whenever_it_goes_on_would_be_noticed(running: Services, clock: Clock) -> None:
    with mutants.send_whenever_it_goes_on():
        woken, _ = woken_up(running, clock)
    assert dialled(woken) == [number(0)]
