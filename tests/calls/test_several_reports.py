"""Two reports in one request are two reports: stored together, each with its own outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from obdtrack.access.audit import operator
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports import process
from obdtrack.calls.reports.replay import replay
from obdtrack.privacy.erasure import erase
from obdtrack.providers.mobtexting import bodies
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, NUMBER, ScriptedProvider, accepted, report_body

OTHER_NUMBER = "+918867135002"


def two_reports() -> list[dict[str, Any]]:
    other = report_body(mid=None, id=f"{MID}:2", to=OTHER_NUMBER[1:], status="BUSY", duration="0.5")
    return [report_body(mid=None, id=f"{MID}:1"), other]


def a_list(reports: list[Any]) -> str:
    return json.dumps(reports, indent=1)


def lines(reports: list[Any]) -> str:
    return "\r\n".join(map(json.dumps, reports)) + "\n\n"


def lines_with_commas(reports: list[Any]) -> str:
    return ",\n".join(map(json.dumps, reports))


def texts(reports: list[Any]) -> str:
    return json.dumps([json.dumps(report) for report in reports])


def a_text(reports: list[Any]) -> str:
    return json.dumps(json.dumps(reports))


def payload(reports: list[Any]) -> str:
    return json.dumps({"event": "voice:message:out", "payload": reports})


def envelopes(reports: list[Any]) -> str:
    return json.dumps([{"event": "voice:message:out", "payload": one} for one in reports])


FORMS = [a_list, lines, lines_with_commas, texts, a_text, payload, envelopes]


@pytest.fixture
def calls(caller: Caller, provider: ScriptedProvider) -> list[str]:
    """Two calls of one submission."""
    paths = []
    for number, to in ((1, NUMBER), (2, OTHER_NUMBER)):
        provider.on_send = accepted(provider_id=f"{MID}:{number}")
        paths.append(f"/calls/{caller.place(to=to).json['id']}")
    return paths


def statuses(caller: Caller, calls: list[str]) -> list[str]:
    return [caller.get(path).json["status"] for path in calls]


def outcomes(caller: Caller) -> list[tuple[str, str | None]]:
    found = caller.get("/deliveries").json["data"]
    return [(one["outcome"], one["reason"]) for one in reversed(found)]


@pytest.mark.parametrize("form", FORMS)
def test_each_finds_its_call_and_the_request_is_kept_as_it_came(
    caller: Caller, services: Services, calls: list[str], form: Callable[[list[Any]], str]
) -> None:
    body = form(two_reports())
    assert caller.deliver(body).status_code == 200
    assert statuses(caller, calls) == ["completed", "busy"]
    whole, *parts = outcomes(caller)
    assert whole == ("received", "it holds 2 reports; each is a delivery of its own")
    assert parts == [("matched", None), ("matched", None)]
    assert caller.get("/deliveries").json["data"][-1]["body"] == body
    assert rebuild(services, check=True).different == ()


def test_one_that_cannot_be_read_costs_the_others_nothing(caller: Caller, calls: list[str]) -> None:
    nobody, (one, two) = report_body(mid=None, id="somebody-else:1"), two_reports()
    caller.deliver(a_list([nobody, one, {"said": "nothing"}, one, [two, two]]))
    assert statuses(caller, calls) == ["completed", "queued"]
    parts = ["unmatched", "matched", "unreadable", "duplicate", "unreadable"]
    assert [outcome for outcome, _ in outcomes(caller)[1:]] == parts


def test_early_ones_wait_each_for_its_call(
    caller: Caller, provider: ScriptedProvider, services: Services
) -> None:
    caller.deliver(a_list(two_reports()))
    provider.on_send = accepted(provider_id=f"{MID}:2")
    assert caller.place(to=OTHER_NUMBER).json["status"] == "busy"
    assert [outcome for outcome, _ in outcomes(caller)] == ["received", "unmatched", "matched"]
    assert rebuild(services, check=True).different == ()


def test_more_than_a_hundred_are_kept_raw_and_the_reason_says_so(
    caller: Caller, calls: list[str]
) -> None:
    report, _ = two_reports()
    caller.deliver(a_list([report] * bodies.MAX_REPORTS))
    assert statuses(caller, calls) == ["completed", "queued"]
    caller.deliver(lines([report] * (bodies.MAX_REPORTS + 1)))
    newest = caller.get("/deliveries").json["data"][0]
    assert newest["outcome"] == "unreadable"
    assert newest["reason"] == "101 reports in one request, and 100 at most are read"


def test_none_is_stored_unless_all_are(
    caller: Caller, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(found: Any) -> None:
        list(found)
        raise OSError("no room")

    with monkeypatch.context() as broken:
        broken.setattr(process.deliveries, "add", fail)
        assert caller.deliver(a_list(two_reports())).status_code == 503
    assert (statuses(caller, calls), outcomes(caller)) == (["queued", "queued"], [])


def test_what_an_earlier_version_could_not_read_is_read_by_a_replay(
    caller: Caller, services: Services, calls: list[str]
) -> None:
    with patch.object(bodies, "entries", lambda *_: []):
        caller.deliver(a_list(two_reports()))
    assert [outcome for outcome, _ in outcomes(caller)] == ["unreadable"]
    assert replay(models.Delivery.get().id, services) == "received"
    assert statuses(caller, calls) == ["completed", "busy"]


def test_an_erased_number_is_in_no_part(
    caller: Caller, services: Services, calls: list[str]
) -> None:
    caller.deliver(a_list(two_reports()))
    erase(OTHER_NUMBER, operator(), services)
    assert OTHER_NUMBER[1:] not in "".join(bytes(row.body).decode() for row in models.Delivery)


def test_our_secrets_are_in_no_part(caller: Caller, services: Services) -> None:
    token = services.settings.webhook_token
    assert token
    caller.deliver(a_list([{**one, "note": token} for one in two_reports()]))
    assert token not in "".join(bytes(row.body).decode() for row in models.Delivery)


def test_taking_a_list_for_unreadable_would_be_noticed(caller: Caller, calls: list[str]) -> None:
    with patch.object(bodies, "entries", lambda *_: []):
        caller.deliver(a_list(two_reports()))
    assert statuses(caller, calls) == ["queued", "queued"]
    assert outcomes(caller) == [("unreadable", "a list of 2 entries where one report is expected")]
