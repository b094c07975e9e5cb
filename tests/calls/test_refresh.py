"""Somebody wants to know now: one question, soon, or a clear refusal."""

from __future__ import annotations

import time
from datetime import timedelta
from unittest.mock import patch

import pytest

from obdtrack.calls.polling.check import refresh
from obdtrack.errors import ObdtrackError
from obdtrack.limits import Bulkhead
from obdtrack.services import Services
from obdtrack.store import leases
from tests.calls.test_check_call import the_call
from tests.conftest import Caller
from tests.factories import PROVIDER, Clock, ScriptedProvider, call_log, log_row
from tests.store.stored import together


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
    caller: Caller, services: Services, clock: Clock
) -> None:
    caller.place()
    with services.store.write():
        leases.acquire_slot(f"polls:{PROVIDER}", timedelta(seconds=60), clock.now)
    with pytest.raises(ObdtrackError, match="Too many look-ups"):
        refresh(the_call(), services)


def test_who_is_sent_away_takes_no_place_in_the_line(
    caller: Caller, services: Services, clock: Clock
) -> None:
    call = caller.place().json
    with services.store.write():
        leases.acquire_slot(f"polls:{PROVIDER}", timedelta(seconds=60), clock.now)
    for _ in range(10):
        refused = caller.post(f"/calls/{call['id']}/refresh")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert leases.line_end(f"polls:{PROVIDER}", clock.now) == clock.now + timedelta(seconds=60)


def test_of_several_who_ask_about_one_call_at_once_one_does(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    def ask() -> str:
        try:
            refresh(call, services)
        except ObdtrackError as error:
            return error.code
        return "asked"

    caller.place()
    call = the_call()
    provider.on_find = lambda **_: (time.sleep(0.5), call_log(log_row()))[1]
    assert sorted(together(services.store, [ask] * 8)) == ["asked"] + ["rate-limited"] * 7
    assert len(provider.asked) == 1


def test_a_question_that_died_with_its_process_can_be_asked_again(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    caller.place()
    with patch.object(leases, "give_back"):
        refresh(the_call(), services)
    clock.forward(seconds=59)
    with pytest.raises(ObdtrackError, match="just now"):
        refresh(the_call(), services)
    clock.forward(seconds=2)
    refresh(the_call(), services)
    assert len(provider.asked) == 2


def test_questions_at_a_provider_that_hangs_leave_threads_for_reports(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services.limits, "polling", Bulkhead(0, "full"))
    call = caller.place().json
    response = caller.post(f"/calls/{call['id']}/refresh")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert not provider.asked
