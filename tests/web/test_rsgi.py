"""What only the RSGI application has to do: bodies that do not come, and responses without end."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from obdtrack.web import rsgi
from tests.conftest import Caller
from tests.factories import CALLBACK_PATH, SECRET
from tests.rsgi import Caller as Threads
from tests.rsgi import Protocol, Scope, loop, serve


class Waiting(Protocol):
    async def _whole(self) -> bytes:
        return await asyncio.Event().wait()  # type: ignore[return-value]  # never

    async def __aiter__(self) -> Any:
        yield b'{"id": "x:1", "status": "BUSY"}'
        await asyncio.Event().wait()


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked"}
STATED = {"CONTENT_LENGTH": "500"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsgi, "BODY_SECONDS", 0.01)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("told", [STATED, CHUNKED], ids=["stated", "chunked"])
@pytest.mark.parametrize("path", [CALLBACK_PATH, "/api/v1/calls"])
def test_a_body_that_does_not_end_in_time_is_refused_and_nothing_of_it_is_taken(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, path: str, told: dict[str, str]
) -> None:
    secret = {"Authorization": f"Bearer {SECRET}"} if path == CALLBACK_PATH else caller.headers
    monkeypatch.setattr("tests.rsgi.Protocol", Waiting)
    environ = EnvironBuilder(path, method="POST", headers=secret).get_environ() | told
    status: list[str] = []
    serve(caller.client.application, environ, lambda code, _: status.append(code))  # type: ignore[arg-type]
    assert status == ["503 Service Unavailable" if path == CALLBACK_PATH else "400 Bad Request"]
    assert caller.get("/deliveries").json["data"] == caller.get("/calls").json["data"] == []


def front(app: Any, threads: Threads | None = None) -> rsgi.Front:
    """One whose requests all lead to this WSGI application."""
    nowhere = type("Nowhere", (), {"door": lambda *_: None})()
    made = rsgi.Front(app, nowhere, None, None, threads, lambda: None)  # type: ignore[arg-type]
    made.loop = loop()
    return made


def asked(app: Any, protocol: Protocol, environ: dict[str, Any]) -> rsgi.Front:
    """Have an application asked; its work is done here."""
    threads = Threads()
    made = front(app, threads)
    done = asyncio.run_coroutine_threadsafe(made.__rsgi__(Scope(environ), protocol), loop())  # type: ignore[arg-type]
    done.add_done_callback(lambda _: threads.jobs.put(None))
    while job := threads.jobs.get():
        job()
    done.result()
    if protocol.reading:
        protocol.reading.join()
    return made


class Endless:
    """Parts of a response that would never end, and whether they were closed."""

    def __init__(self) -> None:
        self.closed, self.made = False, 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.made += 1
            yield b"x" * 1000

    def close(self) -> None:
        self.closed = True


def test_a_response_without_end_is_made_as_fast_as_it_is_read_and_closed_when_nobody_reads() -> (
    None
):
    class Leaving(Protocol):
        def response_file(self, status: int, headers: Any, path: str) -> None:
            def read_some() -> None:
                with open(path, "rb", buffering=0) as file:
                    self.response = status, headers, b"".join(file.read(1000) for _ in range(1000))

            self.reading = threading.Thread(target=read_some)
            self.reading.start()

    def app(_: Any, start: Any) -> Endless:
        start("200 OK", [("Content-Type", "text/csv")])
        return body

    body, environ = Endless(), EnvironBuilder().get_environ()
    open_before = len(os.listdir("/dev/fd"))
    protocol = Leaving(environ)
    idle = asked(app, protocol, environ).idle_seconds()
    assert protocol.response is not None
    assert body.closed
    assert 250 < body.made < 2000
    assert idle > 0
    assert len(os.listdir("/dev/fd")) <= open_before


def test_a_client_that_is_gone_before_anything_is_sent_ends_a_response_without_end() -> None:
    class Gone(Protocol):
        async def client_disconnect(self) -> None:
            return

        def response_file(self, *_: Any) -> None:
            """Open nothing: there is nobody to read for."""

    body, environ = Endless(), EnvironBuilder().get_environ()
    asked(lambda _, start: start("200 OK", []) or body, Gone(environ), environ)
    assert body.closed


def test_what_is_large_is_read_by_whoever_wants_it() -> None:
    def app(environ: Any, start: Any) -> list[bytes]:
        taken = environ["wsgi.input"]
        start("200 OK", [])
        return [b"".join(iter(lambda: taken.read(70_000), b"")), b"!"]

    environ = EnvironBuilder(method="POST", data=b"z" * 1_000_000).get_environ()
    asked(app, protocol := Protocol(environ), environ)
    assert protocol.response == (200, [], b"z" * 1_000_000 + b"!")


def test_the_head_of_a_request_is_told_as_wsgi_has_it() -> None:
    given = EnvironBuilder(
        "/ä%20/b", query_string="q=%C3%A4", headers={"X-Odd": "\xe4", "X-Plain": "a"}
    ).get_environ()
    scope = Scope({**given, "REMOTE_ADDR": "2001:db8::7"})
    scope.headers |= {"x-many": ["1", "2"], "cookie": ["a=1", "b=2"], "content-type": ["x", "y"]}
    told = rsgi._environ(scope)  # type: ignore[arg-type]  # the same as far as it is asked
    same = (
        "PATH_INFO",
        "QUERY_STRING",
        "REQUEST_METHOD",
        "SERVER_NAME",
        "SERVER_PORT",
        "HTTP_HOST",
    )
    assert {name: told[name] for name in same} == {name: given[name] for name in same}
    assert (told["HTTP_X_ODD"], told["HTTP_X_PLAIN"], told["HTTP_X_MANY"]) == ("", "a", "1,2")
    assert (told["HTTP_COOKIE"], told["CONTENT_TYPE"]) == ("a=1;b=2", "x")
    assert told["REMOTE_ADDR"] == "2001:db8::7"
