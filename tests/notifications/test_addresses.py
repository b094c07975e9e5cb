"""Nothing inside our own network is reached on somebody's behalf, however it is spelled."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from obdtrack.notifications import sender
from obdtrack.notifications.addresses import is_public, objection
from obdtrack.providers.http.exchange import open_session
from obdtrack.services import Services
from obdtrack.store.database import Store
from tests.factories import with_settings
from tests.notifications.receiver import receiver

EVENT = {"id": "01a2231f-4c35-77be-9924-6b2aa77e87a4", "type": "call.busy"}
HOSTILE = [
    "https://127.0.0.1/",
    "https://2130706433/",  # the same in decimals,
    "https://0x7f.0.0.1/",  # in hexadecimal,
    "https://0177.1/",  # in octal, and short
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://localhost./",
    "https://metadata.google.internal/",
    "https://10.0.0.8:8443/",
    "https://100.64.0.1/",
    "https://168.63.129.16/",
    "https://0/",
    "https://user:secret@shop.example/",
    "https://shop.example\\@127.0.0.1/",
    "https://shop.example/\r\nHost: inside",
    "https://shop.example:0/",
    "https://[::1",
    "http://shop.example/",
    "file:///etc/passwd",
    "shop.example",
]
NOT_PUBLIC = [
    "0.0.0.0", "10.1.2.3", "100.100.100.200", "127.9.9.9", "169.254.169.254", "172.16.0.1",
    "192.168.1.1", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
    "64:ff9b:1::808:808", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "fc00::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "2001:db8::1", "nonsense",
]  # fmt: skip


@pytest.fixture
def each_store(sqlite_store: Store) -> Store:
    return sqlite_store


@pytest.mark.parametrize("url", HOSTILE)
def test_a_url_that_leads_inside_is_refused_as_it_stands(url: str, services: Services) -> None:
    assert objection(url, services)


@pytest.mark.parametrize(
    "url",
    ["https://shop.example/obdtrack?a=b#c", "https://8.8.8.8:8443/", "https://ドメイン.example"],
)
def test_any_other_url_is_taken(url: str, services: Services) -> None:
    assert objection(url, services) is None


def test_who_asks_for_it_may_send_inside_and_without_tls_but_no_password(
    services: Services,
) -> None:
    inside = with_settings(services, destinations_private=True)
    assert objection("http://10.0.0.8/", inside) is None
    assert objection("http://user@10.0.0.8/", inside)
    assert objection("ftp://10.0.0.8/", inside)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_name_that_stands_for_what_is_inside_is_not_connected_to(
    found: list[str], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = resolving(monkeypatch, found)
    tried = sender.post(open_session(), "https://shop.example/", [], EVENT, services)
    assert "an address that is not public" in (tried.failure or "")
    assert connected == []


def test_what_is_connected_to_is_what_was_looked_at(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that stands for something else when it is asked for again is not asked for again."""
    connected = resolving(monkeypatch, ["8.8.8.8"], ["127.0.0.1"], ["127.0.0.1"])
    sender.post(open_session(), "https://shop.example/", [], EVENT, services)
    assert connected == ["8.8.8.8"]


def test_no_proxy_and_no_password_file_of_the_machine_is_used(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    inside = with_settings(services, destinations_private=True)
    with receiver() as server:
        assert sender.post(open_session(), server.url, [], EVENT, inside).failure is None


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have a name stand for these addresses, asked again for the next ones; returns a list of who
    is connected to, none of whom answers."""
    left, connected = list(answers), []

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    def connect(address: tuple[str, int], *_: Any) -> socket.socket:
        connected.append(address[0])
        raise TimeoutError("nobody answers")

    monkeypatch.setattr("obdtrack.providers.http.connections.socket.getaddrinfo", look_up)
    monkeypatch.setattr("obdtrack.providers.http.connections.create_connection", connect)
    monkeypatch.setattr("obdtrack.providers.http.exchange._PAUSE_SECONDS", 60.0)  # no second try
    return connected
