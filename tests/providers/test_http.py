"""An exchange ends in time and in memory, and its failures say what they prove."""

from __future__ import annotations

import errno
import gzip
import logging
import socket
import time
import traceback
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from obdtrack.domain.submission import Failure
from obdtrack.providers.http import connections
from obdtrack.providers.http.connections import Limits
from obdtrack.providers.http.exchange import ExchangeError, open_session
from tests.providers.asking import CANARY, LIMITS, SMALL, ask, failure_of, limits_for
from tests.providers.conftest import closes, drips, http_response, resets, says, stays_silent


def unused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_an_answer_comes_back_as_it_was(loopback):
    server = loopback(says(http_response(b"\x00\xff", "418 Teapot", X_Word="yes")))
    found = ask(server.url)
    assert (found.status, found.headers["x-word"], found.body) == (418, "yes", b"\x00\xff")


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (stays_silent, Failure.TIMEOUT),
        (drips(SMALL, after=0), Failure.TIMEOUT),
        (drips(SMALL, after=20), Failure.TIMEOUT),
        (
            drips(http_response(b" " * 200), after=len(http_response(b" " * 200)) - 190),
            Failure.TIMEOUT,
        ),
        (drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 20, after=25), Failure.TIMEOUT),
        (closes, Failure.CONNECTION_LOST),
        (resets(), Failure.CONNECTION_LOST),
        (resets(after=SMALL[:30]), Failure.CONNECTION_LOST),
        (resets(after=SMALL[:-3]), Failure.CONNECTION_LOST),
        (lambda peer: (peer.sendall(SMALL[:-3]), closes(peer)), Failure.CONNECTION_LOST),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), Failure.UNREADABLE_ANSWER),
        (says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), Failure.UNREADABLE_ANSWER),
        (says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000), Failure.UNREADABLE_ANSWER),
        (says(b"HTTP/1.1 103 Early Hints\r\n\r\n"), Failure.UNREADABLE_ANSWER),
        (says(http_response(b"x" * 100_001)), Failure.ANSWER_TOO_LARGE),
    ],
)
def test_a_bad_answer_to_a_post_fails_in_time_and_is_not_asked_for_again(
    loopback, behaviour, failure
):
    server = loopback(behaviour)
    assert failure_of(server.url, limits=limits_for(failure)).failure is failure
    assert len(server.requests) == 1


def test_an_answer_without_end_is_read_to_the_bound_only(loopback):
    head, piece = b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536
    server = loopback(lambda peer: [peer.sendall(head + piece) for _ in range(4_000)])
    tracemalloc.start()
    assert failure_of(server.url).failure is Failure.ANSWER_TOO_LARGE
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("status", ["200 OK", "302 Found"])
def test_a_packed_answer_is_never_unpacked(loopback, status):
    packed = gzip.compress(bytes(50_000_000))
    response = http_response(packed, status, Content_Encoding="gzip", Location="/elsewhere")
    server = loopback(says(response))
    tracemalloc.start()
    assert ask(server.url).body == packed
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Again", "308 Moved"])
def test_a_redirect_is_an_answer_and_is_not_followed(loopback, status):
    elsewhere = loopback(says(SMALL))
    server = loopback(says(http_response(b"", status, Location=elsewhere.url)))
    assert ask(server.url).status == int(status[:3])
    assert (len(server.requests), elsewhere.requests) == (1, [])


def refuse(*_args):
    raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


@pytest.mark.parametrize("code", [errno.ECONNREFUSED, errno.ECONNRESET, errno.ENETUNREACH])
def test_what_never_connected_is_tried_twice(monkeypatch, code):
    tries = []

    def fail(*_args):
        tries.append(1)
        raise OSError(code, "no way")

    monkeypatch.setattr(connections, "create_connection", fail)
    assert failure_of("http://127.0.0.1:1/").failure is Failure.UNREACHABLE
    assert len(tries) == 2


def test_a_refused_connection_names_the_reason():
    assert failure_of(unused_url()).message == "No connection: Connection refused."


def test_a_second_try_that_connects_is_as_good_as_the_first(loopback, monkeypatch):
    server, real = loopback(says(SMALL)), connections.create_connection
    ways = iter([refuse, real])
    monkeypatch.setattr(connections, "create_connection", lambda *a: next(ways)(*a))
    assert ask(server.url).status == 200
    assert len(server.requests) == 1


def test_the_next_address_is_tried_when_the_first_is_dead(loopback, monkeypatch):
    server = loopback(says(SMALL))
    found = [(2, 1, 6, "", ("127.0.0.9", 0)), (2, 1, 6, "", ("127.0.0.1", 0))]
    real = socket.getaddrinfo

    def resolve(host, *args, **options):
        return found if host == "two.test" else real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert ask(server.url.replace("127.0.0.1", "two.test")).status == 200


def test_a_port_that_swallows_connections_is_unreachable():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        failed = failure_of(f"http://127.0.0.1:{full.getsockname()[1]}/", limits=LIMITS)
        for filler in fillers:
            filler.close()
    assert failed.failure is Failure.UNREACHABLE


