"""The page of a request for several numbers, and what a call says of those beside it."""

from __future__ import annotations

from typing import Any

from obdtrack.domain.submission import AcceptedNumber, Failure, SendResponse
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, ScriptedProvider, accepted_list
from tests.pages.conftest import Visitor

NUMBERS = ["+918867135001", "+918867135002", "+918867135003"]


def placed(caller: Caller) -> Any:
    return caller.post("/submissions", {"to": NUMBERS, "flow_id": "23"}).json


def test_it_shows_its_calls_and_each_call_leads_to_it(visitor: Visitor, caller: Caller) -> None:
    submission = placed(caller)
    told = visitor.read(f"/submissions/{submission['id']}")
    assert told.count("Queued") == 3
    assert "3 numbers in one request" in told
    call = visitor.open(f"/calls/{submission['calls'][0]['id']}").text
    assert f"/submissions/{submission['id']}" in call
    assert "2 other numbers in one request" in call


def test_a_call_of_its_own_leads_nowhere(visitor: Visitor, caller: Caller) -> None:
    assert "in one request" not in visitor.read(f"/calls/{caller.place().json['id']}")


def test_what_nobody_asked_for_is_shown(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    def with_stranger(requests: Any) -> SendResponse:
        found = accepted_list()(requests)
        stranger = AcceptedNumber(f"{MID}:9", "+918867135999", None, None)
        return found._replace(numbers=(*found.numbers, stranger))

    provider.on_send_list = with_stranger
    told = visitor.read(f"/submissions/{placed(caller)['id']}")
    assert f"+9188•••••999 ({MID}:9, not ours)" in told


def test_all_that_are_unknown_are_decided_at_once(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send_list = lambda _: SendResponse(Failure.TIMEOUT)
    path = f"/submissions/{placed(caller)['id']}"
    assert "3 of them are unknown" in visitor.read(path)
    visitor.send(f"{path}/resolve", on=path, action="nonsense")
    assert {call.status for call in models.Call.select()} == {"unknown"}
    done = visitor.send(f"{path}/resolve", on=path, action="not-placed")
    assert (done.status_code, done.location) == (303, path)
    assert {call.status for call in models.Call.select()} == {"rejected"}
    assert "What happened" not in visitor.read(path)


def test_who_does_not_see_numbers_sees_none_of_those_that_went_out_together(
    visitor: Visitor, guest: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    answer, body = accepted_list(), ",".join(NUMBERS).encode()
    provider.on_send_list = lambda requests: answer(requests)._replace(body=body)
    path = f"/calls/{placed(caller)['calls'][0]['id']}"
    page = guest.open(path).text
    assert not any(number[1:] in page for number in NUMBERS)
    assert all(number[1:] in visitor.open(path).text for number in NUMBERS)


def test_an_unknown_submission_is_a_page_that_says_so(visitor: Visitor) -> None:
    page = visitor.open(f"/submissions/{MID}")
    assert page.status_code == 404
    assert "There is no submission with this id." in page.text
