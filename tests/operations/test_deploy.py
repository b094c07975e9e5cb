"""The examples of proxies in deploy/, nginx and Caddy, are really run in front of a real server."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from obdtrack.cli.ports import free_port
from tests.end_to_end.conftest import ROOT, Installation, until
from tests.factories import report_body

DEPLOY = ROOT / "deploy"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
CADDY = shutil.which("caddy")
NAME = "localhost"


class Proxy(NamedTuple):
    """A proxy in front of a server: its addresses, its certificate, its log."""

    url: str
    plain_url: str
    certificate: Path
    log: Path
    installed: Installation

    def post(self, body: bytes | dict, **headers: str) -> requests.Response:
        options = {"json": body} if isinstance(body, dict) else {"data": body}
        headers = {"Authorization": "Bearer a-secret-long-enough", **headers}
        url = f"{self.url}/webhooks/mobtexting"
        return requests.post(url, headers=headers, verify=self.certificate, timeout=10, **options)

    def get(self, path: str, **options) -> requests.Response:
        session = self.installed.session
        return session.get(f"{self.url}{path}", verify=self.certificate, timeout=10, **options)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a key and a certificate for NAME, signed by itself."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]),
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "fullchain.pem", folder / "privkey.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def adapted(folder: Path, ports: dict[str, int]) -> str:
    """Return the example with names, ports and paths of this test, ready for nginx."""
    make_certificate(folder)
    site = (DEPLOY / "nginx.conf").read_text()
    for theirs, ours in (
        ("/etc/letsencrypt/live/calls.example.com", str(folder)),
        ("calls.example.com", NAME),
        ("listen 80;", f"listen 127.0.0.1:{ports['plain']};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{ports['tls']} ssl http2;"),
        ("127.0.0.1:8000;", f"127.0.0.1:{ports['server']};"),
        ("/var/log/nginx", str(folder)),
    ):
        assert theirs in site, theirs
        site = site.replace(theirs, ours)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        # As root it would give its rights up and could not write below pytest's folder.
        f"user root; daemon off; worker_processes 1; pid {folder}/pid;\n"
        f"error_log {folder}/error.log info;\n"
        f"events {{}}\nhttp {{ access_log off; {places}\n{site}\n}}\n"
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server that knows of one proxy in front of it."""
    installed = Installation(tmp_path_factory.mktemp("installed"))
    installed.environ |= {"OBDTRACK_PROXY_HOPS": "1", "OBDTRACK_TRUSTED_HOSTS": f"{NAME},127.0.0.1"}
    installed.prepare()
    installed.start_simulator("--ring-seconds", "0.2", "--callback", "http://127.0.0.1:1/")
    installed.start_server()
    yield installed
    installed.stop()


