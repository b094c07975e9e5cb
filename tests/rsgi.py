"""Requests of test clients through the RSGI application, as granian would bring them.

The event loop has a thread of its own; what the application does in threads is done by the caller.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor, Future
from functools import cache
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from obdtrack.application import Application
from obdtrack.web.rsgi import Front

Headers = list[tuple[str, str]]


@cache
def loop() -> asyncio.AbstractEventLoop:
    """The event loop of all tests, which runs."""
    made = asyncio.new_event_loop()
    threading.Thread(target=made.run_forever, daemon=True).start()
    return made


class Caller(Executor):
    """Has whoever waits for the response do the work."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(work(*given, **named))
            except BaseException as error:
                future.set_exception(error)

        self.jobs.put(run)
        return future


class Told(dict[str, list[str]]):
    """Headers by name, as granian has them: what is not ASCII is a name without a value."""

    def items(self) -> Any:
        return [(n, one) for n, ones in super().items() for one in ones if one.isascii()]

    def keys(self) -> Any:
        return list(super().keys())


class Scope:
    """The head of a request."""

    authority = None

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.http_version = environ["SERVER_PROTOCOL"].removeprefix("HTTP/").removesuffix(".0")
        given = {**environ, "HTTP_CONTENT_TYPE": environ.get("CONTENT_TYPE")}
        given["HTTP_CONTENT_LENGTH"] = environ.get("CONTENT_LENGTH")
        self.headers = Told(
            (key.removeprefix("HTTP_").lower().replace("_", "-"), [value])
            for key, value in given.items()
            if key.startswith("HTTP_") and value is not None
        )
        self.server = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
        client = environ.get("REMOTE_ADDR", "")
        self.client = f"[{client}]:1" if ":" in client else f"{client}:1"
        self.scheme, self.method = environ["wsgi.url_scheme"], environ["REQUEST_METHOD"]
        self.path, self.query_string = (
            environ[name].encode("latin-1").decode("utf-8", "replace")
            for name in ("PATH_INFO", "QUERY_STRING")
        )


class Protocol:
    """A request's body, and what it is answered with."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._stream = environ["wsgi.input"]
        self._length = environ.get("CONTENT_LENGTH")
        self.response: tuple[int, Headers, bytes] | None = None
        self.reading: threading.Thread | None = None

    def __call__(self) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(self._whole())

    async def _whole(self) -> bytes:
        body: bytes = self._stream.read(int(self._length or 0))
        if len(body) < int(self._length or 0):
            raise RuntimeError("the client is gone")
        return body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = int(self._length or 10**9)
        while part := self._stream.read(min(left, 10_000)):
            left -= len(part)
            yield part
        yield b""

    async def client_disconnect(self) -> None:
        await asyncio.Event().wait()

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        assert self.response is None
        self.response = status, headers, body

    def response_file(self, status: int, headers: Headers, path: str) -> None:
        def read() -> None:
            self.response_bytes(status, headers, Path(path).read_bytes())

        self.reading = threading.Thread(target=read)
        self.reading.start()


def serve(
    app: Application, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Serve a request as a WSGI application, through the RSGI application."""
    caller, protocol = Caller(), Protocol(environ)
    note = app.watch.meter.note_request
    front = Front(app.wsgi_app, app.callback, app.inbox.written, note, caller, lambda: None)
    front.loop = loop()
    done = asyncio.run_coroutine_threadsafe(front.__rsgi__(Scope(environ), protocol), loop())  # type: ignore[arg-type]
    done.add_done_callback(lambda _: caller.jobs.put(None))
    while job := caller.jobs.get():
        job()
    done.result()
    if protocol.reading:
        protocol.reading.join()
    assert protocol.response is not None
    assert front.idle_seconds() > 0
    status, headers, body = protocol.response
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]
