"""Serves the application on granian's RSGI: reports in the event loop, all else in threads.

A report costs no thread while its body comes and while its transaction is written. Everything else
is the WSGI application's, which may wait for the provider; a body as large as most may be is
gathered in the loop first, so that one that comes slowly costs no thread either.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from functools import lru_cache, partial
from io import BytesIO, FileIO
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian.rsgi import Scope

from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import ReceivedDelivery
from obdtrack.web.callback import Callback
from obdtrack.web.http.request_bodies import expected, whole

BODY_SECONDS = 60
"""How long the body of a report, or of any request that is not a file, may take to come."""

_AT_ONCE = 256 * 1024
"""Bytes of a response that are gathered; what is longer is made while it is sent. More than a pipe
holds, so that all of the first write is in it only once the server has opened its other end."""

_FIRST = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})

_PROTOCOLS = {"1": "HTTP/1.0", "2": "HTTP/2"}

_ENVIRON = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


class Front:
    """The RSGI application: `callback` takes what leads to it, `app` what is left, in `threads`.

    `store` gives what became of a delivery once it is on disk; `note` counts a report by its path,
    its response's code and the seconds it took. `settle` is called when the server has started.
    """

    def __init__(
        self,
        app: WSGIApplication,
        callback: Callback,
        store: Callable[[InboundRequest, asyncio.AbstractEventLoop], Awaitable[ReceivedDelivery]],
        note: Callable[[str, str, float], None],
        threads: Executor,
        settle: Callable[[], object],
    ) -> None:
        self._app = app
        self._callback = callback
        self._store = store
        self._note = note
        self._threads = threads
        self._settle = settle
        self._open: set[int] = set()
        self._worked_at = 0.0
        self.last_headers: list[tuple[str, str]] = []
        """What is added to the headers of each response, once the server is about to stop."""

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Be told of the loop that serves, which is not running yet, or starts its server now."""
        self.loop = loop
        loop.call_soon(self._settle)

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Serve one request."""
        environ, begun, code = _environ(scope), time.perf_counter(), "500"
        door = self._callback.door(environ)
        if door is None:
            await self._pass_on(environ, protocol)
            return
        try:
            read, store = partial(self._body, environ, protocol), partial(self._stored, environ)
            status, body, headers = await self._callback.respond(environ, door, read, store)
            code = status[:3]
            headers = [*headers, ("Content-Length", str(len(body))), *self.last_headers]
            sent = b"" if environ["REQUEST_METHOD"] == "HEAD" else body
            protocol.response_bytes(int(code), headers, sent)
        finally:
            self.pause(environ)
            self._note(environ["PATH_INFO"], code, time.perf_counter() - begun)

    def idle_seconds(self) -> float:
        """Return how long nothing has been worked on: no whole request, no part of a response."""
        return 0.0 if self._open else time.monotonic() - self._worked_at

    def begin(self, environ: WSGIEnvironment) -> None:
        """Note that there is something to do for a request."""
        self._open.add(id(environ))

    def pause(self, environ: WSGIEnvironment) -> None:
        """Note that it is over, or that the client must send or read on first."""
        self._open.discard(id(environ))
        self._worked_at = time.monotonic()

    async def _stored(self, environ: WSGIEnvironment, item: InboundRequest) -> ReceivedDelivery:
        self.begin(environ)
        return await self._store(item, self.loop)

    async def _body(self, environ: WSGIEnvironment, protocol: HTTPProtocol) -> bytes | None:
        body = await self._gathered(environ, protocol)
        return None if body is None else whole(body, environ)

    async def _pass_on(self, environ: WSGIEnvironment, protocol: HTTPProtocol) -> None:
        body = await self._gathered(environ, protocol)
        stream = _Stream(self, environ, protocol) if body is None else BytesIO(body)
        environ["wsgi.input"] = stream
        await self.loop.run_in_executor(self._threads, self._respond, environ, protocol)

    async def _gathered(self, environ: WSGIEnvironment, protocol: HTTPProtocol) -> bytes | None:
        """Return the body, None if it says that it is too large for that.

        If the client was gone before its end, or took too long, it is shorter than it says.
        """
        if not (most := expected(environ)):
            return None if most is None else b""
        chunked = not environ.get("CONTENT_LENGTH")
        coming: Any = self.loop.create_task(_first(protocol, most)) if chunked else protocol()
        late = self.loop.call_later(BODY_SECONDS, coming.cancel)
        try:
            body: bytes = await coming
            return body
        except (RuntimeError, asyncio.CancelledError):
            environ.setdefault("CONTENT_LENGTH", "1")
            return b""
        finally:
            late.cancel()

    def _respond(self, environ: WSGIEnvironment, protocol: HTTPProtocol) -> None:
        begun: list[Any] = []

        def begin(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
            begun[:] = int(status[:3]), [*headers, *self.last_headers]

        self.begin(environ)
        try:
            with ExitStack() as ending:
                body = self._app(environ, begin)
                if hasattr(body, "close"):
                    ending.callback(body.close)
                parts, first = iter(body), BytesIO()
                for count, part in enumerate(parts):
                    first.write(part)
                    if count and first.tell() > _AT_ONCE:
                        self._stream(first.getvalue(), parts, begun, environ, protocol)
                        return
                status, headers = begun
                protocol.response_bytes(status, headers, first.getvalue())
        finally:
            self.pause(environ)

    def _stream(
        self,
        first: bytes,
        parts: Iterator[bytes],
        begun: list[Any],
        environ: WSGIEnvironment,
        protocol: HTTPProtocol,
    ) -> None:
        """Send what is made while it is sent, and no faster than the client reads.

        The server would keep in memory whatever it is given, but a file it reads as it can send it.
        """
        (status, headers), (ours, write) = begun, os.pipe()
        with suppress(BrokenPipeError), open(write, "wb") as pipe:
            with FileIO(ours) as read:  # the server's end; ours until it has opened it, or will not
                protocol.response_file(status, headers, f"/dev/fd/{ours}")
                gone = asyncio.run_coroutine_threadsafe(_close_if_gone(protocol, read), self.loop)
                pipe.write(first)
                pipe.flush()
                gone.cancel()
            for part in parts:
                self.pause(environ)
                pipe.write(part)
                self.begin(environ)


class _Stream:
    """A file that a thread reads as it comes, as `wsgi.input` is read here: to its stated end."""

    def __init__(self, front: Front, environ: WSGIEnvironment, protocol: HTTPProtocol) -> None:
        self._front = front
        self._environ = environ
        self._protocol = protocol
        self._parts: AsyncIterator[bytes] | None = None
        self._left = b""

    def read(self, size: int) -> bytes:
        """Return at most so many bytes, none at the end, waiting for the client."""
        if not self._left:
            self._front.pause(self._environ)
            self._left = asyncio.run_coroutine_threadsafe(self._next(), self._front.loop).result()
            self._front.begin(self._environ)
        part, self._left = self._left[:size], self._left[size:]
        return part

    async def _next(self) -> bytes:
        if self._parts is None:
            self._parts = aiter(self._protocol)
        return await anext(self._parts, b"")


async def _first(protocol: HTTPProtocol, most: int) -> bytes:
    body = bytearray()
    async for part in protocol:
        body += part
        if len(body) >= most:
            break
    return bytes(body)


async def _close_if_gone(protocol: HTTPProtocol, file: FileIO) -> None:
    await protocol.client_disconnect()
    file.close()


@lru_cache(512)
def _key(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in _FIRST else f"HTTP_{name}"


def _environ(scope: Scope) -> WSGIEnvironment:
    """Return a request's head as WSGI tells it (PEP 3333).

    A header of letters other than ASCII is empty, as on granian's WSGI.
    """
    server, port = _address(scope.server)
    environ = {
        **_ENVIRON,
        "SERVER_PROTOCOL": _PROTOCOLS.get(scope.http_version, "HTTP/1.1"),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "REMOTE_ADDR": _address(scope.client)[0],
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "wsgi.url_scheme": scope.scheme,
    }
    known, names = len(environ), scope.headers.keys()
    for name, value in scope.headers.items():
        key = _key(name)
        before = environ.get(key)
        if before is None:
            environ[key] = value
        elif key not in _FIRST:
            environ[key] = f"{before}{';' if key == 'HTTP_COOKIE' else ','}{value}"
    if len(environ) - known < len(names):
        for name in names:
            environ.setdefault(_key(name), "")
    environ.setdefault("HTTP_HOST", scope.authority or "")
    return environ


def _address(told: str) -> tuple[str, str]:
    address, _, port = told.rpartition(":")
    return address.strip("[]"), port