@pytest.fixture(scope="module")
def nginx(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    if NGINX is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    ports = {"plain": free_port(), "tls": free_port(), "server": installed.port}
    config = folder / "nginx.conf"
    config.write_text(adapted(folder, ports))
    command = [NGINX, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = subprocess.Popen(command)
    try:
        made = Proxy(
            f"https://{NAME}:{ports['tls']}",
            f"http://{NAME}:{ports['plain']}",
            folder / "fullchain.pem",
            folder / "obdtrack.log",
            installed,
        )
        until(lambda: accepts(ports["tls"]))
        yield made
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def caddy(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    if CADDY is None:
        pytest.skip("Caddy is not installed: apt-get install caddy")
    folder, ports = tmp_path_factory.mktemp("caddy"), (free_port(), free_port())
    certificate, key = make_certificate(folder)
    site = (DEPLOY / "Caddyfile").read_text()
    for theirs, ours in (
        ("{\n\tservers {", f"{{\nadmin off\nhttp_port {ports[0]}\n\tservers {{"),
        ("{$SITE} {", f"{{$SITE}} {{\ntls {certificate} {key}"),
        ("obdtrack:8000", f"127.0.0.1:{installed.port}"),
    ):
        assert site.count(theirs) == 1, theirs
        site = site.replace(theirs, ours)
    (folder / "Caddyfile").write_text(site)
    url, log = f"https://{NAME}:{ports[1]}", folder / "log"
    environ = {"SITE": url, "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    command = [CADDY, "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    with log.open("wb") as said, subprocess.Popen(command, env=environ, stderr=said) as process:
        try:
            until(lambda: accepts(ports[1]))
            yield Proxy(url, f"http://{NAME}:{ports[0]}", certificate, log, installed)
        finally:
            process.terminate()


@pytest.fixture(params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest) -> Proxy:
    """Each of them."""
    found: Proxy = request.getfixturevalue(request.param)
    return found


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_report_through_it_is_stored_and_its_call_looked_up(proxy: Proxy):
    session = proxy.installed.session
    order = {"to": "+918867135029", "flow_id": "23"}
    call = session.post(
        f"{proxy.url}/api/v1/calls", json=order, verify=proxy.certificate, timeout=20
    ).json()
    mid = call["provider_id"].partition(":")[0]
    body = report_body(mid=mid, to=918867135029, status="BUSY")
    assert proxy.post(body).json() == {"status": "ok"}
    assert proxy.get(f"/api/v1/calls/{call['id']}").json()["status"] == "busy"


def test_a_wrong_secret_is_refused_by_the_server_itself(proxy: Proxy):
    response = proxy.post(report_body(), Authorization="Bearer wrong")
    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")


def test_a_base_url_with_a_slash_at_its_end_leads_to_the_callback(proxy: Proxy):
    url = f"{proxy.url}//webhooks/mobtexting"
    headers = {"Authorization": "Bearer a-secret-long-enough"}
    response = requests.post(
        url, json=report_body(), headers=headers, verify=proxy.certificate, timeout=10
    )
    assert response.json() == {"status": "ok"}


def test_the_largest_body_passes_and_a_byte_more_does_not(proxy: Proxy):
    assert proxy.post(b"x" * 65_536).status_code == 200
    assert proxy.post(b"x" * 65_537).status_code == 413


def test_a_list_of_numbers_may_be_as_large_as_the_server_takes_it(proxy: Proxy):
    session, plan = proxy.installed.session, {"name": f"by {proxy.url}", "flow_id": "23"}
    url = f"{proxy.url}/api/v1/campaigns"
    made = session.post(url, json=plan, verify=proxy.certificate, timeout=20).json()
    rows = b"Phone\n" + b"+918867135001\n" * 10_000
    taken = session.post(
        f"{url}/{made['id']}/recipients?to=Phone", rows, headers={"Content-Type": "text/csv"},
        verify=proxy.certificate, timeout=20,
    )  # fmt: skip
    assert taken.status_code == 201, taken.text


def test_figures_are_not_for_the_world(proxy: Proxy):
    assert proxy.get("/metrics").status_code == 404
    on_this_machine = proxy.installed.session.get(f"{proxy.installed.url}/metrics", timeout=10)
    assert "obdtrack_requests_total" in on_this_machine.text


def test_plain_http_leads_to_tls(proxy: Proxy):
    response = requests.get(f"{proxy.plain_url}/calls/x?y=1", allow_redirects=False, timeout=10)
    assert response.status_code == 308
    assert response.headers["Location"] in (
        f"https://{NAME}/calls/x?y=1",
        f"{proxy.url}/calls/x?y=1",
    )


def test_what_a_client_claims_about_itself_is_not_believed(proxy: Proxy):
    response = proxy.get("/readyz", headers={"X-Forwarded-Host": "evil.example"})
    assert response.status_code == 200
    assert "Strict-Transport-Security" in response.headers


def test_one_id_stands_in_the_answer_and_in_nginxs_log_and_no_query_does(nginx: Proxy):
    response = nginx.get("/api/v1/calls?to=918867135029")
    until(lambda: response.headers["X-Request-Id"] in nginx.log.read_text())
    assert "8867135029" not in nginx.log.read_text()


def test_caddys_log_has_no_query(caddy: Proxy):
    assert caddy.get("/api/v1/calls?to=918867135029").status_code == 200
    assert "8867135029" not in caddy.log.read_text()


def test_the_page_to_sign_in_comes_through(proxy: Proxy):
    assert "<form" in proxy.get("/sign-in").text
