"""TLS changes nothing: a certificate is verified, and every bound holds."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from obdtrack.domain.submission import Failure
from obdtrack.providers.http.exchange import open_session
from tests.providers.asking import LIMITS, SMALL, ask, failure_of, limits_for
from tests.providers.conftest import drips, http_response, resets, says, stays_silent


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> str:
    """A certificate for 127.0.0.1 that no machine trusts, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).add_extension(
        addresses, critical=False
    )
    signed = builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + private)
    return str(path)


@pytest.fixture
def tls(certificate) -> ssl.SSLContext:
    services = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    services.load_cert_chain(certificate)
    return services


def trusting(certificate: str):
    session = open_session()
    session.verify = certificate
    return session


@pytest.mark.parametrize("verify", [True, False, None])
def test_a_certificate_nobody_vouches_for_is_unreachable_whatever_is_set(loopback, tls, verify):
    server, session = loopback(says(SMALL), tls=tls), open_session()
    session.verify = verify
    failed = failure_of(server.url, session=session)
    assert (failed.failure, server.requests) == (Failure.UNREACHABLE, [])
    assert "certificate" in failed.message


def test_tls_connections_are_used_again(loopback, tls, certificate):
    server, session = loopback(says(SMALL), tls=tls), trusting(certificate)
    found = [ask(server.url, session=session).status for _ in range(3)]
    assert found == [200] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (drips(SMALL, after=0), Failure.TIMEOUT),
        (drips(http_response(b" " * 200), after=90), Failure.TIMEOUT),
        (stays_silent, Failure.TIMEOUT),
        (resets(), Failure.CONNECTION_LOST),
        (resets(after=SMALL[:-3]), Failure.CONNECTION_LOST),
    ],
)
def test_bounds_hold_over_tls(loopback, tls, certificate, behaviour, failure):
    server = loopback(behaviour, tls=tls)
    failed = failure_of(server.url, "POST", limits_for(failure), trusting(certificate))
    assert failed.failure is failure
    assert len(server.requests) == 1


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03"])
def test_a_handshake_that_fails_or_drags_on_is_unreachable(greeting):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with listener.accept()[0] as peer:
                peer.sendall(greeting)
                time.sleep(3)

        threading.Thread(target=greet, daemon=True).start()
        failed = failure_of(f"https://127.0.0.1:{listener.getsockname()[1]}/", limits=LIMITS)
    assert failed.failure is Failure.UNREACHABLE
