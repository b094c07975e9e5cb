"""`doctor`: a block for each finding, what to do, no secret, no traceback, no file made."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from obdtrack.calls.placing.recover import heartbeat
from obdtrack.calls.rebuild import rebuild
from obdtrack.jobs import KINDS, always, run_due
from obdtrack.operations import system_status
from obdtrack.operations.doctor import diagnosis, machine, provider, traffic
from obdtrack.operations.doctor.result import CheckedInstallation, CheckResult, Level
from obdtrack.services import Services
from obdtrack.store.sqlite import SqliteStore
from tests import factories
from tests.end_to_end.conftest import Installation
from tests.factories import NOON, with_settings
from tests.operations.conftest import Account
from tests.torture import forks


class Doctor:
    """Runs the command with an installation's settings, some of them changed (None: not set)."""

    def __init__(self, installed: Installation) -> None:
        self.installed = installed

    def run(self, *arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        named = {f"OBDTRACK_{name}": value for name, value in changes.items()}
        environ = {k: v for k, v in {**self.installed.environ, **named}.items() if v is not None}
        done = forks.run(["doctor", *arguments], environ)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def findings(self, **changes: str | None) -> dict[str, dict[str, str]]:
        told = json.loads(self.run("--json", **changes).stdout)
        return {finding["check"]: finding for finding in told["checks"]}


@pytest.fixture(scope="module")
def doctor(served: Installation) -> Doctor:
    return Doctor(served)


def test_a_healthy_installation_has_no_problem_and_a_line_for_each_check(doctor: Doctor):
    done = doctor.run()
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    for name in diagnosis.CHECKS:
        assert any(
            line.startswith((f"ok        {name}: ", f"warning   {name}", f"skipped   {name}"))
            for line in lines
        )
    assert lines[-1].startswith(f"{len(diagnosis.CHECKS)} checks: ")
    assert lines[-1].endswith("No problem was found.")


def test_all_that_is_wrong_with_the_settings_is_one_message(doctor: Doctor):
    found = doctor.findings(PORT="many", SECRET_KEY=None, WEBHOOK_SECRET="oops", PROXY_HOPS="-1")
    assert found["settings"]["level"] == "problem"
    for name in (
        "PORT:",
        "SECRET_KEY is not set: make one with",
        "WEBHOOK_SECRET is no",
        "PROXY_HOPS:",
    ):
        assert f"OBDTRACK_{name}" in found["settings"]["text"]
    assert found["database"]["level"] == found["provider"]["level"] == "ok"


def test_a_short_validation_key_is_a_warning_and_hides_no_word_of_the_rest(doctor: Doctor):
    found = doctor.findings(WEBHOOK_TOKEN="the")
    assert found["settings"]["level"] == "warning"
    assert "OBDTRACK_WEBHOOK_TOKEN has fewer than 16 characters" in found["settings"]["text"]
    assert "the" in found["provider"]["text"]


def test_a_refused_token_is_named_and_never_shown(doctor: Doctor):
    done = doctor.run(PROVIDER_TOKEN="a-wrong-token-of-mine")
    assert done.returncode == 1
    assert "set OBDTRACK_PROVIDER_TOKEN" in done.stdout
    assert "a-wrong-token-of-mine" not in done.stdout + done.stderr


def test_a_database_that_is_gone_stops_no_other_check(doctor: Doctor):
    url = "postgresql://me:hush-hush@127.0.0.1:1/calls"
    found = doctor.findings(DATABASE_URL=url)
    assert found["database"]["level"] == "problem"
    assert "not checked: the database cannot be used" in found["reports"]["text"]
    assert found["provider"]["level"] == found["webhook"]["level"] == "ok"
    assert "hush-hush" not in json.dumps(found)


def test_a_missing_database_is_told_and_not_made(doctor: Doctor, tmp_path: Path):
    found = doctor.findings(DATABASE_URL=f"sqlite:///{tmp_path}/none.db")
    assert found["database"]["remedy"] == "create it with: python -m obdtrack migrate"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_webhook_is_told_with_the_command_that_helps(doctor: Doctor):
    found = doctor.findings(WEBHOOK_ID="somebody-elses")["webhook"]
    assert found["level"] == "problem"
    assert "webhook register --url" in found["remedy"]


def test_without_a_webhook_id_a_subscribed_webhook_is_found(doctor: Doctor):
    assert doctor.findings(WEBHOOK_ID=None)["webhook"]["level"] == "ok"


def test_a_lost_report_that_polling_repaired_is_a_problem_with_its_remedy(served: Installation):
    call = served.place("+918867135023")
    time.sleep(1)  # the call has ended by then, and the provider would say so at once
    served.session.post(f"{served.url}/api/v1/calls/{call['id']}/refresh", timeout=10)
    found = Doctor(served).findings(POLL_SCHEDULE="1s,1h")["reports"]
    assert found["level"] == "problem"
    assert "any number but zero repaired by polling means webhooks are being lost" in found["text"]
    assert "webhook test" in found["remedy"]


def test_the_server_keeps_its_locks_while_it_is_looked_over(doctor: Doctor, served: Installation):
    doctor.run()
    served.place("+918867135001")
    assert served.session.get(f"{served.url}/readyz", timeout=10).json()["status"] == "ok"


# Checks one by one, on what the tests of the workflows are given.


@pytest.fixture
def subject(services: Services) -> CheckedInstallation:
    url = "postgresql://somewhere/calls"
    if isinstance(services.store, SqliteStore):
        url = f"sqlite:///{services.store.database}"
    return CheckedInstallation(replace(services.settings, database_url=url), services)


def test_a_database_open_to_others_is_a_warning(services: Services, sqlite_store: SqliteStore):
    os.chmod(sqlite_store.database, 0o644)
    settings = replace(services.settings, database_url=f"sqlite:///{sqlite_store.database}")
    found = machine.check_database(
        CheckedInstallation(settings, replace(services, store=sqlite_store))
    )
    assert (found.level, found.remedy.split()[:2]) == (Level.WARNING, ["chmod", "600"])


SPACE = {"full": (10**6, Level.PROBLEM), "tight": (500 * 2**20, Level.WARNING)}


@pytest.mark.parametrize(("free", "level"), SPACE.values(), ids=SPACE.keys())
def test_little_space_is_told_in_time(monkeypatch, free: int, level: Level, tmp_path: Path):
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    settings = factories.settings(database_url=f"sqlite:///{tmp_path}/x.db")
    assert machine.check_disk(CheckedInstallation(settings, None)).level is level


VERSIONS = {"3.6.23": "ok", "3.7.0": "warning", "3.51.2": "warning", "3.51.3": "ok", "3.52": "ok"}


@pytest.mark.parametrize(("version", "level"), VERSIONS.items())
def test_versions_of_sqlite_with_the_bug_are_told(monkeypatch, version: str, level: str):
    monkeypatch.setattr(machine.sqlite3, "sqlite_version", version)
    found = machine.check_sqlite(CheckedInstallation(factories.settings(), None))
    assert found.level == level
    assert level == "ok" or "obdtrack's own write lock" in found.text


CLOCKS = {0: Level.OK, 2: Level.OK, -30: Level.WARNING, 600: Level.PROBLEM}


@pytest.mark.parametrize(("seconds", "level"), CLOCKS.items())
def test_a_clock_that_is_off_is_told_by_how_much(seconds: int, level: Level):
    found = provider._compare(NOON, NOON + timedelta(seconds=seconds), "host")
    assert found.level is level
    assert level is Level.OK or f"{seconds:+} s" in found.text


def test_the_wrong_zone_is_a_problem_that_names_the_setting(
    account: Account, subject: CheckedInstallation
):
    account.reported_calls(5, off=timedelta(hours=5, minutes=30))
    found = traffic.check_zone(subject)
    assert found.level is Level.PROBLEM
    assert found.remedy.startswith("set OBDTRACK_PROVIDER_TIMEZONE=Asia/Kolkata, restart, and run")
    assert "obdtrack rebuild" in found.remedy


def test_a_corrected_zone_is_not_corrected_twice_and_wants_a_rebuild(
    account: Account, subject: CheckedInstallation, services: Services
):
    account.reported_calls(5, off=timedelta(hours=5, minutes=30))
    corrected = with_settings(services, provider_timezone=ZoneInfo("Asia/Kolkata"))
    subject = CheckedInstallation(
        replace(subject.settings, provider_timezone=corrected.provider.timezone), corrected
    )
    found = traffic.check_zone(subject)
    assert "5 of the last 5 reports were read in another zone" in found.text
    assert found.remedy == "python -m obdtrack rebuild"
    rebuild(corrected, check=False)
    assert traffic.check_zone(subject).level is Level.OK


def test_silence_of_all_calls_is_told(account: Account, subject: CheckedInstallation):
    account.place()
    account.clock.forward(minutes=16)
    found = traffic.check_reports(subject)
    assert found.level is Level.PROBLEM
    assert "no report has arrived since" in found.text


def test_silence_of_some_calls_is_told(account: Account, subject: CheckedInstallation):
    account.place()
    account.clock.forward(minutes=20)
    account.report(account.place())
    found = traffic.check_reports(subject)
    assert found.text.startswith("1 accepted calls received no report")


def test_calls_that_nobody_asks_about_are_told(account: Account, subject: CheckedInstallation):
    account.place()
    account.clock.forward(minutes=40)
    found = traffic.check_backlog(subject)
    assert (found.level, "OBDTRACK_JOBS=true" in found.remedy) == (Level.PROBLEM, True)


@pytest.mark.parametrize(
    ("living", "minutes", "level"),
    [(True, 17, Level.PROBLEM), (True, 10, Level.OK), (False, 17, Level.OK)],
)
def test_background_work_that_no_living_process_does_is_told(
    services: Services, account: Account, subject: CheckedInstallation,
    living: bool, minutes: int, level: Level,
):  # fmt: skip
    run_due("retention", services)
    account.clock.forward(minutes=minutes)
    if living:
        heartbeat(services)
    found = traffic.check_backlog(subject)
    assert found.level is level
    assert level is Level.OK or found.text.startswith("1 kinds of background work")


def test_every_sweep_that_is_due_whatever_there_is_to_do_is_watched():
    timed = [name for name, kind in KINDS.items() if kind.sweep and kind.worth_it is always]
    assert timed == list(system_status.SWEEPS)


def test_what_cannot_be_understood_is_a_warning(account: Account, subject: CheckedInstallation):
    account.caller.deliver(b"no report at all")
    found = traffic.check_backlog(subject)
    assert (found.level, found.text.split()[0]) == (Level.WARNING, "1")


def test_a_check_that_breaks_stops_no_other_and_tells_no_secret(
    subject: CheckedInstallation, monkeypatch
):
    def broken(subject: CheckedInstallation) -> CheckResult:
        raise RuntimeError(f"a driver\nsaid {subject.settings.secret_key}")

    monkeypatch.setattr(diagnosis, "CHECKS", {"broken": broken, "backlog": traffic.check_backlog})
    found = dict(diagnosis.diagnose(subject))
    assert found["backlog"].level is Level.OK
    assert "a driver said •••" in found["broken"].text
