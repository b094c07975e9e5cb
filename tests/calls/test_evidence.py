"""What the provider's log holds is taken for ours only if it can be nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from obdtrack.calls import search
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.placing.recover import recover_interrupted
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.search import CallFilter
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services
from obdtrack.store import models
from tests.factories import Clock, ScriptedProvider, call_log, call_request, log_row


def place_without_response(services: Services, provider: ScriptedProvider) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    place_call(call_request(), None, services)


def log_of_call_made_at(clock: Clock) -> Callable[..., StatusResponse]:
    written = clock.now.strftime("%Y-%m-%d %H:%M:%S")
    return lambda **_: call_log(log_row(created_at=written, start_at=written))


def known(services: Services) -> list[models.Call]:
    check_due(services, 10, lambda _: None)
    return [call for call in search.newest(CallFilter(), 5) if call.provider_id]


@pytest.mark.parametrize("minutes", [1, 5, 9])
def test_a_row_that_an_earlier_unknown_call_may_have_made_is_nobodys(
    services: Services, provider: ScriptedProvider, clock: Clock, minutes: int
) -> None:
    place_without_response(services, provider)
    clock.forward(minutes=minutes)
    place_without_response(services, provider)
    provider.on_find = log_of_call_made_at(clock)
    clock.forward(minutes=1)
    assert known(services) == []


def test_a_call_is_not_looked_for_after_its_request_had_ended(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    """However long we were down: whatever is found then was somebody else's doing."""

    def die(_: object) -> None:
        raise KeyboardInterrupt

    provider.on_send = die
    with pytest.raises(KeyboardInterrupt):
        place_call(call_request(), None, services)
    clock.forward(hours=3)
    provider.on_find = log_of_call_made_at(clock)
    clock.forward(hours=3)
    recover_interrupted(replace(services, process_ids={}))
    clock.forward(minutes=1)
    assert known(services) == []
