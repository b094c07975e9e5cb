"""A process that was stopped between intention and request does not dial what others decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from obdtrack.access.keys import Access
from obdtrack.calls import queries, resolve
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.placing.recover import NO_LEASE_YET, recover_interrupted
from obdtrack.calls.placing.send_right import SendRight, duration
from obdtrack.domain.submission import CallRequest, Failure, Permit, SendResponse
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import models
from tests.factories import Clock, ScriptedProvider, accepted, call_request

PERSON = Access(new_id(), "operator", frozenset({"admin"}), new_id())


class Machine:
    """A machine with two processes on one database, of which one stops as it begins to send."""

    def __init__(self, services: Services, provider: ScriptedProvider, clock: Clock) -> None:
        self.up = 1000.0
        self.clock, self.provider = clock, provider
        self.services = replace(services, uptime=lambda: self.up)
        self.other = replace(self.services, process_ids={})
        self.lasts = duration(services.settings)

    def place(self, while_stopped: Callable[[UUID], object]) -> UUID:
        """Place a call; at the first byte of its request the process is stopped for a while."""
        send = self.provider.send

        def stopped(request: CallRequest, permit: Permit | None = None) -> SendResponse:
            self.provider.send = send
            call = models.Call.select().order_by(models.Call.id.desc()).get()
            while_stopped(call.id)
            return send(request, permit)

        self.provider.send = stopped
        return place_call(call_request(), None, self.services)

    def pass_time(self, seconds: float) -> None:
        self.up += seconds
        self.clock.forward(seconds=seconds)

    def declare_lost(self) -> None:
        """Have the other process find that this one does not live any more."""
        self.pass_time((self.lasts + NO_LEASE_YET).total_seconds() + 1)
        assert recover_interrupted(self.other) == 1

    def clock_jumps_and_it_is_declared_lost(self) -> None:
        """The same, though no time has passed: the wall clock was set."""
        self.clock.forward(minutes=3)
        assert recover_interrupted(self.other) == 1


@pytest.fixture
def machine(services: Services, provider: ScriptedProvider, clock: Clock) -> Machine:
    provider.on_send = accepted(mid=None)
    return Machine(services, provider, clock)


def status_of(call_id: UUID) -> tuple[str, str | None]:
    call = queries.find(str(call_id))
    assert call is not None
    return call.status, call.reason


def decide(machine: Machine, action: str) -> Callable[[UUID], object]:
    return lambda call_id: resolve.resolve(
        call_id, action=action, access=PERSON, services=machine.other
    )


def test_what_it_can_send_in_time_is_sent(machine: Machine) -> None:
    call_id = machine.place(lambda _: machine.pass_time(5))
    assert status_of(call_id) == ("queued", None)
    assert len(machine.provider.sent) == 1


def test_what_comes_too_late_is_not_sent_though_nobody_has_decided(machine: Machine) -> None:
    call_id = machine.place(lambda _: machine.pass_time(machine.lasts.total_seconds() - 1))
    assert status_of(call_id) == ("rejected", "not-sent")
    assert machine.provider.sent == []


def test_it_does_not_know_the_time_by_a_clock_that_can_be_set(machine: Machine) -> None:
    def sleep_and_set_the_clock_back(_: UUID) -> None:
        machine.up += 3600

    call_id = machine.place(sleep_and_set_the_clock_back)
    assert status_of(call_id) == ("rejected", "not-sent")
    assert machine.provider.sent == []


def lost_and_decided(machine: Machine, action: str) -> Callable[[UUID], None]:
    def meanwhile(call_id: UUID) -> None:
        machine.declare_lost()
        decide(machine, action)(call_id)

    return meanwhile


@pytest.mark.parametrize(("action", "dialled"), [("place-again", 1), ("not-placed", 0)])
def test_what_a_person_decided_meanwhile_stands(
    machine: Machine, action: str, dialled: int
) -> None:
    call_id = machine.place(lost_and_decided(machine, action))
    assert len(machine.provider.sent) == dialled
    assert status_of(call_id) == ("rejected", "not-sent")


@pytest.mark.parametrize("action", ["place-again", "not-placed"])
def test_forgetting_to_ask_before_sending_would_be_noticed(machine: Machine, action: str) -> None:
    with patch.object(SendRight, "of", lambda *_: lambda: None):
        machine.place(lost_and_decided(machine, action))
    assert len(machine.provider.sent) > (action == "place-again")


def test_it_asks_the_database_even_if_by_its_own_clock_there_is_time(machine: Machine) -> None:
    call_id = machine.place(lambda _: machine.clock_jumps_and_it_is_declared_lost())
    assert machine.provider.sent == []
    assert status_of(call_id) == ("rejected", "not-sent")


def test_trusting_the_own_clock_alone_would_be_noticed(machine: Machine) -> None:
    with patch.object(SendRight, "_require_confirmed", lambda *_: None):
        machine.place(lambda _: machine.clock_jumps_and_it_is_declared_lost())
    assert len(machine.provider.sent) == 1


def stopped_after_the_first_byte(machine: Machine, at_most: timedelta) -> UUID:
    """A call that is `unknown`, and whose request may still be sent for so long."""

    def stopped(_: CallRequest) -> SendResponse:
        raise SystemExit

    machine.provider.on_send = stopped
    with pytest.raises(SystemExit):
        place_call(call_request(), None, machine.services)
    machine.provider.on_send = accepted(mid=None)
    machine.provider.sent.clear()
    submission = models.Submission.get()
    submission.send_until = machine.clock.now + at_most
    submission.process_id = None
    submission.save()
    assert recover_interrupted(machine.other) == 1
    return models.Call.get().id


@pytest.mark.parametrize("action", ["place-again", "not-placed"])
def test_nobody_decides_while_it_may_still_be_sent(machine: Machine, action: str) -> None:
    call_id = stopped_after_the_first_byte(machine, timedelta(seconds=12))
    with pytest.raises(
        ObdtrackError, match=r"may still be sent until 2026-11-23T12:00:12Z"
    ) as told:
        decide(machine, action)(call_id)
    assert (told.value.code, told.value.retry_after) == (Code.CONFLICT, 12)
    machine.pass_time(13)
    decide(machine, action)(call_id)
    assert len(machine.provider.sent) == (action == "place-again")


def test_deciding_before_that_would_be_noticed(machine: Machine) -> None:
    call_id = stopped_after_the_first_byte(machine, timedelta(seconds=12))
    with patch.object(resolve, "require_over", lambda *_: None):
        decide(machine, "place-again")(call_id)
    assert len(machine.provider.sent) == 1


def test_a_request_that_timed_out_can_be_decided_about_at_once(machine: Machine) -> None:
    machine.provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call_id = place_call(call_request(), None, machine.services)
    decide(machine, "not-placed")(call_id)
    assert status_of(call_id) == ("rejected", "declared-not-placed")


def test_a_database_that_cannot_confirm_it_has_nothing_sent(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> bool:
        raise ObdtrackError(Code.UNAVAILABLE, "locked")

    monkeypatch.setattr("obdtrack.calls.placing.submissions.confirm_rights", locked)
    call_id = place_call(call_request(), None, machine.services)
    assert status_of(call_id) == ("rejected", "not-sent")
    assert machine.provider.sent == []
