"""What happens while the provider is asked, or long after anybody asked."""

from __future__ import annotations

from typing import Any

import peewee
import pytest

from obdtrack.access.audit import operator
from obdtrack.access.keys import create_key
from obdtrack.calls import responses, search
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.search import CallFilter
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.privacy.erasure import erase
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, NUMBER, Clock, ScriptedProvider, call_log, log_row


@pytest.fixture
def admin(caller: Caller, services: Services) -> Caller:
    return Caller(caller.client, create_key("boss", ["read", "place", "admin"], services))


def stored_bodies(services: Services) -> list[bytes]:
    with services.store.connection_context():
        return [
            row.body
            for row in models.ResponseRow.select().where(models.ResponseRow.kind == "status")
        ]


@pytest.mark.parametrize(
    "fault", [peewee.DataError("odd"), peewee.IntegrityError("odd"), ValueError()]
)
def test_what_keeps_an_answer_from_being_stored_is_no_error_to_who_placed_the_call(
    admin: Caller, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def refuse(_: object) -> None:
        raise fault

    monkeypatch.setattr(responses, "add", refuse)
    placed = admin.place()
    assert (placed.status_code, placed.json["status"]) == (201, "submitting")


def test_a_call_found_after_its_last_check_is_asked_about_once_more(
    admin: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = admin.place().json
    clock.forward(days=9)
    body = {"action": "attach", "provider_id": f"{MID}:1"}
    assert admin.post(f"/calls/{call['id']}/resolve", body).json["status"] == "queued"
    provider.on_find = lambda **_: call_log(log_row(status="BUSY"))
    assert check_due(services, 10, lambda _: None) == 1
    assert admin.get(f"/calls/{call['id']}").json["status"] == "busy"


def test_an_answer_about_a_number_erased_meanwhile_is_not_kept(
    admin: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    admin.place()
    clock.forward(minutes=16)

    def erase_meanwhile(**_: Any) -> StatusResponse:
        erase(NUMBER, operator(), services)
        return call_log(log_row())

    provider.on_find = erase_meanwhile
    check_due(services, 10, lambda _: None)
    assert stored_bodies(services) == []
    (call,) = search.newest(CallFilter(), 2)
    assert call.status == "unresolved"


def test_of_an_answer_that_cannot_be_used_the_beginning_is_kept(
    admin: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    admin.place()
    clock.forward(minutes=16)
    page = b"<html>" + b"x" * 100_000
    provider.on_find = lambda **_: StatusResponse(failure=Failure.PROVIDER_ERROR, body=page)
    check_due(services, 10, lambda _: None)
    assert stored_bodies(services) == [page[:2000]]
