"""`poll`: once about every call that was due at its start, whatever the provider does."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from obdtrack.calls.placing.place import place_call
from obdtrack.cli import poll
from obdtrack.domain.submission import Failure
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services
from tests.factories import Clock, ScriptedProvider, accepted, call_request


@pytest.fixture
def two_due(services: Services, provider: ScriptedProvider, clock: Clock) -> None:
    """Two calls without a report, at their time."""
    provider.on_send = accepted(mid=None)
    for _ in range(2):
        place_call(call_request(), None, services)
    clock.forward(minutes=16)


@pytest.fixture
def run(services: Services, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr(poll, "open_services", lambda: services)
    return CliRunner(catch_exceptions=False)


@pytest.mark.usefixtures("two_due")
def test_it_ends_even_if_questions_take_longer_than_they_are_put_off(
    run: CliRunner, provider: ScriptedProvider, clock: Clock
) -> None:
    def slow(**_: object) -> StatusResponse:
        assert len(provider.asked) < 10, "it goes on for ever"
        clock.forward(minutes=11)
        return StatusResponse(Failure.PROVIDER_ERROR, http_status=500)

    provider.on_find = slow
    assert run.invoke(poll.command).output == "polled 2 calls\n"
    assert len(provider.asked) == 2


@pytest.mark.usefixtures("two_due")
def test_it_says_that_the_provider_wants_a_pause(
    run: CliRunner, provider: ScriptedProvider
) -> None:
    provider.on_find = lambda **_: StatusResponse(Failure.RATE_LIMITED, retry_after=600)
    assert "polled 1 calls; the provider requested a pause" in run.invoke(poll.command).output
    assert len(provider.asked) == 1
