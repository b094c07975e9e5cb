"""The commands as an operator meets them."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from obdtrack.cli.ports import free_port
from obdtrack.cli.serve import STOP_SECONDS
from obdtrack.services import utc_now
from tests.end_to_end.conftest import Installation, until
from tests.factories import CALLBACK_PATH


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Installation]:
    installed = Installation(tmp_path)
    yield installed
    installed.stop()


def catches(number: signal.Signals, pid: int) -> bool:
    """Whether a process does something of its own when it is sent this."""
    (told,) = re.findall(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(told, 16) >> number - 1 & 1)


def outcome(installed: Installation, *arguments: str) -> tuple[int, str]:
    """Return a command's exit status and what it said on standard error."""
    done = installed.outcome(*arguments)
    return done.returncode, done.stderr


def test_all_wrong_settings_are_told_at_once_without_a_traceback(fresh: Installation) -> None:
    fresh.environ |= {"OBDTRACK_PORT": "many", "OBDTRACK_PROVIDER_URL": "http://example.com"}
    status, words = outcome(fresh, "serve")
    assert status == 2
    assert "OBDTRACK_PORT" in words
    assert "OBDTRACK_PROVIDER_URL" in words
    assert "Traceback" not in words


@pytest.mark.parametrize("name", ["WEBHOOK_SECRETS", "SECRET_KEY", "PROVIDER_TOKEN"])
def test_without_a_secret_there_is_no_start(fresh: Installation, name: str) -> None:
    del fresh.environ[f"OBDTRACK_{name}"]
    status, words = outcome(fresh, "serve")
    assert status == 2
    assert f"OBDTRACK_{name} is not set" in words


def test_insecure_is_for_loopback_only(fresh: Installation) -> None:
    del fresh.environ["OBDTRACK_WEBHOOK_SECRETS"]
    fresh.environ["OBDTRACK_HOST"] = "0.0.0.0"
    status, words = outcome(fresh, "serve", "--insecure")
    assert status == 2
    assert "loopback" in words


def test_a_database_without_tables_names_the_command(fresh: Installation) -> None:
    status, words = outcome(fresh, "serve")
    assert status == 2
    assert "python -m obdtrack migrate" in words


def test_a_taken_port_is_told_clearly(fresh: Installation) -> None:
    fresh.prepare()
    fresh.start_server()
    status, words = outcome(fresh, "serve")
    assert status == 2
    assert f"Port {fresh.port}" in words
    assert "OBDTRACK_PORT" in words


def test_keys_create_prints_the_key_alone(fresh: Installation) -> None:
    fresh.run("migrate")
    printed = fresh.run("keys", "create", "mine", "--scope", "read")
    assert printed.startswith("obd_")
    assert len(printed.split()) == 1
    assert printed not in fresh.run("keys", "list")


def test_a_revoked_key_opens_nothing(fresh: Installation) -> None:
    fresh.prepare()
    fresh.start_server()
    assert fresh.session.get(f"{fresh.url}/api/v1/calls").status_code == 200
    key_id = json.loads(fresh.run("keys", "list", "--json"))[0]["id"]
    fresh.run("keys", "revoke", key_id)
    assert fresh.session.get(f"{fresh.url}/api/v1/calls").status_code == 401


def test_sigterm_lets_a_call_being_placed_finish(fresh: Installation) -> None:
    fresh.prepare()
    fresh.start_simulator("--ring-seconds", "0.3", "--slow-seconds", "1")
    server = fresh.launch_server()
    with ThreadPoolExecutor() as pool:
        placing = pool.submit(fresh.place, "+918867135031")
        calls = f"{fresh.provider_url}/simulator/calls"
        until(lambda: requests.get(calls, timeout=5).json()["data"])
        server.send_signal(signal.SIGTERM)
        assert placing.result()["status"] == "queued"
    assert server.wait(timeout=40) == 0


def test_sigterm_while_it_starts_ends_it_without_waiting(fresh: Installation) -> None:
    fresh.prepare()
    server = fresh.launch("serve")
    until(lambda: catches(signal.SIGTERM, server.pid))
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=STOP_SECONDS / 2) == 0


def test_a_killed_server_leaves_the_port_to_the_next(fresh: Installation) -> None:
    fresh.prepare()
    fresh.launch_server().kill()
    until(lambda: _refuses(fresh))
    fresh.start_server()


def test_the_demo_shows_the_main_job_and_stops_cleanly(fresh: Installation) -> None:
    fresh.environ["OBDTRACK_PORT"] = str(free_port())
    demo = fresh.launch("demo", stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    (report,) = [line for line in lines if CALLBACK_PATH in line]
    _curl, _silent, url, _header, secret, _data, body = shlex.split(report)
    posted = requests.post(url, body, headers=dict([secret.split(": ")]), timeout=10)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=40) == 0
    shown = "".join(lines)
    assert shown.count("curl ") == 4
    assert posted.status_code == 200
    assert "+918867135001  completed" in shown
    assert "60 of 60, completed: 40 completed, 5 busy, 5 no-answer, 5 canceled, 5 failed" in shown


def test_a_demo_whose_calls_are_refused_says_why(fresh: Installation) -> None:
    hours = [(utc_now() + timedelta(hours=ahead)).strftime("%H:%M") for ahead in (2, 3)]
    window = {"OBDTRACK_CALLING_WINDOW": "-".join(hours), "OBDTRACK_PORT": str(free_port())}
    fresh.environ |= window | {"OBDTRACK_CALLING_WINDOW_TIMEZONE": "UTC"}
    status, words = outcome(fresh, "demo")
    assert status == 2
    assert "did not take a call" in words.splitlines()[-1]
    assert hours[0] in words.splitlines()[-1]


def _refuses(installed: Installation) -> bool:
    try:
        requests.get(f"{installed.url}/livez", timeout=1)
    except requests.ConnectionError:
        return True
    return False
