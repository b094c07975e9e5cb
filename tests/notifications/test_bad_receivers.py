"""Receivers that misbehave cost a bounded time and memory, and are told of in the log."""

from __future__ import annotations

import socket
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from obdtrack.notifications import sender
from obdtrack.providers.http.exchange import open_session
from obdtrack.services import Services
from obdtrack.store.database import Store
from tests.factories import with_settings
from tests.providers.conftest import (
    closes,
    drips,
    http_response,
    loopback,
    says,
    stays_silent,
)
from tests.providers.test_http_tls import certificate, tls

__all__ = ["certificate", "loopback", "tls"]

EVENT = {"id": "01a2231f-4c35-77be-9924-6b2aa77e87a4", "type": "call.busy"}
METADATA = "http://169.254.169.254/latest/meta-data/"
FINE = http_response(b"ok")
PIECE = b"x" * 65_536


def endless_headers(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    for count in range(100_000):
        peer.sendall(f"X-{count}: {'y' * 1000}\r\n".encode())


def ten_megabytes(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
    for _ in range(160):
        peer.sendall(PIECE)


BAD: dict[str, tuple[Callable[[socket.socket], Any], int | None, str | None]] = {
    "drips": (drips(FINE, after=0), None, "No complete response arrived in time."),
    "drips its body": (
        drips(http_response(b" " * 200), after=len(http_response(b" " * 200)) - 190),
        None,
        "No complete response arrived in time.",
    ),
    "hangs": (stays_silent, None, "No complete response arrived in time."),
    "responds ten megabytes": (ten_megabytes, 200, None),
    "redirects to metadata": (
        says(http_response(b"", "302 Found", Location=METADATA)), 302, "The response is 302.",
    ),
    "closes at once": (closes, None, "The connection broke before a full response."),
    "speaks no HTTP": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), None, "The response was not HTTP."),
    "sends headers without end": (endless_headers, None, "The response was not HTTP."),
}  # fmt: skip


@pytest.fixture
def each_store(sqlite_store: Store) -> Store:
    return sqlite_store


@pytest.mark.parametrize("name", BAD)
def test_a_receiver_that_misbehaves_is_left_in_time(
    loopback: Any, services: Services, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    behaviour, status, failure = BAD[name]
    short = replace(sender._LIMITS, connect=0.5, read=0.6, total=0.6)
    monkeypatch.setattr(sender, "_LIMITS", short)
    server = loopback(behaviour)
    inside = with_settings(services, destinations_private=True)
    tracemalloc.start()
    began = time.monotonic()
    tried = sender.post(open_session(), server.url, [], EVENT, inside)
    assert (tried.http_status, tried.failure) == (status, failure)
    assert time.monotonic() - began < 3
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    assert len(tried.response or "") <= sender._KEPT_BYTES
    assert len(server.requests) == 1  # and no other was made, elsewhere or again


def test_a_whole_try_takes_fifteen_seconds_at_most() -> None:
    assert (sender._LIMITS.total, sender._PUBLIC.total) == (15.0, 15.0)


def test_one_whose_certificate_nobody_vouches_for_is_sent_nothing(
    loopback: Any, tls: Any, services: Services
) -> None:
    server = loopback(says(FINE), tls=tls)
    inside = with_settings(services, destinations_private=True)
    tried = sender.post(open_session(), server.url, [], EVENT, inside)
    assert "self-signed certificate" in (tried.failure or "")
    assert server.requests == []


def test_one_whose_certificate_is_another_s_is_sent_nothing(
    loopback: Any,
    tls: Any,
    certificate: str,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is made to stand for somebody else's address leads to no one."""
    server = loopback(says(FINE), tls=tls)
    place = server.listener.getsockname()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place)]
    monkeypatch.setattr(
        "obdtrack.providers.http.connections.socket.getaddrinfo", lambda *_, **__: found
    )
    session = open_session()
    session.verify = certificate
    inside = with_settings(services, destinations_private=True)
    url = f"https://shop.example:{place[1]}/"
    tried = sender.post(session, url, [], EVENT, inside)
    assert "Hostname mismatch" in (tried.failure or "")
    assert server.requests == []
