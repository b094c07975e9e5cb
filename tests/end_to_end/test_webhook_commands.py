"""The webhook set up, tried and explained by commands, against running servers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Installation, until

KEY = "a-validation-key"


def outcome(
    installed: Installation, *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a `webhook` command to its end."""
    return installed.outcome("webhook", *arguments, given=given)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server whose provider knows of no callback but those registered."""
    installed = Installation(tmp_path_factory.mktemp("webhooks"))
    installed.environ["OBDTRACK_WEBHOOK_TOKEN"] = KEY
    installed.prepare()
    installed.start_simulator("--ring-seconds", "0.2", "--callback", "http://127.0.0.1:1/")
    installed.start_server()
    yield installed
    installed.stop()


@pytest.fixture(scope="module")
def webhook_id(installed: Installation) -> str:
    return installed.run("webhook", "register", "--url", installed.url)


def test_register_prints_the_id_alone_and_the_advice_beside_it(installed, webhook_id):
    again = outcome(installed, "register", "--url", installed.url)
    assert again.stdout == f"{webhook_id}\n"
    assert "There is already a webhook" in again.stderr
    assert "Set OBDTRACK_WEBHOOK_ID" in again.stderr


def test_reports_of_calls_come_through_the_registered_webhook(installed, webhook_id):
    call = installed.place("+918867135011")
    until(lambda: installed.call(call["id"])["status"] == "busy")


def test_an_update_says_what_it_did(installed, webhook_id):
    done = outcome(installed, "register", "--url", installed.url, "--update")
    assert (done.returncode, done.stdout) == (0, f"{webhook_id}\n")
    assert "current secret" in done.stderr


def test_list_marks_the_configured_webhook_and_shows_no_secret(installed, webhook_id, monkeypatch):
    monkeypatch.setitem(installed.environ, "OBDTRACK_WEBHOOK_ID", webhook_id)
    heading, line = installed.run("webhook", "list").splitlines()
    assert heading.split() == ["id", "name", "url", "status", "configured"]
    url = f"{installed.url}/webhooks/mobtexting"
    assert line.split() == [webhook_id, "obdtrack", url, "active", "yes"]


def test_list_tells_that_the_configured_webhook_is_not_there(installed, webhook_id, monkeypatch):
    monkeypatch.setitem(installed.environ, "OBDTRACK_WEBHOOK_ID", "somebody-elses")
    assert "none of the provider's webhooks" in outcome(installed, "list").stderr


def test_a_sample_report_is_followed_to_its_timeline(installed, webhook_id, monkeypatch):
    monkeypatch.setitem(installed.environ, "OBDTRACK_WEBHOOK_ID", webhook_id)
    done = outcome(installed, "test")
    assert done.returncode == 0, done.stderr
    assert "webhook  report  queued -> completed  ANSWER" in done.stdout
    assert "It works" in done.stdout


def test_the_test_call_can_be_looked_up_and_rang_nobody(installed, webhook_id):
    installed.run("webhook", "test", "--url", installed.url)
    found = installed.session.get(f"{installed.url}/api/v1/calls?name=obdtrack-test", timeout=10)
    assert found.json()["data"][0]["status"] == "completed"
    listed = installed.session.get(f"{installed.provider_url}/simulator/calls", timeout=10).text
    assert "10000000000" not in listed


def test_a_trial_that_fails_names_the_step_and_exits_1(installed):
    done = outcome(installed, "test", "--url", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr


def test_a_trial_without_an_address_names_the_setting(installed):
    done = outcome(installed, "test")
    assert done.returncode == 2
    assert "OBDTRACK_WEBHOOK_ID" in done.stderr


WRONG = {
    "OBDTRACK_WEBHOOK_SECRETS": ("another-secret-altogether", "OBDTRACK_WEBHOOK_SECRETS"),
    "OBDTRACK_WEBHOOK_TOKEN": ("another-key-than-ours", "OBDTRACK_WEBHOOK_TOKEN"),
    "OBDTRACK_PROVIDER_TOKEN": ("another-token", "OBDTRACK_PROVIDER_TOKEN"),
}


@pytest.mark.parametrize(("name", "wrong"), WRONG.items(), ids=WRONG.keys())
def test_a_setting_that_differs_from_the_servers_is_named(installed, monkeypatch, name, wrong):
    value, words = wrong
    monkeypatch.setitem(installed.environ, name, value)
    done = outcome(installed, "register", "--url", installed.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert value not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_without_tls_is_refused(installed):
    done = outcome(installed, "register", "--url", "http://calls.example.com")
    assert done.returncode == 2
    assert "must be an https:// URL" in done.stderr


def test_fields_explains_a_sample_and_offers_templates(installed):
    sample = "?ref=70fa87e0-9df9-4327-bc80-a561c48703d8:1&result=BUSY"
    shown = outcome(installed, "fields", given=sample).stdout
    assert "OBDTRACK_WEBHOOK_FIELDS=provider_id=ref,status=result" in shown
    assert "a guess" in shown
    assert "?call_id={{id}}&mid={{mid}}" in shown


def test_fields_needs_no_settings_and_makes_no_database(tmp_path: Path):
    fresh = Installation(tmp_path)
    fresh.environ = {k: v for k, v in fresh.environ.items() if "OBDTRACK" not in k}
    fresh.environ["OBDTRACK_DATABASE_URL"] = f"sqlite:///{tmp_path}/none.db"
    assert "call_id" in outcome(fresh, "fields").stdout
    assert list(tmp_path.iterdir()) == []
