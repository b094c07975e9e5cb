"""What is between the client and a server in tests: the application itself, or what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import requests
from flask import Flask
from obdtrack_client import Client
from requests.adapters import BaseAdapter

KEY = "obd_a-key-that-nobody-may-read"


class Seen(NamedTuple):
    """A request as it would have left."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str | None:
        return self.headers.get("Idempotency-Key")


def response(
    status: int, body: Any = None, content_type: str = "application/json", **headers: str
) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    made.raw = BytesIO(content)
    made.headers.update({"Content-Type": content_type})
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


def problem(status: int, code: str, **headers: str) -> requests.Response:
    told = {"status": status, "code": code, "detail": f"The server says {code}."}
    return response(status, told, "application/problem+json", **headers)


class Wire(BaseAdapter):
    """Hands requests to `respond`, which returns a response or raises; keeps what was `seen`."""

    def __init__(self, respond: Callable[[Seen], requests.Response]) -> None:
        super().__init__()
        self.respond = respond
        self.seen: list[Seen] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body or b""
        content = body if isinstance(body, bytes) else body.read()  # a file
        assert request.method
        headers = dict(request.headers)
        self.seen.append(Seen(request.method, request.path_url, headers, content))
        found = self.respond(self.seen[-1])
        found.request = request
        return found

    def close(self) -> None:
        pass


class Idle:
    """A clock that only goes on while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def client(self, wire: Wire, key: str = KEY, **options: Any) -> Client:
        url = "http://obdtrack.test/"
        client = Client(url, key, sleep=self.sleep, clock=lambda: self.now, **options)
        client.session.mount("http://", wire)
        return client


def one_after_another(*steps: requests.Response | Exception) -> Callable[[Seen], Any]:
    """Respond with these in order, the last again and again."""
    left = list(steps)

    def respond(_: Seen) -> requests.Response:
        step = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(step, Exception):
            raise step
        return step

    return respond


def of(app: Flask) -> Wire:
    """Have the application respond, in this process."""

    def respond(seen: Seen) -> requests.Response:
        given = app.test_client().open(
            seen.path, method=seen.method, headers=seen.headers, data=seen.body
        )
        made = response(given.status_code, given.data, given.content_type or "")
        made.headers.update(dict(given.headers))
        return made

    return Wire(respond)
