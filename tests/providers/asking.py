"""Exchanges as the tests ask for them: patient ones, and ones that soon give up."""

from __future__ import annotations

import time

import pytest
from requests import Request

from obdtrack.domain.submission import Failure
from obdtrack.providers.http.connections import Limits
from obdtrack.providers.http.exchange import ExchangeError, HttpExchange, exchange, open_session
from tests.providers.conftest import http_response

PATIENT = Limits(connect=5, read=5, total=10, max_bytes=100_000)
LIMITS = Limits(connect=0.4, read=0.5, total=0.9, max_bytes=100_000)
SMALL = http_response(b'{"a": 1}')
CANARY = "918919525224"


def ask(url, method="POST", limits=PATIENT, session=None) -> HttpExchange:
    request = Request(method, url, data=b"{}" if method == "POST" else None)
    return exchange(session or open_session(), request, limits)


def failure_of(url, method="POST", limits=PATIENT, session=None) -> ExchangeError:
    started = time.monotonic()
    with pytest.raises(ExchangeError) as failed:
        ask(url, method, limits, session)
    assert time.monotonic() - started < limits.total + 5
    return failed.value


def limits_for(failure: Failure) -> Limits:
    return LIMITS if failure is Failure.TIMEOUT else PATIENT
