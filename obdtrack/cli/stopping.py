"""Ends a server that was told to stop without waiting for clients that keep it waiting."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from functools import partial
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wsgi import ClosingIterator

from obdtrack.web.http.request_bodies import RECEIVING

PATIENCE = 1.0
"""Seconds that half a request, an idle connection or an unread answer has to come to its end."""

_LOOK_SECONDS = 0.05


class InFlight:
    """A WSGI application (PEP 3333) that knows which requests to `app` are being worked on."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._open: dict[int, WSGIEnvironment] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        self._open[id(environ)] = environ
        try:
            body = self._app(environ, start_response)
        except BaseException:
            self._close(environ)
            raise
        if isinstance(body, list):
            self._close(environ)
            return body
        return ClosingIterator(body, partial(self._close, environ))

    def is_busy(self) -> bool:
        """Whether a request that is there whole is still being worked on, or its answer sent."""
        return not all(environ.get(RECEIVING) for environ in list(self._open.values()))

    def _close(self, environ: WSGIEnvironment) -> None:
        self._open.pop(id(environ), None)


def end_when_told(requests: InFlight) -> None:
    """End this process soon after SIGTERM or SIGINT; to be called by its main thread.

    The server's own way to stop, which goes on meanwhile, lets every connection come to its end:
    half a request from a stranger would keep it for as long as a slow head may take, and all
    reports out. So the process ends as soon as nothing has been worked on for PATIENCE.
    """
    told, tell = socket.socketpair()
    tell.setblocking(False)
    # Unlike a handler this stays when the server sets its own.
    signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_end, args=(told, tell, requests), daemon=True).start()


def _end(told: socket.socket, _tell: socket.socket, requests: InFlight) -> None:
    while told.recv(1)[0] not in (signal.SIGTERM, signal.SIGINT):
        pass
    busy_at = time.monotonic()
    while time.monotonic() - busy_at < PATIENCE:
        if requests.is_busy():
            busy_at = time.monotonic()
        time.sleep(_LOOK_SECONDS)
    os._exit(0)
