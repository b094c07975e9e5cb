"""Stops a server without waiting for clients that keep connections open."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wsgi import ClosingIterator

from obdtrack.web.http.request_bodies import RECEIVING

PATIENCE = 1.0
"""Seconds that half a request, an idle connection or an unread response has to come to its end."""

_LOOK_SECONDS = 0.05


class InFlight:
    """A WSGI application (PEP 3333) that knows which requests to `app` are being worked on."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._open: dict[int, WSGIEnvironment] = {}
        self._worked_at = 0.0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        self._open[id(environ)] = environ
        try:
            body = self._app(environ, start_response)
        finally:
            self._pause(environ)
        if isinstance(body, list):
            return body
        return ClosingIterator(self._parts(environ, body), getattr(body, "close", None))

    def idle_seconds(self) -> float:
        """Return how long nothing has been worked on: no whole request, no part of a response."""
        if all(environ.get(RECEIVING) for environ in list(self._open.values())):
            return time.monotonic() - self._worked_at
        return 0.0

    def _parts(self, environ: WSGIEnvironment, body: Iterable[bytes]) -> Iterator[bytes]:
        parts = iter(body)
        while True:
            self._open[id(environ)] = environ
            try:
                part = next(parts)
            except StopIteration:
                return
            finally:
                self._pause(environ)
            yield part  # the server asks for the next one when the client has read on

    def _pause(self, environ: WSGIEnvironment) -> None:
        del self._open[id(environ)]
        self._worked_at = time.monotonic()


def end_when_told(requests: InFlight, release: Callable[[], object] = lambda: None) -> None:
    """End this process soon after SIGTERM or SIGINT; to be called by its main thread.

    `release` lets those go who would wait for longer.

    The server's own way to stop, which goes on meanwhile, lets every connection come to its end:
    half a request from a stranger would keep it for as long as a slow head may take, and all
    reports out. So the process ends as soon as nothing has been worked on for PATIENCE.
    """
    told, tell = socket.socketpair()
    tell.setblocking(False)
    # Unlike a handler this stays when the server sets its own.
    signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_end, args=(told, tell, requests, release), daemon=True).start()


def _end(
    told: socket.socket, _tell: socket.socket, requests: InFlight, release: Callable[[], object]
) -> None:
    while told.recv(1)[0] not in (signal.SIGTERM, signal.SIGINT):
        pass
    told_at = time.monotonic()
    release()
    while min(requests.idle_seconds(), time.monotonic() - told_at) < PATIENCE:
        time.sleep(_LOOK_SECONDS)
    os._exit(0)
