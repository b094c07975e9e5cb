"""Connections that keep to a deadline and remember whether anything was sent on them.

`requests` alone promises neither: its timeouts start anew with every received byte, and its errors
do not say whether a request had left. So the connections carry the bounds themselves.
"""

from __future__ import annotations

import errno
import http.client
import io
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import create_connection

from obdtrack.domain.submission import Permit

# Servers close idle connections, Apache and Node after 5 s. When a request crosses that, nobody can
# tell whether it was acted upon; a new connection costs far less than such a doubt.
_MAX_IDLE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange.

    `connect`: seconds for each address; `read`: seconds of silence while a response is awaited;
    `total`: seconds for everything, a second try included; `max_bytes`: the largest response body,
    and what is beyond is left out if it is `cut`. If `may_reach` is false for one of the addresses
    (of IP) that the host stands for, none is connected to.
    """

    connect: float = 3.0
    read: float = 8.0
    total: float = 15.0
    max_bytes: int = 1_000_000
    cut: bool = False
    may_reach: Callable[[str], bool] | None = None


class ConnectionAttempt:
    """What one exchange has left of its time, and whether a byte of it has left this machine."""

    def __init__(self, limits: Limits, permit: Permit | None = None) -> None:
        self.limits = limits
        self.permit = permit
        self.sent = False
        self._deadline = time.monotonic() + limits.total
        # What leaves shall have its full time to be answered, or its outcome is in needless doubt.
        self._send_by = self._deadline - min(limits.read, max(0.0, limits.total - limits.connect))

    def time_to_send(self) -> float:
        """Return the seconds the next step before sending may take; raises TimeoutError at none."""
        return _left(self._send_by, self.limits.connect)

    def has_time_to_send(self, after: float) -> bool:
        """Whether something could still be sent `after` so many seconds."""
        return time.monotonic() + after < self._send_by

    def time_to_response(self) -> float:
        """Return the seconds the next step after that may take; raises TimeoutError at none."""
        return _left(self._deadline, self.limits.read)


def _left(until: float, at_most: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time of this exchange is over")
    return min(left, at_most)


ATTEMPT: ContextVar[ConnectionAttempt] = ContextVar("ATTEMPT")
"""The exchange that this thread's connection serves: requests offers no other way to tell it."""


class _DeadlineReader(io.RawIOBase):
    """Reads a socket with no more patience than the exchange has left."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, attempt: ConnectionAttempt) -> None:
        self._raw, self._sock, self._attempt = raw, sock, attempt

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._attempt.time_to_response())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response whose headers and body have to arrive before the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        patient: Any = self.fp
        self.fp = io.BufferedReader(_DeadlineReader(patient.detach(), sock, ATTEMPT.get()))


class _Connection(HTTPConnection):
    """A connection that keeps to the limits of the exchange it serves."""

    response_class = _Response
    _last_used = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether the pool may use this connection once more."""
        recent = time.monotonic() - self._last_used < _MAX_IDLE_SECONDS
        return recent and super().is_connected

    def _new_conn(self) -> socket.socket:
        try:
            return self._first_that_answers()
        except OSError as error:
            # Bare, some of these would be taken for a server that hung up after its response.
            raise NewConnectionError(self, "no connection") from error

    def _first_that_answers(self) -> socket.socket:
        attempt, failure = ATTEMPT.get(), OSError("the name has no address")
        port = int(self.port)
        found = _addresses(self._dns_host, port, attempt.time_to_send())
        may_reach = attempt.limits.may_reach
        if may_reach and not all(map(may_reach, found)):
            raise PermissionError(errno.EACCES, "the host stands for an address that is not public")
        for host in found:
            patience = attempt.time_to_send()
            try:
                sock = create_connection((host, port), patience, None, self.socket_options)
                # For the TLS handshake, which takes the socket as it finds it.
                sock.settimeout(attempt.time_to_send())
                return sock
            except OSError as error:
                failure = error
        raise failure

    def send(self, data: Any) -> None:
        """Send, and remember that from here on the request may be acted upon."""
        attempt = ATTEMPT.get()
        if self.sock is None:
            self.connect()
        if attempt.permit:
            attempt.permit()
        self.sock.settimeout(attempt.time_to_response())
        attempt.sent, self._last_used = True, time.monotonic()
        super().send(data)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS; certificates are verified as urllib3 does."""


def _addresses(host: str, port: int, patience: float) -> list[str]:
    """Look a name up; in a thread of its own, since the system's resolver knows no timeout."""
    response: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            response.put([str(entry[4][0]) for entry in found])
        except (OSError, UnicodeError) as error:
            response.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = response.get(timeout=patience)
    except queue.Empty:
        raise TimeoutError("the name was not resolved in time") from None
    if isinstance(found, Exception):
        raise OSError(str(found)) from found
    return found


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class BoundedAdapter(HTTPAdapter):
    """Lets requests use these connections; `ATTEMPT` must be set while it sends.

    What it returns are responses of urllib3.
    """

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Set up as requests does, with pools of our connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def build_response(self, req: Any, resp: Any) -> Any:
        """Return what came as urllib3 has it: nobody asks for cookies, history or text."""
        return resp
