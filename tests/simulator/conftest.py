"""A running simulator, a callback that receives its reports, and a client that speaks to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from obdtrack.providers.mobtexting.simulator.server import (
    RunningSimulator,
    SimulatorConfig,
    running,
)

TOKEN = "simulated-token"
SECRET = "simulated-secret"
HEADERS = {"Accept": "application/json", "Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Provider:
    """The simulator as its users see it, and what reached the callback."""

    server: RunningSimulator
    callback: HTTPServer

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Speak to the API with its token; `path` is a route or one of its own addresses."""
        options = {"headers": HEADERS, "timeout": 10, "allow_redirects": False} | options
        return requests.request(method, urljoin(self.server.url, path), **options)

    def place(self, ending: str, **fields: Any) -> requests.Response:
        """Ask for a call to a number that ends in `ending`."""
        order = {"bridge": "918068280000", "to": f"9188671350{ending}", "flow_id": "23"} | fields
        return self.request("POST", "outgoing/send", json=order)

    def ask(self, **question: str) -> list[dict[str, Any]]:
        """Return the rows of a callstatus answer."""
        response = self.request("GET", "outgoing/callstatus", params=question)
        rows: list[dict[str, Any]] = response.json()["data"]
        return rows

    def reports(self) -> list[Request]:
        """Return what reached the callback once everything has."""
        assert self.server.settle()
        return [request for request, _ in self.callback.log]

    def bodies(self) -> list[dict[str, Any]]:
        return [report.get_json() for report in self.reports()]

    def words(self) -> list[str]:
        return [body["status"] for body in self.bodies()]


@pytest.fixture
def callback(httpserver: HTTPServer) -> HTTPServer:
    """A callback that takes every report and repeats every challenge."""
    httpserver.expect_request("/callback").respond_with_data("ok")
    httpserver.expect_request("/webhook").respond_with_handler(repeat_challenge)
    return httpserver


def repeat_challenge(request: Request) -> Response:
    return Response(request.get_data(), mimetype="application/json")


@pytest.fixture
def start(callback: HTTPServer) -> Iterator[Callable[..., Provider]]:
    """Start a simulator with other settings than the usual."""
    usual = {
        "token": TOKEN,
        "secret": SECRET,
        "callback_url": callback.url_for("/callback"),
        "ring_seconds": 0.05,
        "slow_seconds": 0.05,
        "retry_seconds": 0.01,
    }
    with ExitStack() as stack:
        yield lambda **settings: Provider(
            stack.enter_context(running(SimulatorConfig(**(usual | settings)))), callback
        )


@pytest.fixture
def provider(start: Callable[..., Provider]) -> Provider:
    """A simulator that hurries."""
    return start()
