"""Loopback servers that behave badly on purpose, and a client for them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from obdtrack.domain.submission import CallRequest
from obdtrack.providers.mobtexting.client import MobTexting

TOKEN = "canary-f3a9c1d2e4b5-token"
TO, BRIDGE = "+918919525224", "+918068280000"

Behaviour = Callable[[socket.socket], None]


class Loopback:
    """A server on 127.0.0.1 that reads a request, then does to the connection what it was told.

    The n-th request gets the n-th behaviour, later ones the last. A behaviour that closes nothing
    leaves the connection open for the next request.
    """

    def __init__(self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.behaviours, self.tls = behaviours, tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}/api/v2/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as closing:
            closing.enter_context(peer).settimeout(20)
            if self.tls:
                peer = closing.enter_context(self.tls.wrap_socket(peer, server_side=True))
            while request := read_request(peer):
                self.requests.append(request)
                self.behaviours[min(len(self.requests), len(self.behaviours)) - 1](peer)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def read_request(peer: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := peer.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    while missing > 0:
        data += (more := peer.recv(65536))
        missing -= len(more)
    return data


def http_response(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def says(data: bytes) -> Behaviour:
    return lambda peer: peer.sendall(data)


def drips(data: bytes, *, after: int, seconds: float = 0.05) -> Behaviour:
    """Send `after` bytes at once, and the rest one by one."""

    def behave(peer: socket.socket) -> None:
        peer.sendall(data[:after])
        for byte in data[after:]:
            time.sleep(seconds)
            peer.sendall(bytes([byte]))

    return behave


def resets(after: bytes = b"") -> Behaviour:
    def behave(peer: socket.socket) -> None:
        peer.sendall(after)
        time.sleep(0.05)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    return behave


def closes(peer: socket.socket) -> None:
    peer.shutdown(socket.SHUT_RDWR)


def stays_silent(peer: socket.socket) -> None:
    time.sleep(5)


@pytest.fixture
def loopback() -> Iterator[Callable[..., Loopback]]:
    servers: list[Loopback] = []

    def start(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> Loopback:
        servers.append(Loopback(*behaviours, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


IMPATIENT = {"connect_timeout": 0.4, "read_timeout": 0.5, "total_timeout": 0.9}


@pytest.fixture
def client_of() -> Callable[..., MobTexting]:
    """Make a client for a URL."""

    def make(url: str, **settings: Any) -> MobTexting:
        return MobTexting(**{"url": url, "token": TOKEN, "timezone": ZoneInfo("UTC")} | settings)

    return make


@pytest.fixture
def call() -> CallRequest:
    return CallRequest(to=TO, bridge=BRIDGE, flow_id="23")
