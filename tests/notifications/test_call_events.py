"""What is told of a call: each change once, with where it stood then and what was otherwise."""

from __future__ import annotations

import json
from dataclasses import replace

import orjson
import pytest

from obdtrack.calls.placing.place import place_call
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain.events import Event
from obdtrack.domain.feed import Numbers
from obdtrack.domain.phone import masked
from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.notifications.envelope import body_of
from obdtrack.privacy.erasure import erase
from obdtrack.services import Services, new_id
from obdtrack.store import models
from tests.calls.test_journal import append
from tests.campaigns.running import RAVI
from tests.factories import (
    NUMBER,
    PROVIDER,
    ScriptedProvider,
    accepted,
    call_request,
    raw_delivery,
)
from tests.notifications.telling import telling, told, types


@pytest.fixture(autouse=True)
def services(services: Services, provider: ScriptedProvider) -> Services:
    provider.on_send = accepted()
    return telling(services)


def report(services: Services, *deliveries: RawDelivery) -> None:
    """Receive these reports in one transaction."""
    inbound = [InboundRequest(new_id(), services.now(), one, PROVIDER) for one in deliveries]
    receive_deliveries(inbound, services)


def test_a_call_is_told_from_its_beginning_to_its_end(services: Services) -> None:
    call_id = place_call(call_request(reference="order 7"), None, services)
    report(services, raw_delivery())
    placed, queued, completed = told()
    assert types() == ["call.placed", "call.queued", "call.completed"]
    assert {event["subject"] for event in told()} == {call_id}
    stood = [event["data"]["status"] for event in (placed, queued, completed)]
    assert stood == ["submitting", "queued", "completed"]
    assert (placed["changed"], queued["changed"]["status"]) == ({}, "submitting")
    assert completed["changed"]["status"] == "queued"
    assert completed["changed"]["answered"] is None
    assert completed["data"]["answered"] is True
    assert completed["data"]["reference"] == "order 7"
    assert len({event["id"] for event in told()}) == 3


def test_the_same_report_again_is_told_to_nobody(services: Services) -> None:
    place_call(call_request(), None, services)
    report(services, raw_delivery(), raw_delivery())
    report(services, raw_delivery())
    assert types() == ["call.placed", "call.queued", "call.completed"]


def test_of_two_reports_in_one_transaction_each_is_told(services: Services) -> None:
    place_call(call_request(), None, services)
    report(services, raw_delivery(), raw_delivery(dtmf="1"))
    assert types()[2:] == ["call.completed", "call.reported"]
    assert [event["data"]["dtmf"] for event in told()[2:]] == [None, "1"]
    assert told()[3]["changed"] == {"dtmf": None}


@pytest.mark.parametrize(
    ("before", "then", "expected"),
    [
        ("NOANSWER", "ANSWER", ["call.no_answer", "call.corrected", "call.conflict"]),
        ("ANSWER", "BUSY", ["call.completed", "call.reported", "call.conflict"]),
    ],
)
def test_who_had_ended_otherwise_is_corrected_and_in_conflict(
    services: Services, before: str, then: str, expected: list[str]
) -> None:
    place_call(call_request(), None, services)
    report(services, raw_delivery(status=before))
    report(services, raw_delivery(status=then))
    assert types()[2:] == expected
    report(services, raw_delivery(dtmf="1"))
    assert types()[2 + len(expected) :] == ["call.reported"], "the conflict is told once"


def test_a_call_that_was_not_taken_is_told_so(
    services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.INVALID_TOKEN)
    place_call(call_request(), None, services)
    assert types() == ["call.placed", "call.rejected"]


def test_what_is_undone_is_not_told(services: Services) -> None:
    call_id = place_call(call_request(), None, services)
    decided = Event(new_id(), Kind.RESOLUTION, Source.PERSON, services.now(), Status.REJECTED, "x")

    def fail(*_: object) -> None:
        raise KeyError

    failing = replace(services, listeners=(*services.listeners, fail))
    with pytest.raises(KeyError):
        append(failing, call_id, decided)
    assert types() == ["call.placed", "call.queued"]


def test_rebuilding_tells_only_what_it_changed(services: Services) -> None:
    place_call(call_request(), None, services)
    report(services, raw_delivery())
    ids = [event["id"] for event in told()]
    rebuild(services, check=False)
    assert [event["id"] for event in told()] == ids
    with services.store.write():  # as if it had been read otherwise
        models.Delivery.update(body=raw_delivery(status="BUSY").body).execute()
    rebuild(services, check=False)
    *before, corrected = told()
    assert [event["id"] for event in before] == ids
    assert corrected["type"] == "call.corrected"
    assert corrected["data"]["status"] == "busy"
    assert corrected["changed"]["status"] == "completed"


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [(Numbers.FULL, NUMBER), (Numbers.MASKED, masked(NUMBER)), (Numbers.NONE, None)],
)
def test_of_a_number_as_much_is_told_as_may_be(
    services: Services, numbers: Numbers, shown: str | None
) -> None:
    place_call(call_request(reference=f"call {NUMBER}"), None, services)
    (first, *_) = told(numbers)
    assert first["data"]["to"] == shown
    assert (NUMBER in str(first)) is (numbers is Numbers.FULL)
    assert (masked(NUMBER) in str(first)) is (numbers is Numbers.MASKED)


def test_an_erased_number_is_gone_from_what_was_told_before(
    services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted()
    place_call(call_request(metadata={"of": NUMBER}), None, services)
    report(services, raw_delivery())
    erase(NUMBER, RAVI, services)
    digits = NUMBER.removeprefix("+")
    for event in told():
        assert digits not in str(event)
        assert event["data"]["to"].startswith("erased")
    rows = models.FeedRow.select().tuples()
    assert all(digits not in str(row) for row in rows)


def test_of_a_deleted_call_the_events_stay_without_it(services: Services) -> None:
    call_id = place_call(call_request(), None, services)
    with services.store.write():
        models.EventRow.delete().execute()
        models.Call.delete().execute()
    assert [(event["subject"], event["data"]) for event in told()] == [(call_id, None)] * 2


def test_without_a_feed_nothing_is_kept(services: Services) -> None:
    quiet = telling(services, events_days=0)
    place_call(call_request(), None, quiet)
    assert told() == []


def test_a_notification_has_only_attributes_that_a_cloud_event_may_have(
    services: Services,
) -> None:
    place_call(call_request(), None, services)
    *_, queued = told()
    body = json.loads(body_of(queued))
    assert body["data"].pop("changed") == queued["changed"]
    assert {type(value) for name, value in body.items() if name != "data"} == {str}
    assert {**body, "changed": queued["changed"]} == json.loads(orjson.dumps(queued))
