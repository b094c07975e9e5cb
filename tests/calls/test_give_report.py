"""A person gives a report to the call it is about; it folds as if it had named the call itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from obdtrack.access import audit
from obdtrack.access.keys import create_key
from obdtrack.calls import queries
from obdtrack.calls.give_report import possible_calls
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports import deliveries
from obdtrack.domain.reports import Report
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import MID, NUMBER, Clock, ScriptedProvider, accepted

STRANGE = "1234-1333-NOBODY"


@pytest.fixture
def admin(caller: Caller, services: Services) -> Caller:
    return Caller(caller.client, create_key("Asha", ["read", "place", "admin"], services))


@pytest.fixture
def call(caller: Caller, provider: ScriptedProvider) -> dict[str, Any]:
    """A queued call, and beside it a report of its number that names no call of ours."""
    provider.on_send = accepted(mid=None)
    placed: dict[str, Any] = caller.place().json
    caller.report(mid=STRANGE)
    return placed


def give(admin: Caller, call: dict[str, Any], delivery: Any, **body: str) -> Any:
    return admin.post(f"/deliveries/{delivery['id']}/attach", {"call_id": call["id"], **body})


def unmatched(caller: Caller) -> Any:
    return caller.get("/deliveries", outcome="unmatched").json["data"][0]


def shown(caller: Caller, call: Any) -> Any:
    return caller.get(f"/calls/{call['id']}").json


def test_a_given_report_is_on_the_timeline_with_who_gave_it(
    caller: Caller, admin: Caller, services: Services, call: Any
) -> None:
    given = give(admin, call, unmatched(caller), note="the only call to her").json
    assert (given["outcome"], given["call_id"]) == ("matched", call["id"])
    assert shown(caller, call)["status"] == "completed"
    events = caller.get(f"/calls/{call['id']}/events").json["data"]
    decided = next(event for event in events if event["source"] == "person")
    assert decided["reason"] == "report-given"
    assert decided["detail"]["by"] == "Asha"
    assert decided["detail"]["note"] == "the only call to her"
    with services.store.connection_context():
        assert rebuild(services, check=True).different == ()
        (entry,) = audit.newest(5, subject=call["id"])
    assert (entry.actor, entry.detail["delivery"]) == ("Asha", given["id"])


def test_a_report_that_was_given_is_given_to_no_other_call(
    caller: Caller, admin: Caller, call: Any
) -> None:
    delivery, other = unmatched(caller), caller.place(reference="another").json
    give(admin, call, delivery)
    late = give(admin, other, delivery)
    assert late.status_code == 409
    assert late.json["detail"].startswith("Asha gave it to its call at 2")
    assert late.json["detail"].endswith("nothing was changed.")
    assert shown(caller, other)["status"] == "queued"


def test_a_report_of_another_number_is_given_to_nobody(
    caller: Caller, admin: Caller, call: Any
) -> None:
    other = caller.place(to="+918867135002").json
    refused = give(admin, other, unmatched(caller))
    assert (refused.status_code, shown(caller, other)["status"]) == (409, "queued")
    assert "another number" in refused.json["detail"]
    assert unmatched(caller)["outcome"] == "unmatched"


def test_what_is_no_report_is_given_to_nobody(caller: Caller, admin: Caller, call: Any) -> None:
    caller.deliver("who are you?")
    delivery = caller.get("/deliveries").json["data"][0]
    assert give(admin, call, delivery).status_code == 409
    assert give(admin, {"id": "nobody's"}, delivery).status_code == 404


def test_a_report_with_the_id_of_a_call_in_doubt_tells_that_calls_id(
    caller: Caller, admin: Caller, services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown = caller.place().json
    caller.report(mid=None, id=f"{MID}:1")
    assert give(admin, unknown, unmatched(caller)).json["outcome"] == "matched"
    told = shown(caller, unknown)
    assert (told["provider_id"], told["status"]) == (f"{MID}:1", "completed")
    with services.store.connection_context():
        assert rebuild(services, check=True).different == ()


def test_a_second_report_of_the_same_end_is_a_duplicate_and_another_end_a_conflict(
    caller: Caller, admin: Caller, call: Any
) -> None:
    give(admin, call, unmatched(caller))
    caller.report(mid=STRANGE)
    assert give(admin, call, unmatched(caller)).json["outcome"] == "duplicate"
    caller.report(mid=STRANGE, status="BUSY")
    give(admin, call, unmatched(caller))
    assert shown(caller, call)["needs_attention"] is True


def test_calls_to_the_number_are_offered_those_placed_nearest_first(
    caller: Caller, services: Services, clock: Clock, call: Any
) -> None:
    clock.forward(minutes=30)
    later = caller.place(reference="later").json
    caller.place(to="+918867135002")
    with services.store.connection_context():
        (row,) = deliveries.newest(1)
        assert queries.find(call["id"]) is not None
        row.received_at = clock.now
        for number in (NUMBER, NUMBER[-10:]):
            for shift, ids in ((0, [later["id"], call["id"]]), (25, [call["id"], later["id"]])):
                told = Report(to=number, started_at=clock.now - timedelta(minutes=shift))
                assert [str(one.id) for one in possible_calls(told, row, 5)] == ids
        assert possible_calls(Report(numbers=["91886xxxx001"]), row, 5) == []
