"""What the provider's log holds is taken for ours only if it can be nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from obdtrack.domain.submission import Failure, SendAnswer
from obdtrack.providers import StatusAnswer
from obdtrack.storage import models, search
from obdtrack.storage.search import Wanted
from obdtrack.workflows.check_call import check_due
from obdtrack.workflows.context import Context
from obdtrack.workflows.place_call import place_call
from obdtrack.workflows.recover import recover_interrupted
from tests.factories import Clock, ScriptedProvider, call_log, call_request, log_row


def place_without_answer(context: Context, provider: ScriptedProvider) -> None:
    provider.on_send = lambda _: SendAnswer(Failure.TIMEOUT)
    place_call(call_request(), None, context)


def log_of_call_made_at(clock: Clock) -> Callable[..., StatusAnswer]:
    written = clock.now.strftime("%Y-%m-%d %H:%M:%S")
    return lambda **_: call_log(log_row(created_at=written, start_at=written))


def known(context: Context) -> list[models.Call]:
    check_due(context, 10, lambda _: None)
    return [call for call in search.newest(Wanted(), 5) if call.provider_id]


@pytest.mark.parametrize("minutes", [1, 5, 9])
def test_a_row_that_an_earlier_unknown_call_may_have_made_is_nobodys(
    context: Context, provider: ScriptedProvider, clock: Clock, minutes: int
) -> None:
    place_without_answer(context, provider)
    clock.forward(minutes=minutes)
    place_without_answer(context, provider)
    provider.on_find = log_of_call_made_at(clock)
    clock.forward(minutes=1)
    assert known(context) == []


def test_a_call_is_not_looked_for_after_its_request_had_ended(
    context: Context, provider: ScriptedProvider, clock: Clock
) -> None:
    """However long we were down: whatever is found then was somebody else's doing."""

    def die(_: object) -> None:
        raise KeyboardInterrupt

    provider.on_send = die
    with pytest.raises(KeyboardInterrupt):
        place_call(call_request(), None, context)
    clock.forward(hours=3)
    provider.on_find = log_of_call_made_at(clock)
    clock.forward(hours=3)
    recover_interrupted(replace(context, process_ids={}))
    clock.forward(minutes=1)
    assert known(context) == []
