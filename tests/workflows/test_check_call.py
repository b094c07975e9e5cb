"""Reports that never come: the provider is asked, at the agreed pace."""

from __future__ import annotations

from datetime import timedelta

import pytest

from obdtrack.domain.submission import Failure
from obdtrack.errors import ObdtrackError
from obdtrack.providers import StatusAnswer
from obdtrack.storage import calls, coordination, models, search
from obdtrack.storage.search import Wanted
from obdtrack.workflows.ask_provider import REPAIRED
from obdtrack.workflows.check_call import check_due, refresh
from obdtrack.workflows.context import Context
from obdtrack.workflows.place_call import place_call
from tests.conftest import Caller
from tests.factories import (
    MID,
    NOON,
    Clock,
    ScriptedProvider,
    accepted,
    call_log,
    call_request,
    log_row,
)


def the_call() -> models.Call:
    (call,) = search.newest(Wanted(), 2)
    return call


def events() -> list[str]:
    call = the_call()
    return [f"{event.kind}/{event.source}" for event in calls.history([call.id])[call.id]]


def no_wait(seconds: float) -> None:
    assert seconds >= 0


def test_a_call_without_a_report_is_asked_for_at_its_time(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, context)
    assert the_call().next_check_at == NOON + timedelta(minutes=15)
    clock.forward(minutes=14)
    assert check_due(context, 10, no_wait) == 0
    clock.forward(minutes=2)
    provider.on_find = lambda **_: call_log(log_row())
    assert check_due(context, 10, no_wait) == 1
    call = the_call()
    assert (call.status, call.status_source, call.next_check_at) == ("completed", "poll", None)
    assert provider.asked == [{"provider_id": f"{MID}:1", "to": None, "on": None}]


def test_redials_move_the_first_question(context: Context) -> None:
    place_call(call_request(interval=30), None, context)
    assert the_call().next_check_at == NOON + timedelta(minutes=45)


def test_a_call_repaired_by_polling_is_counted(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, context)
    provider.on_find = lambda **_: call_log(log_row())
    clock.forward(minutes=16)
    check_due(context, 10, no_wait)
    assert coordination.counters([REPAIRED]) == {REPAIRED: 1}


def test_nothing_new_is_on_the_timeline_and_asked_again_later(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, context)
    queued = log_row(status="queued", start_at=None, end_at=None)
    provider.on_find = lambda **_: call_log(queued)
    clock.forward(minutes=16)
    check_due(context, 10, no_wait)
    assert events() == ["submission/api", "answer/api", "check/poll"]
    assert the_call().next_check_at == NOON + timedelta(hours=1)


def test_past_the_last_check_the_call_is_unresolved_and_a_late_report_revives_it(
    caller: Caller, context: Context, clock: Clock
) -> None:
    caller.place()
    clock.forward(days=2)
    check_due(context, 10, no_wait)
    assert (the_call().status, the_call().reason) == ("unresolved", "no-report")
    assert the_call().next_check_at is None
    caller.report()
    assert the_call().status == "completed"


def test_a_provider_that_is_down_leaves_the_call_due(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, context)
    provider.on_find = lambda **_: StatusAnswer(Failure.TIMEOUT)
    clock.forward(days=2)
    check_due(context, 10, no_wait)
    assert the_call().status == "queued"
    assert the_call().next_check_at == clock.now + timedelta(minutes=10)


def test_the_same_fact_by_both_ways_is_one_fact(
    caller: Caller, context: Context, provider: ScriptedProvider
) -> None:
    caller.place()
    caller.report(start_at="2026-11-23 12:00:02", end_at="2026-11-23 12:00:20")
    provider.on_find = lambda **_: call_log(log_row())
    refresh(the_call(), context)
    assert events() == ["submission/api", "answer/api", "report/webhook", "check/poll"]
    call = the_call()
    assert calls.history([call.id])[call.id][2].times_seen == 2


def test_after_a_final_report_nothing_is_asked(caller: Caller) -> None:
    caller.place()
    caller.report()
    assert the_call().next_check_at is None


def test_while_redials_may_follow_an_unanswered_call_is_still_asked_for(caller: Caller) -> None:
    caller.place(interval=5)
    caller.report(status="NOANSWER")
    assert the_call().next_check_at is not None


def test_questions_keep_the_pace(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    for _ in range(5):
        place_call(call_request(), None, context)
    clock.forward(minutes=16)
    waits: list[float] = []
    check_due(context, 10, waits.append)
    assert waits == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_too_fast_makes_everybody_wait_as_long_as_the_provider_wants(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    for _ in range(2):
        place_call(call_request(), None, context)
    provider.on_find = lambda **_: StatusAnswer(Failure.RATE_LIMITED, retry_after=30)
    clock.forward(minutes=16)
    waits: list[float] = []
    check_due(context, 10, waits.append)
    assert waits == pytest.approx([0, 30])


def test_two_processes_do_not_ask_about_one_call(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    def meanwhile(**_: object) -> StatusAnswer:
        taken.append(check_due(context, 10, no_wait))
        return StatusAnswer(Failure.TIMEOUT)

    taken: list[int] = []
    place_call(call_request(), None, context)
    provider.on_find = meanwhile
    clock.forward(minutes=16)
    check_due(context, 10, no_wait)
    assert taken == [0]


def test_a_person_may_ask_now_but_not_at_once_again(
    caller: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row())
    assert caller.post(f"/calls/{call['id']}/refresh").json["status"] == "completed"
    too_soon = caller.post(f"/calls/{call['id']}/refresh")
    assert (too_soon.status_code, too_soon.headers["Retry-After"]) == (429, "10")
    clock.forward(seconds=11)
    assert caller.post(f"/calls/{call['id']}/refresh").status_code == 200


def test_a_person_is_not_kept_waiting_in_a_long_line(
    caller: Caller, context: Context, clock: Clock
) -> None:
    caller.place()
    with context.store.write():
        coordination.reserve("provider", timedelta(seconds=60), clock.now)
    with pytest.raises(ObdtrackError, match="many calls"):
        refresh(the_call(), context)
