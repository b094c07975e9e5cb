"""An erased number that is reported again does not come back into the database."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from obdtrack.access.audit import operator
from obdtrack.calls.reports.quarantine import Quarantine
from obdtrack.privacy.erasure import erase
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import MID, NUMBER, ScriptedProvider, accepted
from tests.privacy.told import DIGITS, NATIONAL, everything, opt_out

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
