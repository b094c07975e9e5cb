"""When something is wrong: said in words, without a trace of the inside, with a way on."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import patch

import peewee
import pytest

from obdtrack.application import Application
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.errors import Code, ObdtrackError
from obdtrack.limits import Bulkhead
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import NUMBER, ScriptedProvider
from tests.pages.conftest import Visitor, text_of
from tests.store.background import together

FORM = {"to": NUMBER, "flow_id": "23", "interval": "0", "once": "form-1"}
BUSY = peewee.OperationalError("database is locked")


def broken(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def fail(*_: Any) -> None:
        raise fault

    monkeypatch.setattr("obdtrack.calls.search.page_of", fail)


@pytest.mark.parametrize(
    ("fault", "status", "title"),
    [
        (ZeroDivisionError("secret detail"), 500, "Internal error"),
        (BUSY, 503, "Temporarily unavailable"),
    ],
)
def test_a_fault_is_told_in_words_with_a_way_on(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int, title: str
) -> None:
    broken(monkeypatch, fault)
    response = visitor.open("/?name=otp")
    assert response.status_code == status
    assert response.mimetype == "text/html"
    assert title in text_of(response.text)
    assert response.headers["X-Request-Id"] in text_of(response.text)
    assert 'href="/?name=otp">Try again</a>' in response.text


@pytest.mark.parametrize("fault", [ZeroDivisionError("secret detail"), BUSY])
def test_a_fault_shows_nothing_of_the_inside(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    broken(monkeypatch, fault)
    page = visitor.open("/").text
    for inside in ("Traceback", "DivisionError", "secret detail", "locked", "Operational", ".py"):
        assert inside not in page


def test_a_crowd_at_a_server_just_started_compiles_each_template_once(app: Application) -> None:
    app.jinja_env.bytecode_cache = None
    compiled: list[str] = []

    def slowly(source: str, name: str, *more: Any) -> Any:
        compiled.append(name)
        threading.Event().wait(0.01)  # so that the others come meanwhile
        return compiling(source, name, *more)

    def ask() -> int:
        return app.test_client().get("/sign-in").status_code

    compiling = app.jinja_env.compile
    with patch.object(app.jinja_env, "compile", slowly):
        assert together([ask] * 5) == [200] * 5
    assert sorted(compiled) == sorted(set(compiled)) != []


def test_a_busy_database_says_when_to_come_again(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, BUSY)
    response = visitor.open("/")
    assert response.headers["Retry-After"] == "5"
    assert "No report is lost" in text_of(response.text)


def test_a_database_that_cannot_tell_who_reads_is_told_of_too(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise BUSY

    monkeypatch.setattr("obdtrack.web.http.session.signed_in", fail)
    response = visitor.open("/")
    assert response.status_code == 503
    assert "Temporarily unavailable" in text_of(response.text)


def test_an_address_where_nothing_is_says_what_can_be_done(visitor: Visitor) -> None:
    response = visitor.open("/nothing/here", headers={"Accept": "text/html"})
    assert response.status_code == 404
    told = text_of(response.text)
    assert "misspelt, or the page no longer exists" in told
    assert "Search for the call, or look for it in the list." in told


def test_a_program_is_told_where_all_addresses_are(caller: Caller) -> None:
    response = caller.get("/nothing")
    assert response.status_code == 404
    assert response.json["detail"].endswith("GET /api/openapi.json lists every route.")


def test_a_page_asked_for_in_the_wrong_way_says_so(visitor: Visitor) -> None:
    response = visitor.open("/deliveries/replay", headers={"Accept": "text/html"})
    assert response.status_code == 405
    assert "use the button on the page" in text_of(response.text)


def test_a_form_that_is_too_old_says_so(visitor: Visitor) -> None:
    response = visitor.client.post("/deliveries/test", data={"csrf_token": "old"})
    assert response.status_code == 400
    assert "expired, or was sent from another site. Nothing was changed." in text_of(response.text)


def test_a_call_that_no_provider_took_is_shown_as_not_placed(
    visitor: Visitor, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.UNREACHABLE)
    told = visitor.read(visitor.send("/place", on="/place", **FORM).location)
    assert "No phone rang: the provider could not be reached" in told
    assert "Poll the provider now" not in told


def test_asking_a_provider_that_is_down_says_so(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_find = lambda **_: StatusResponse(Failure.TIMEOUT)
    call = f"/calls/{caller.place().json['id']}"
    visitor.send(f"{call}/refresh", on=call)
    assert (
        "No result from the provider: the provider's response did not come in time"
        in visitor.read(call)
    )


def test_asking_too_often_says_when_to_ask_again(visitor: Visitor, caller: Caller) -> None:
    call = f"/calls/{caller.place().json['id']}"
    visitor.send(f"{call}/refresh", on=call)
    visitor.send(f"{call}/refresh", on=call)
    assert "Try again in 10 seconds." in visitor.read(call)


def test_a_form_is_kept_while_there_is_no_room_to_place(
    visitor: Visitor,
    provider: ScriptedProvider,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Bulkhead(1, "{places} call is being placed. Nothing was sent.")
    monkeypatch.setattr(services.limits, "placing", room)
    with room.hold():
        response = visitor.send("/place", on="/place", **FORM)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert "Nothing was sent." in text_of(response.text)
    assert f'value="{NUMBER}"' in response.text
    assert 'name="once" value="form-1"' in response.text
    assert provider.sent == []


def test_a_form_outside_the_calling_hours_is_kept(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ObdtrackError(Code.CONFLICT, "Calls are placed from 9 to 21 only.")

    monkeypatch.setattr("obdtrack.web.pages.place.place_once", refuse)
    response = visitor.send("/place", on="/place", **FORM)
    assert response.status_code == 409
    assert "Calls are placed from 9 to 21 only." in text_of(response.text)


def test_a_number_of_minutes_beyond_reason_is_a_wrong_field(visitor: Visitor) -> None:
    response = visitor.send("/place", on="/place", **{**FORM, "interval": "9" * 5000})
    assert response.status_code == 422
