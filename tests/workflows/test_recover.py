"""After a crash: what was in flight is unknown, and nothing is sent again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from obdtrack.storage import search
from obdtrack.storage.search import Wanted
from obdtrack.workflows.context import Context, new_id
from obdtrack.workflows.place_call import place_call
from obdtrack.workflows.recover import recover_interrupted, say_goodbye, sign_of_life
from tests.factories import Clock, ScriptedProvider, call_request


class Crash(BaseException):
    """The process dies here."""


def crash_while_sending(context: Context, provider: ScriptedProvider) -> None:
    def die(_: object) -> None:
        raise Crash

    provider.on_send = die  # type: ignore[assignment]
    with pytest.raises(Crash):
        place_call(call_request(variables={"otp": "1"}), None, context)


def status() -> tuple[str, str | None]:
    (call,) = search.newest(Wanted(), 2)
    return call.status, call.reason


def test_a_dead_processes_submission_becomes_unknown(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    sign_of_life(context)
    crash_while_sending(context, provider)
    clock.forward(seconds=9)
    assert recover_interrupted(replace(context, process_id=new_id())) == 1
    assert status() == ("unknown", "interrupted")
    assert len(provider.sent) == 1


def test_a_live_siblings_submission_is_left_alone(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    crash_while_sending(context, provider)
    for _ in range(10):
        clock.forward(seconds=5)
        sign_of_life(context)
    assert recover_interrupted(replace(context, process_id=new_id())) == 0
    assert status() == ("submitting", None)


def test_a_process_that_ended_in_order_is_recovered_at_once(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    sign_of_life(context)
    crash_while_sending(context, provider)
    say_goodbye(context)
    assert recover_interrupted(replace(context, process_id=new_id())) == 1


def test_a_process_that_never_gave_a_sign_has_a_minute(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    crash_while_sending(context, provider)
    clock.forward(seconds=50)
    assert recover_interrupted(context) == 0
    clock.forward(seconds=20)
    assert recover_interrupted(context) == 1


def test_even_a_live_process_cannot_be_sending_for_minutes(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    crash_while_sending(context, provider)
    clock.forward(minutes=6)
    sign_of_life(context)
    assert recover_interrupted(context) == 1


def test_the_recovered_call_keeps_its_variables_for_a_persons_decision(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    crash_while_sending(context, provider)
    clock.forward(minutes=6)
    recover_interrupted(context)
    (call,) = search.newest(Wanted(), 2)
    assert context.vault.open(call.submission.variables_encrypted) == {"otp": "1"}
