"""After a crash: what was in flight is unknown, and nothing is sent again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from obdtrack.calls import queries, search
from obdtrack.calls.journal import open_journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.placing.recover import end_heartbeat, heartbeat, recover_interrupted
from obdtrack.calls.search import CallFilter
from obdtrack.domain.events import Event
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.services import Services, new_id
from tests.factories import Clock, ScriptedProvider, call_request


class Crash(BaseException):
    """The process dies here."""


def crash_while_sending(services: Services, provider: ScriptedProvider) -> None:
    def die(_: object) -> None:
        raise Crash

    provider.on_send = die
    with pytest.raises(Crash):
        place_call(call_request(variables={"otp": "1"}), None, services)


def status() -> tuple[str, str | None]:
    (call,) = search.newest(CallFilter(), 2)
    return call.status, call.reason


def test_a_dead_processes_submission_becomes_unknown(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    heartbeat(services)
    crash_while_sending(services, provider)
    clock.forward(seconds=9)
    assert recover_interrupted(replace(services, process_ids={})) == 1
    assert status() == ("unknown", "interrupted")
    assert len(provider.sent) == 1


def test_a_live_siblings_submission_is_left_alone(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    crash_while_sending(services, provider)
    for _ in range(10):
        clock.forward(seconds=5)
        heartbeat(services)
    assert recover_interrupted(replace(services, process_ids={})) == 0
    assert status() == ("submitting", None)


def test_a_process_that_died_while_the_clock_was_ahead_is_recovered(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    clock.forward(days=3)
    crash_while_sending(services, provider)
    clock.forward(days=-3)
    assert recover_interrupted(replace(services, process_ids={})) == 1
    assert status() == ("unknown", "interrupted")


def test_a_sign_of_life_given_while_the_clock_was_ahead_is_none(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    clock.forward(days=3)
    heartbeat(services)
    clock.forward(days=-3)
    crash_while_sending(services, provider)
    assert recover_interrupted(replace(services, process_ids={})) == 1


def test_a_process_that_ended_in_order_is_recovered_at_once(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    heartbeat(services)
    crash_while_sending(services, provider)
    end_heartbeat(services)
    assert recover_interrupted(replace(services, process_ids={})) == 1


def test_a_process_that_never_gave_a_sign_has_a_minute(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    crash_while_sending(services, provider)
    clock.forward(seconds=50)
    assert recover_interrupted(services) == 0
    clock.forward(seconds=20)
    assert recover_interrupted(services) == 1


def test_even_a_live_process_cannot_be_sending_for_minutes(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    crash_while_sending(services, provider)
    clock.forward(minutes=6)
    heartbeat(services)
    assert recover_interrupted(services) == 1


def test_the_recovered_call_keeps_its_variables_for_a_persons_decision(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    crash_while_sending(services, provider)
    clock.forward(minutes=6)
    recover_interrupted(services)
    (call,) = search.newest(CallFilter(), 2)
    assert services.encryption.open(call.submission.variables_encrypted) == {"otp": "1"}


def test_an_answer_that_comes_while_we_bury_its_process_stands(
    services: Services, provider: ScriptedProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_while_sending(services, provider)
    found = submissions.in_flight()
    clock.forward(minutes=6)
    (call_id, _, _, _) = found[0]
    response = Event(new_id(), Kind.RESPONSE, Source.API, clock.now, Status.QUEUED)
    with open_journal(services) as journal:
        assert journal.call(call_id)
        journal.append(call_id, response)
    monkeypatch.setattr(submissions, "in_flight", lambda: found)
    recover_interrupted(replace(services, process_ids={}))
    assert status() == ("queued", None)
    assert [event.kind for event in queries.history([call_id])[call_id]][-1] is Kind.RESPONSE
