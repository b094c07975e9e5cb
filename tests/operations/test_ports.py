"""Where a server listens: names are resolved, and addresses written as a URL needs them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from obdtrack.cli.ports import free_port, inherited_listener, listening_address, require_free_port
from obdtrack.errors import ConfigError
from obdtrack.settings import load_settings
from tests.end_to_end.conftest import COMMAND, ROOT, Installation
from tests.factories import settings
from tests.torture.upgrades import AS_SYSTEMD

V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0))
V4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("127.1", "127.0.0.1")],
)
def test_an_address_stands_for_itself(host: str, address: str) -> None:
    assert listening_address(host) == address


def test_a_name_stands_for_its_ipv4_address_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [V6, V4])
    assert listening_address("localhost") == "127.0.0.1"
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [V6])
    assert listening_address("localhost") == "::1"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300])
def test_what_is_neither_name_nor_address_is_a_sentence(host: str) -> None:
    with pytest.raises(ConfigError, match="OBDTRACK_HOST"):
        listening_address(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "fe80::1"])
def test_an_address_of_another_machine_names_the_setting_to_change(host: str) -> None:
    """Addresses for examples (RFC 5737, RFC 3849), and one that means nothing without a network."""
    with pytest.raises(ConfigError, match="OBDTRACK_HOST"):
        require_free_port(host, free_port())


def test_a_port_that_is_taken_names_the_setting_to_change() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, pytest.raises(ConfigError, match="OBDTRACK_PORT"):
        require_free_port(*taken.getsockname())


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://0.0.0.0:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
    ],
)
def test_the_own_address_is_a_url(monkeypatch: pytest.MonkeyPatch, given: str, url: str) -> None:
    monkeypatch.setenv("OBDTRACK_HOST", given)
    monkeypatch.delenv("OBDTRACK_PORT", raising=False)
    assert load_settings().own_url == url
    assert replace(settings(), host=given.strip("[]") or "127.0.0.1").own_url == url


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Installation]:
    installed = Installation(tmp_path)
    installed.prepare()
    yield installed
    installed.stop()


@pytest.mark.parametrize(
    ("host", "reached"), [("localhost", "127.0.0.1"), ("::1", "[::1]"), ("[::1]", "[::1]")]
)
def test_the_server_listens_there(fresh: Installation, host: str, reached: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    fresh.environ["OBDTRACK_HOST"] = host
    url = f"http://{reached}:{fresh.port}"
    fresh.start("serve", ready=f"{url}/livez")
    assert requests.get(f"{url}/livez", timeout=10).status_code == 200
    assert f"obdtrack listens on {url}\n" in (fresh.folder / "said.txt").read_text()


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_insecure_asks_where_a_name_leads(fresh: Installation) -> None:
    """A name other than localhost is no promise, whatever it stands for today."""
    del fresh.environ["OBDTRACK_WEBHOOK_SECRETS"]
    fresh.environ["OBDTRACK_HOST"] = socket.gethostname()
    done = fresh.outcome("serve", "--insecure")
    assert done.returncode == 2
    assert "loopback" in done.stderr


def test_a_socket_that_is_meant_for_another_process_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    assert inherited_listener() is None
    assert "LISTEN_FDS" not in os.environ


def test_what_is_no_listening_socket_of_a_port_is_a_sentence(fresh: Installation) -> None:
    command = [sys.executable, "-c", AS_SYSTEMD, "0", *COMMAND, "serve"]
    done = subprocess.run(
        command, env=fresh.environ, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True
    )
    assert (done.returncode, b"ListenStream=" in done.stderr) == (2, True)
