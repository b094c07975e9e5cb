"""How the real server starts: loudly without secrets, on this machine only; and what it shows."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.end_to_end.conftest import Installation, responses, until
from tests.factories import report_body

SECRETS = ("WEBHOOK_SECRETS", "SECRET_KEY", "PROVIDER_TOKEN")


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Installation]:
    """An installation without any secret."""
    installed = Installation(tmp_path)
    installed.prepare()
    for name in SECRETS:
        del installed.environ[f"OBDTRACK_{name}"]
    yield installed
    installed.stop()


def test_insecure_serves_this_machine_and_warns_loudly(bare: Installation, tmp_path: Path):
    said = tmp_path / "said"
    with said.open("wb") as stderr:
        bare.launch("serve", "--insecure", stderr=stderr)
    until(lambda: responses(f"{bare.url}/livez"))
    assert "WARNING: INSECURE" in said.read_text()
    url = f"{bare.url}/webhooks/mobtexting"
    assert requests.post(url, json=report_body(), timeout=10).status_code == 200
    with socket.socket() as probe:
        assert probe.connect_ex((own_address(), bare.port)) != 0


def own_address() -> str:
    """An address of this machine that is not loopback, or one that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "192.0.2.1"
        return str(probe.getsockname()[0])


def test_without_it_nothing_is_served_and_no_traceback_shown(bare: Installation):
    bare.environ["OBDTRACK_PORT"] = "many"
    done = bare.outcome("serve")
    assert done.returncode == 2
    assert [f"OBDTRACK_{name}" in done.stderr for name in (*SECRETS, "PORT")] == [True] * 4
    assert "Traceback" not in done.stderr


def test_a_database_out_of_reach_is_a_sentence_and_may_be_tried_again(bare: Installation):
    """Status 2 would tell systemd to leave it."""
    bare.environ |= {f"OBDTRACK_{name}": "long-enough-for-a-secret" for name in SECRETS}
    bare.environ["OBDTRACK_DATABASE_URL"] = "postgresql://me:hush-hush@127.0.0.1:1/calls"
    done = bare.outcome("serve")
    assert done.returncode == 1
    assert done.stderr.startswith("obdtrack: The database cannot be used: ")
    assert len(done.stderr.splitlines()) == 1
    assert "hush-hush" not in done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installed = Installation(tmp_path_factory.mktemp("start"))
    installed.prepare()
    installed.start_server()
    yield installed
    installed.stop()


@pytest.mark.parametrize("path", ["/sign-in", "/metrics", "/nothing", "/webhooks/mobtexting"])
def test_the_real_server_names_no_version(server: Installation, path: str):
    headers = requests.get(f"{server.url}{path}", timeout=10).headers
    told = headers.get("Server", "")
    assert not any(letter.isdigit() for letter in told), told
    assert headers["X-Content-Type-Options"] == "nosniff"


def response_to(server: Installation, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(request)
        return client.recv(200)


HEADS = {
    "one header of 1 MB": b"X-Long: " + b"x" * 1_000_000 + b"\r\n",
    "5000 headers": b"".join(b"X-%d: x\r\n" % number for number in range(5_000)),
    "a header with NUL": b"X-Nul: a\x00b\r\n",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 5\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "a length beyond 64 bit": b"Content-Length: 99999999999999999999\r\n",
    "length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_hostile_headers_are_refused_and_no_fault_of_ours(server: Installation, head: bytes):
    start = b"POST /webhooks/mobtexting HTTP/1.1\r\nHost: x\r\n"
    try:
        response = response_to(server, start + head + b"\r\nabc")
    except ConnectionError:  # hung up on, which is an answer too
        response = b""
    assert response == b"" or response.startswith(b"HTTP/1.1 4"), response
    assert requests.get(f"{server.url}/livez", timeout=10).status_code == 200
