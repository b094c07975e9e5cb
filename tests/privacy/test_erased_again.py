"""An erased number that is reported again does not come back into the database."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from obdtrack.access.audit import operator
from obdtrack.calls.reports.quarantine import Quarantine
from obdtrack.privacy.erasure import erase
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import MID, NUMBER, SECRET, ScriptedProvider, accepted, report_body
from tests.privacy.told import DIGITS, NATIONAL, OTHER, WRITTEN, everything, opt_out

MASKED = {"mid": None, "id": f"{MID}:1", "to": f"{NATIONAL[:6]}••••"}

UNREAD: list[dict[str, Any]] = [
    {"data": f'{{"to": "{NATIONAL[:5]}-{NATIONAL[5:]}"'.encode() + b"\xff\xfe"},
    {"data": DIGITS.encode("utf-16-le")},
    {"data": "{}", "headers": {"User-Agent": DIGITS}},
    {"data": "", "query_string": {"what": f"+91 {NATIONAL}"}},
    {"data": f"what=%2B{DIGITS}"},
    {"data": f"{NATIONAL} 12 times"},
]
"""Requests that hold the number where nothing reads it."""

STRANGER = {"Authorization": "Bearer wrong"}

AGAIN: list[dict[str, Any]] = [
    {"mid": None, "id": f"{MID}:1"},
    {"mid": MID},
    {"mid": MID, "to": NATIONAL, "note": f"tel:+91 {NATIONAL[:5]} {NATIONAL[5:]}"},
    {"mid": "of-nobody", "to": f"0{NATIONAL}"},
]


def told_again(app: Flask, caller: Caller, services: Services, wrong: bool) -> bool:
    """Erase a number and report it in every way; returns whether it is in the database again."""
    caller.place()
    erase(NUMBER, operator(), services)
    for changes in AGAIN:
        if wrong:
            with patch.object(caller, "deliver", lambda body: _as_a_stranger(caller, body)):
                caller.report(**changes)
        else:
            assert caller.report(**changes).status_code == 200
    if wrong:
        quarantine: Quarantine = app.quarantine  # type: ignore[attr-defined]
        quarantine.close()
    else:
        opt_out(caller)
    assert len(caller.get("/deliveries").json["data"]) >= len(AGAIN)
    return NATIONAL.encode() in everything(services.store)


def _as_a_stranger(caller: Caller, body: str) -> Any:
    return Caller.deliver(caller, body, headers=STRANGER)


@pytest.mark.parametrize("wrong", [False, True], ids=["ours", "a wrong secret"])
def test_the_number_does_not_come_back(
    app: Flask, caller: Caller, services: Services, wrong: bool
) -> None:
    assert not told_again(app, caller, services, wrong)


@pytest.mark.parametrize("wrong", [False, True], ids=["ours", "a wrong secret"])
def test_keeping_it_would_be_noticed(
    app: Flask, caller: Caller, services: Services, wrong: bool
) -> None:
    with patch("obdtrack.access.audit.is_any_erased", lambda: False):
        assert told_again(app, caller, services, wrong)


def test_what_is_reported_stands_on_the_timeline(caller: Caller, services: Services) -> None:
    call = caller.place().json
    name = erase(NUMBER, operator(), services).name
    caller.report()
    (delivery,) = caller.get("/deliveries").json["data"]
    assert (delivery["outcome"], delivery["call_id"]) == ("matched", call["id"])
    assert name in delivery["body"]
    assert caller.get(f"/calls/{call['id']}").json["status"] == "completed"


def test_who_is_called_again_is_known_again(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted(mid=None)
    caller.place()
    erase(NUMBER, operator(), services)
    again = caller.place().json
    caller.report(mid=again["provider_id"].partition(":")[0])
    assert caller.get(f"/calls/{again['id']}").json["status"] == "completed"
    assert DIGITS in caller.only_delivery()["body"]


def held_again(app: Flask, caller: Caller, services: Services, wrong: bool) -> bool:
    """Erase a number and send it where no report tells it; returns whether it is stored again."""
    caller.place()
    erase(NUMBER, operator(), services)
    ours = {"Authorization": f"Bearer {SECRET}"}
    for request in UNREAD:
        headers = {**request.get("headers", {}), **(STRANGER if wrong else ours)}
        options = {name: value for name, value in request.items() if name != "data"}
        caller.deliver(request["data"], **{**options, "headers": headers})
    if wrong:
        quarantine: Quarantine = app.quarantine  # type: ignore[attr-defined]
        quarantine.close()
    else:
        caller.report(**MASKED, note=f"tel:+91 {NATIONAL}")
        several = [report_body(mid="of-nobody", to=to) for to in (NATIONAL, OTHER)]
        caller.deliver(json.dumps(several))
    assert len(caller.get("/deliveries").json["data"]) >= len(UNREAD)
    stored = everything(services.store)
    return any(text in stored for text in WRITTEN)


@pytest.mark.parametrize("wrong", [False, True], ids=["ours", "a wrong secret"])
def test_nor_where_no_report_tells_it(
    app: Flask, caller: Caller, services: Services, wrong: bool
) -> None:
    assert not held_again(app, caller, services, wrong)


@pytest.mark.parametrize("wrong", [False, True], ids=["ours", "a wrong secret"])
def test_looking_only_at_what_is_told_would_be_noticed(
    app: Flask, caller: Caller, services: Services, wrong: bool
) -> None:
    with patch("obdtrack.calls.reports.erased.numbers_like", return_value=set()):
        assert held_again(app, caller, services, wrong)


def kept_when_its_meaning_fails(caller: Caller, services: Services) -> bool:
    """Erase a number and report it where the report cannot be worked on; whether it is stored."""
    caller.place()
    erase(NUMBER, operator(), services)
    with patch("obdtrack.calls.reports.receive.process", side_effect=RuntimeError):
        caller.report()
    assert caller.only_delivery()["outcome"] == "failed"
    return NATIONAL.encode() in everything(services.store)


def test_nor_where_storing_its_meaning_fails(caller: Caller, services: Services) -> None:
    assert not kept_when_its_meaning_fails(caller, services)


def test_storing_it_as_it_came_would_be_noticed(caller: Caller, services: Services) -> None:
    with patch("obdtrack.calls.reports.receive.without_erased", lambda batch, *_: list(batch)):
        assert kept_when_its_meaning_fails(caller, services)
