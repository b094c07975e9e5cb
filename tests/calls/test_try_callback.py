"""Trying the callback: a sample report goes all the way to a timeline, or the step is named."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from pytest_httpserver import HTTPServer
from werkzeug.serving import make_server

from obdtrack.calls import attention, queries
from obdtrack.domain.timeline import Change
from obdtrack.domain.trial import TRIAL_NAME, TRIAL_NUMBER
from obdtrack.operations.webhooks.try_callback import try_callback
from obdtrack.services import Services
from tests.factories import CALLBACK_PATH, SECRET


@pytest.fixture
def uri(app: Flask) -> Iterator[str]:
    """The callback of the application over a real socket."""
    with make_server("127.0.0.1", 0, app, threaded=True) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{CALLBACK_PATH}"
        server.shutdown()


def words(timeline: list[Change]) -> list[tuple[str, str]]:
    return [(change.event.source, change.after) for change in timeline]


def test_a_sample_report_reaches_its_timeline(uri, services):
    trial = try_callback(uri, services)
    assert trial.problem is None
    assert words(trial.timeline)[-1] == ("webhook", "completed")
    assert "matched" in trial.delivery


def test_the_test_call_is_never_sent_and_says_so(uri, services, provider):
    trial = try_callback(uri, services)
    call = queries.find(str(trial.call_id))
    assert (call.name, call.to_number, call.next_check_at) == (TRIAL_NAME, TRIAL_NUMBER, None)
    assert words(trial.timeline)[:2] == [("system", "submitting"), ("system", "queued")]
    assert provider.sent == provider.asked == []


@pytest.mark.parametrize("bridge", [None, "+91 80 6828-0000"])
def test_a_bridge_may_be_missing_or_written_in_any_way(uri, services, bridge):
    settings = dataclasses.replace(services.settings, bridge=bridge)
    assert try_callback(uri, dataclasses.replace(services, settings=settings)).problem is None


def test_every_trial_has_a_call_of_its_own(uri, services):
    first, second = try_callback(uri, services), try_callback(uri, services)
    assert first.call_id != second.call_id
    assert second.problem is None


def test_a_callback_nobody_answers_at_ends_the_test_call(services):
    trial = try_callback("http://127.0.0.1:1/", services)
    assert "cannot be reached" in trial.problem
    assert words(trial.timeline)[-1] == ("system", "rejected")
    assert queries.find(str(trial.call_id)).reason == "test-report-missing"


def test_a_refused_secret_is_told(uri, services, monkeypatch):
    monkeypatch.setattr(services.provider, "_secret", "wrong")
    trial = try_callback(uri, services)
    assert "OBDTRACK_WEBHOOK_SECRETS" in trial.problem
    assert SECRET not in trial.problem


def test_a_server_with_another_database_is_told(httpserver: HTTPServer, services: Services):
    httpserver.expect_request(CALLBACK_PATH).respond_with_json({"status": "ok"})
    trial = try_callback(httpserver.url_for(CALLBACK_PATH), services, patience=0.1)
    assert "is not in this database" in trial.problem
    assert trial.delivery is None


def test_a_report_that_is_stored_but_not_read_is_told(uri, services, monkeypatch):
    def unreadable(mid: str, *_: object) -> dict[str, str]:
        return {"campaign": mid}

    monkeypatch.setattr("obdtrack.providers.mobtexting.self_test.sample_report", unreadable)
    trial = try_callback(uri, services, patience=0.1)
    assert "stored but not put on its call's timeline" in trial.problem
    assert "unreadable" in trial.problem
    later = services.now() + timedelta(hours=1)
    assert attention.count(later, 10).all == 0
