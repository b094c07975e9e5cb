"""Secrets and numbers stand where they belong and nowhere else."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.end_to_end.conftest import Installation, responses, until

NUMBER = "918867137926"
OTP = "canary-otp-731946"
TOKEN = "canary-provider-token-5f1c"
SECRET = "canary-webhook-secret-88d2"
SECRET_KEY = "canary-secret-key-4e7a1b"
VALIDATION_KEY = "canary-validation-key-31c9"


class Traces:
    """Everything the main job left behind, by the place where it was found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[str, bytes] = {}

    def keep(self, place: str, content: bytes) -> None:
        self.said[place] = content

    def places_of(self, canary: str) -> set[str]:
        return {place for place, content in self.said.items() if canary.encode() in content}


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    folder = tmp_path_factory.mktemp("canaries")
    found = Traces(folder)
    installed = Installation(folder)
    installed.environ |= {
        "OBDTRACK_PROVIDER_TOKEN": TOKEN,
        "OBDTRACK_WEBHOOK_SECRETS": SECRET,
        "OBDTRACK_SECRET_KEY": SECRET_KEY,
        "OBDTRACK_WEBHOOK_TOKEN": VALIDATION_KEY,
        "OBDTRACK_LOG_LEVEL": "debug",
    }
    with (folder / "log").open("wb") as log:
        try:
            run_the_main_job(installed, found, log)
        finally:
            installed.stop()
    found.keep("log", (folder / "log").read_bytes())
    for path in folder.glob("obdtrack.db*"):
        found.keep(f"file {path.name.removeprefix('obdtrack.db')}", path.read_bytes())
    return found


def run_the_main_job(installed: Installation, found: Traces, log: Any) -> None:
    found.keep("migrate", installed.run("migrate").encode())
    key = installed.run("keys", "create", "reader", "--scope", "read,admin")
    installed.sign_in()
    for arguments in (
        ("simulator", "--port", str(installed.provider_port), "--token", TOKEN, "--callback",
         f"{installed.url}/webhooks/mobtexting", "--ring-seconds", "0.2"),
        ("serve",),
    ):  # fmt: skip
        installed.launch(*arguments, stdout=log, stderr=log)
    until(lambda: responses(f"{installed.url}/livez"))
    until(lambda: responses(f"{installed.provider_url}/simulator/calls"))
    call = installed.place(NUMBER, variables={"otp": OTP}, name="canaries")
    until(lambda: installed.call(call["id"])["status"] == "completed")
    for secret in ("not-the-secret-of-anybody", SECRET):
        requests.post(
            f"{installed.url}/webhooks/mobtexting?token={VALIDATION_KEY}",
            data=f'{{"challenge": "x", "validation_key": "{VALIDATION_KEY}"}}',
            headers={"Authorization": f"Bearer {secret}"},
            timeout=5,
        )
    time.sleep(0.5)  # until the refused one is stored
    visit(installed, key, call["id"], found)
    found.keep("keys list", installed.run("keys", "list").encode())
    found.keep("reader's key", key.encode())


def visit(installed: Installation, key: str, call_id: str, found: Traces) -> None:
    """Look at everything a reader may look at, and at some errors."""
    reader = requests.Session()
    door = reader.get(f"{installed.url}/sign-in", timeout=10).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', door)
    assert token is not None
    form = {"key": key, "csrf_token": token.group(1)}
    assert reader.post(f"{installed.url}/sign-in", data=form, timeout=10).ok
    for page in ("/", f"/calls/{call_id}", "/deliveries", "/campaigns", "/campaigns/canaries",
                 "/calls.csv", "/nothing", f"/?q={call_id}", "/audit", "/api/docs"):  # fmt: skip
        found.keep(f"page {page.replace(call_id, 'ID')}", reader.get(installed.url + page).content)
    reader.headers["Authorization"] = f"Bearer {key}"
    for path in ("/api/v1/calls", f"/api/v1/calls/{call_id}", f"/api/v1/calls/{call_id}/events",
                 "/api/v1/deliveries", "/metrics", "/readyz", "/api/v1/nothing"):  # fmt: skip
        found.keep(f"api {path}", reader.get(installed.url + path).content)


@pytest.mark.parametrize("secret", [OTP, TOKEN, SECRET, SECRET_KEY, VALIDATION_KEY])
def test_a_secret_is_nowhere(traces: Traces, secret: str) -> None:
    assert traces.places_of(secret) == set()


def test_the_number_is_in_the_database_alone(traces: Traces) -> None:
    places = traces.places_of(NUMBER)
    assert places
    assert {place.split()[0] for place in places} == {"file"}


def test_a_key_is_only_where_it_was_made(traces: Traces) -> None:
    key = traces.said["reader's key"].decode()
    assert traces.places_of(key) == {"reader's key"}


def test_the_places_looked_at_were_real(traces: Traces) -> None:
    assert b"canaries" in traces.said["page /"]
    assert b"completed" in traces.said["api /api/v1/calls"]
    assert b"request" in traces.said["log"]
    assert b"rejected" in traces.said["api /api/v1/deliveries"]
    assert b"Created a key" in traces.said["page /audit"]
