"""Running a simulator: on loopback only, and gone when it is stopped."""

from __future__ import annotations

import threading

import pytest
import requests

from obdtrack.providers.mobtexting.simulator.app import create_simulator
from obdtrack.providers.mobtexting.simulator.scheduler import Scheduler
from obdtrack.providers.mobtexting.simulator.server import (
    SimulatorConfig,
    refuse_strangers,
    running,
    serve,
)

CONFIG = SimulatorConfig(token="t")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.test", ""])
def test_a_host_others_can_reach_is_refused(host):
    with pytest.raises(ValueError, match="loopback only"):
        serve(CONFIG, host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_accepted(host):
    refuse_strangers(host)


def test_a_stopped_simulator_is_gone():
    with running(CONFIG) as simulator:
        url = simulator.url
        assert requests.get(url, timeout=5).status_code == 404
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_a_stopped_simulator_leaves_no_thread_behind():
    before = set(threading.enumerate())
    with running(CONFIG):
        assert set(threading.enumerate()) - before
    assert not set(threading.enumerate()) - before


def test_stopping_forgets_the_calls_that_still_ring(start, callback):
    provider = start(ring_seconds=3600)
    provider.place("01")
    provider.server.simulator.close()
    assert provider.reports() == []


def test_what_was_placed_can_be_inspected(provider):
    provider.place("11")
    provider.reports()
    url = provider.server.url.replace("api/v2/", "simulator/calls")
    (row,) = requests.get(url, timeout=5).json()["data"]
    assert (row["to"], row["fate"], row["status"]) == ("918867135011", "busy", "BUSY")


def test_an_unknown_route_is_told_in_json():
    client = create_simulator(CONFIG).test_client()
    response = client.put("/api/v2/outgoing/send")
    assert (response.status_code, response.json["code"]) == (405, 405)
    assert "POST" in response.headers["Allow"]


def test_secrets_do_not_show_in_the_settings():
    assert "hidden" not in repr(SimulatorConfig(token="hidden", secret="hidden"))


def test_a_job_that_fails_does_not_stop_the_others(caplog):
    done = threading.Event()
    scheduler = Scheduler(workers=1)
    scheduler.after(0, lambda: 1 // 0)
    scheduler.after(0, done.set)
    assert scheduler.settle(5)
    scheduler.close()
    assert done.is_set()
    assert "ZeroDivisionError" in caplog.text
