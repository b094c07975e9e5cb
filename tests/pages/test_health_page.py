"""Health and settings: findings with where to look, settings without secrets, the band."""

from __future__ import annotations

import re

import pytest

from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.notifications.alarms import Trouble, follow
from obdtrack.operations import health
from obdtrack.operations.backup import note_backup
from obdtrack.operations.doctor.diagnosis import CHECKS
from obdtrack.operations.doctor.result import CheckedInstallation, CheckResult, ok, problem
from obdtrack.operations.system_status import task_queues
from obdtrack.services import Services
from obdtrack.settings import SETTINGS
from obdtrack.web.pages.health import CHECKED, WORK
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider
from tests.pages.conftest import Visitor

TROUBLE = Trouble("Reports are being lost", "Some never came.", "see `webhook test`.")


def test_each_check_and_each_kind_of_work_has_a_name(services: Services, clock: Clock) -> None:
    assert list(CHECKED) == list(CHECKS)
    assert list(WORK) == list(task_queues(clock.now))


def test_findings_lead_to_the_calls_meant(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.PROVIDER_ERROR)
    caller.place()
    page = visitor.open("/health").text
    assert "1 calls may ring or not" in page
    assert 'href="/?status=unknown&amp;period=any"' in page
    assert "No calls" not in visitor.read("/?status=unknown&period=any")


def test_the_figures_are_there(visitor: Visitor, services: Services, clock: Clock) -> None:
    note_backup(services.store, clock.now)
    clock.forward(hours=5)
    said = visitor.read("/health")
    assert re.search(r"Last backup .{15,20} 5 hours ago", said)
    assert re.search(r"Database \d+\.\d \w+ Version \d", said)
    assert "Last report none yet" in said
    assert "Not checked yet: Provider, Webhook, Clock." in said


def test_settings_are_shown_without_secrets_to_admins(
    visitor: Visitor, guest: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBDTRACK_BRIDGE", "+918068280000")
    monkeypatch.setenv("OBDTRACK_SECRET_KEY_FILE", "/run/secrets/key")
    page, said = visitor.open("/health").text, visitor.read("/health")
    for name in SETTINGS:
        assert f"<code>OBDTRACK_{name.upper()}</code>" in page
    assert "OBDTRACK_SECRET_KEY set /run/secrets/key" in said
    assert "OBDTRACK_BRIDGE +918068280000 the environment" in said
    assert "OBDTRACK_POLL_SCHEDULE 15m, 1h, 1d the default" in said
    for secret in (services.settings.secret_key, *services.settings.webhook_secrets):
        assert secret not in page
    assert "OBDTRACK_" not in guest.read("/health")
    assert "Check now" not in guest.read("/health")


def test_a_check_asks_the_provider_and_what_it_finds_stays(
    visitor: Visitor, guest: Visitor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: CheckedInstallation) -> CheckResult:
        return problem("no webhook sends us the reports", "run: `webhook register`")

    asked = {"provider": lambda _: ok("it responds"), "webhook": lost, "clock": lambda _: ok("0 s")}
    for name, check in asked.items():
        monkeypatch.setitem(CHECKS, name, check)
    said = visitor.send("/health/check", on="/health")
    assert (said.status_code, said.location) == (303, "/health")
    clock.forward(hours=1)
    told = guest.read("/health")
    assert "Problem Webhook no webhook sends us the reports without reports" in told
    assert "To do: run: webhook register" in told
    assert "were last checked by Asha: 23 Nov" in told
    assert "Checked the installation" in visitor.read("/audit")
    assert guest.send("/health/check", on="/").status_code == 403


def test_what_is_wrong_is_said_on_every_page_while_it_is(
    visitor: Visitor, services: Services
) -> None:
    follow({("polled", ""): TROUBLE}, (), services)
    said = "1 alarm is open: Reports are being lost."
    pages = ("/", "/campaigns", "/deliveries", "/place", "/health", "/calls/nothing")
    for path in pages:
        page = visitor.open(path, headers={"Accept": "text/html"}).text
        assert said in page.partition("<main")[0], path
    follow({}, (), services)
    assert said not in visitor.open("/").text


def test_a_page_says_so_if_whoever_asked_last_found_that_reports_cannot_be_stored(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Reports cannot be stored" not in visitor.open("/").text
    monkeypatch.setattr("obdtrack.web.http.probes.Remembered.known", lambda _: {"database": "full"})
    assert "Reports cannot be stored now." in visitor.open("/").text


def test_what_the_last_check_found_is_none_before_the_first(services: Services) -> None:
    assert health.last_checked() is None


def ticked(visitor: Visitor, path: str) -> list[str]:
    steps = visitor.open(path).text.partition('class="steps"')[2].partition("</ol>")[0]
    return re.findall(r"<strong>([^<]*)</strong>\s*<span", steps)


def test_the_first_steps_tick_themselves_and_go_once_all_are_done(
    visitor: Visitor, caller: Caller, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    assert ticked(visitor, "/") == []
    assert 'class="strip"' not in visitor.open("/").text
    for name in health.ASKING:
        monkeypatch.setitem(CHECKS, name, lambda _: ok("fine"))
    visitor.send("/health/check", on="/health")
    done = ["The provider answers", "A webhook is registered"]
    assert ticked(visitor, "/") == done
    clock.forward(minutes=2)
    call = caller.place().json
    done += ["The first call was placed", "The first program used the API"]
    assert ticked(visitor, "/health") == done
    assert "First steps" not in visitor.read("/")
    assert 'class="strip"' in visitor.open("/").text
    caller.report(mid=call["provider_id"].partition(":")[0])
    assert "First steps" not in visitor.read("/health")


def test_who_signs_in_is_no_program(visitor: Visitor) -> None:
    assert "The first program used the API" not in ticked(visitor, "/health")