@pytest.mark.parametrize("seconds", [0, 8])
def test_a_name_that_does_not_resolve_is_unreachable_in_time(monkeypatch, seconds):
    def resolve(*_args, **_options):
        time.sleep(seconds)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert failure_of("http://provider.test/", limits=LIMITS).failure is Failure.UNREACHABLE


def test_an_address_that_is_none_is_unreachable():
    assert failure_of("ftp://127.0.0.1/").failure is Failure.UNREACHABLE


@pytest.mark.parametrize("behaviour", [closes, resets()])
def test_a_get_whose_connection_broke_is_asked_once_more(loopback, behaviour):
    server = loopback(behaviour, says(SMALL))
    assert ask(server.url, "GET").status == 200
    assert len(server.requests) == 2


def test_a_get_is_not_asked_a_third_time(loopback):
    server = loopback(closes)
    assert failure_of(server.url, "GET").failure is Failure.CONNECTION_LOST
    assert len(server.requests) == 2


def test_connections_are_used_again(loopback):
    server, session = loopback(says(SMALL)), open_session()
    for _ in range(5):
        ask(server.url, session=session)
    assert (server.connections, len(server.requests)) == (1, 5)


def test_a_connection_idle_for_long_is_not_used_again(loopback, monkeypatch):
    server, session = loopback(says(SMALL)), open_session()
    monkeypatch.setattr(connections, "_MAX_IDLE_SECONDS", 0.0)
    ask(server.url, session=session)
    ask(server.url, session=session)
    assert server.connections == 2


def test_a_connection_the_server_closed_meanwhile_is_not_used_again(loopback):
    server, session = loopback(lambda peer: (peer.sendall(SMALL), closes(peer))), open_session()
    for _ in range(3):
        assert ask(server.url, session=session).status == 200
        time.sleep(0.05)
    assert (server.connections, len(server.requests)) == (3, 3)


def test_a_connection_that_dies_under_a_post_is_in_doubt_and_not_sent_again(loopback):
    server, session = loopback(says(SMALL), closes), open_session()
    ask(server.url, session=session)
    assert failure_of(server.url, session=session).failure is Failure.CONNECTION_LOST
    assert (server.connections, len(server.requests)) == (1, 2)


@pytest.mark.parametrize(
    "late", [b"HTTP/1.1 103 Early\r\n\r\n" + SMALL, http_response(b"x" * 100_001) + SMALL]
)
def test_the_rest_of_one_answer_is_never_taken_for_the_next(loopback, late):
    server, session = loopback(says(late), says(http_response(b"mine"))), open_session()
    failure_of(server.url, session=session)
    assert ask(server.url, session=session).body == b"mine"


def test_cookies_are_not_kept(loopback):
    server, session = loopback(says(http_response(Set_Cookie="laravel=1; path=/"))), open_session()
    ask(server.url, session=session)
    ask(server.url, session=session)
    assert b"cookie" not in server.requests[1].lower()


def test_proxies_from_the_environment_are_not_used(loopback, monkeypatch):
    proxy, server = loopback(says(SMALL)), loopback(says(SMALL))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    ask(server.url)
    assert (proxy.connections, len(server.requests)) == (0, 1)


def test_many_threads_share_one_session(loopback):
    server, session = loopback(says(SMALL)), open_session()
    with ThreadPoolExecutor(32) as threads:
        found = list(threads.map(lambda _: ask(server.url, session=session).status, range(320)))
    assert found == [200] * 320
    assert server.connections <= 64


def test_drips_in_many_threads_end_in_time_too(loopback):
    server = loopback(drips(http_response(b" " * 500), after=90))
    started = time.monotonic()
    with ThreadPoolExecutor(32) as threads:
        found = list(threads.map(lambda _: failure_of(server.url, "POST", LIMITS), range(32)))
    assert {failed.failure for failed in found} == {Failure.TIMEOUT}
    assert time.monotonic() - started < LIMITS.total + 5


@pytest.mark.parametrize(
    "behaviour", [closes, says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n: bad\r\n\r\n"), None]
)
def test_neither_errors_nor_logs_hold_the_url(loopback, caplog, behaviour):
    caplog.set_level(logging.DEBUG)
    url, told = loopback(behaviour).url if behaviour else unused_url(), ""
    try:
        ask(f"{url}?mobile={CANARY}", "GET")
    except ExchangeError as failed:
        told = repr(failed) + "".join(traceback.format_exception(failed))
    assert CANARY not in told + caplog.text


def test_nothing_is_taken_from_a_netrc(loopback, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login mallory password stolen\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = loopback(says(SMALL))
    ask(server.url)
    assert b"authorization" not in server.requests[0].lower()


def test_what_leaves_has_its_full_time_to_be_answered(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    attempt = connections.ConnectionAttempt(Limits(connect=3, read=8, total=15))
    assert (attempt.time_to_send(), attempt.time_to_response()) == (3, 8)
    now = 106.0
    assert (attempt.time_to_send(), attempt.time_to_response()) == (1, 8)
    now = 107.0
    with pytest.raises(TimeoutError):
        attempt.time_to_send()
    assert attempt.time_to_response() == 8
