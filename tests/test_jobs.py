"""Background work: nothing urgent waits for a slow provider."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from obdtrack.calls.placing.place import place_call
from obdtrack.calls.placing.recover import sign_of_life
from obdtrack.jobs import Background
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database import connected
from tests.calls.test_recover import crash_while_sending
from tests.factories import Clock, ScriptedProvider, call_request


@pytest.fixture
def asked(services: Services, provider: ScriptedProvider) -> Iterator[threading.Event]:
    """Set once the background work asks the provider, which answers only at the end."""
    asked, over = threading.Event(), threading.Event()

    def hang(**_: object) -> StatusResponse:
        asked.set()
        over.wait(30)
        return StatusResponse()

    provider.on_find = hang
    background = Background(services)
    background.start()
    yield asked
    over.set()
    background.stop()


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 8
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def is_unknown(services: Services) -> bool:
    with connected(services.store):
        return bool(models.Call.select().where(models.Call.status == "unknown").exists())


def test_what_a_dead_process_left_is_found_while_a_question_hangs(
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
    asked: threading.Event,
) -> None:
    place_call(call_request(), None, services)
    clock.forward(minutes=16)
    assert asked.wait(8)
    another = replace(services, process_ids={})
    sign_of_life(another)
    crash_while_sending(another, provider)
    clock.forward(seconds=9)
    assert soon(lambda: is_unknown(services))
