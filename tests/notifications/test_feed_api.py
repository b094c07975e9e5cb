"""The feed over the API: from any cursor on all that happened, once, in order, or as it happens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from obdtrack.access.keys import create_key
from obdtrack.application import Application
from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.domain.phone import masked
from obdtrack.notifications.reading import WantedEvents
from obdtrack.privacy import retention
from obdtrack.services import Services, new_id
from obdtrack.store import feed, models
from tests.applications import make_app
from tests.conftest import Caller
from tests.factories import NUMBER, Clock, time_passes
from tests.notifications.telling import telling


@pytest.fixture
def services(services: Services) -> Services:
    return telling(services)


def happened(services: Services, count: int = 1, **event: Any) -> list[str]:
    """Have things happen, each in a transaction of its own; returns the ids of the events."""
    made = []
    for _ in range(count):
        values = {"type": EventType.OPT_OUT_ADDED, "subject": None, "data": {"number": NUMBER}}
        one = FeedEvent(id=new_id(), recorded_at=services.now(), **{**values, **event})
        with services.store.write():
            feed.append([one])
        made.append(str(one.id))
    return made


def ids(response: TestResponse) -> list[str]:
    return [event["id"] for event in response.json["data"]]


def read_all(caller: Caller, **query: Any) -> Iterator[list[str]]:
    """Read pages until one is empty."""
    while found := (response := caller.get("/events", **query)).json["data"]:
        yield [event["id"] for event in found]
        query["after"] = response.json["next_cursor"]


def test_whoever_goes_on_from_each_cursor_reads_everything_once(
    caller: Caller, services: Services
) -> None:
    made = happened(services, 7)
    pages = list(read_all(caller, limit=3))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [event for page in pages for event in page] == made


def test_an_event_is_a_cloud_event_about_the_call_as_it_stood(caller: Caller) -> None:
    call = caller.place().json
    caller.report()
    first, *_, last = caller.get("/events").json["data"]
    assert (first["specversion"], first["source"]) == ("1.0", "/obdtrack")
    assert (first["type"], first["subject"]) == ("call.placed", call["id"])
    shown = caller.get(f"/calls/{call['id']}").json
    assert last["data"] == {name: shown[name] for name in last["data"]}
    assert shown.keys() - last["data"].keys() <= {"waiting_reports", "links"}
    assert last["changed"]["status"] == "queued"


def test_numbers_are_masked_for_a_key_that_does_not_see_them(
    caller: Caller, reader: Caller
) -> None:
    caller.place()
    (first, *_) = caller.get("/events").json["data"]
    (hidden, *_) = reader.get("/events").json["data"]
    assert (first["data"]["to"], hidden["data"]["to"]) == (NUMBER, masked(NUMBER))
    assert first["id"] == hidden["id"]


def test_only_what_is_wanted_is_read(caller: Caller, services: Services) -> None:
    happened(services)
    call = caller.place().json
    caller.report()
    campaign_id = new_id()
    (started,) = happened(
        services, type=EventType.CAMPAIGN_STARTED, campaign_id=campaign_id, data={}
    )
    types = [event["type"] for event in caller.get("/events", types="call.*").json["data"]]
    assert types == ["call.placed", "call.queued", "call.completed"]
    both = caller.get("/events", types="call.queued,opt_out.added").json["data"]
    assert [event["type"] for event in both] == ["opt_out.added", "call.queued"]
    assert len(ids(caller.get("/events", call_id=call["id"]))) == 3
    assert ids(caller.get("/events", campaign_id=campaign_id)) == [started]


def test_a_cursor_gets_past_what_is_not_wanted(caller: Caller, services: Services) -> None:
    happened(services, 3)
    empty = caller.get("/events", types="call.*").json
    assert empty["data"] == []
    assert list(read_all(caller, after=empty["next_cursor"])) == []


def test_from_the_latest_on_only_what_happens_then_is_read(
    caller: Caller, services: Services
) -> None:
    happened(services)
    cursor = caller.get("/events", after="latest").json["next_cursor"]
    (later,) = happened(services)
    assert ids(caller.get("/events", after=cursor)) == [later]


def test_json_lines_have_the_way_on_in_their_header(caller: Caller, services: Services) -> None:
    made = happened(services, 2)
    caller.headers["Accept"] = "application/x-ndjson"
    response = caller.get("/events", limit=1)
    assert response.content_type == "application/x-ndjson"
    assert [json.loads(line)["id"] for line in response.text.splitlines()] == made[:1]
    following = response.headers["Link"].partition("<")[2].partition(">")[0]
    rest = caller.client.get(following, headers=caller.headers)
    assert [json.loads(line)["id"] for line in rest.text.splitlines()] == made[1:]


@pytest.mark.parametrize("cursor", ["AAAAAAAAAAEAAAAAAAAAAA", "nonsense", "", "1", "é"])
def test_a_cursor_that_nobody_gave_is_refused(caller: Caller, cursor: str) -> None:
    response = caller.get("/events", after=cursor)
    assert response.status_code == 422
    assert response.json["errors"]["after"] == [
        "Pass `next_cursor` from a previous response unchanged."
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [({"types": "call"}, "types"), ({"limit": "501"}, "limit"), ({"wait": "31"}, "wait"),
     ({"call_id": "1"}, "call_id"), ({"aftre": "x"}, "aftre")],
)  # fmt: skip
def test_a_question_that_cannot_be_meant_is_refused_by_its_field(
    caller: Caller, query: dict[str, str], field: str
) -> None:
    response = caller.get("/events", **query)
    assert response.status_code == 422
    assert field in response.json["errors"]


def test_a_cursor_before_what_is_kept_is_gone_and_the_oldest_is_named(
    caller: Caller, services: Services, clock: Clock
) -> None:
    happened(services, 3)
    cursor = caller.get("/events", limit=1).json["next_cursor"]
    time_passes(clock, services, days=31)
    kept = happened(services, 2)
    retention.delete_expired(services, sleep=lambda _: None)
    response = caller.get("/events", after=cursor)
    assert response.status_code == 410
    assert response.json["code"] == "gone"
    assert ids(caller.get("/events", after=response.json["oldest"])) == kept
    assert ids(caller.get("/events")) == kept


def test_a_cursor_from_a_database_that_went_further_is_gone_too(
    caller: Caller, services: Services
) -> None:
    happened(services, 3)
    cursor = caller.get("/events").json["next_cursor"]
    sequence = (
        "SELECT setval('feed_position_seq', {})"
        if services.store.for_update
        else "UPDATE sqlite_sequence SET seq = {} WHERE name = 'feed'"
    )
    before = feed.taken() - 2
    with services.store.write():
        models.FeedRow.delete().where(models.FeedRow.position > before).execute()
        services.store.execute_sql(sequence.format(before))
    assert caller.get("/events", after=cursor).status_code == 410


def test_a_time_leads_to_the_first_event_from_then_on(services: Services, clock: Clock) -> None:
    begun = clock.now
    places = [feed.taken()]
    for _ in range(9):
        happened(services)
        places.append(feed.taken())
        clock.forward(minutes=1)
    found = [feed.first_after(begun + timedelta(minutes=count)) for count in range(10)]
    assert found[1:] == places[1:]
    assert feed.page(found[0], feed.settled(), 1)[0].position == places[1]


def test_there_is_no_feed_if_the_settings_say_so(services: Services) -> None:
    quiet = telling(services, events_days=0)
    app = make_app(quiet, documented=False)
    key = create_key("tests", ["read"], quiet)
    assert Caller(app.test_client(), key).get("/events").status_code == 404
    app.quarantine.close()


def test_who_waits_is_told_as_soon_as_something_happens(
    caller: Caller, services: Services, app: Application
) -> None:
    cursor = caller.get("/events").json["next_cursor"]
    found: list[list[str]] = []

    def wait() -> None:
        found.append(ids(caller.get("/events", after=cursor, wait=30)))

    waiter = threading.Thread(target=wait)
    waiter.start()
    while not app.waiters.waiting:
        time.sleep(0.01)
    made = happened(services)
    waiter.join(20)
    assert found == [made]


def test_who_waits_goes_when_the_server_ends(services: Services, app: Application) -> None:
    found = []
    waiter = threading.Thread(
        target=lambda: found.append(app.waiters.read(feed.taken(), 1, WantedEvents(), 30))
    )
    waiter.start()
    while not app.waiters.waiting:
        time.sleep(0.01)
    app.waiters.stop()
    waiter.join(20)
    assert found[0].rows == []


def test_when_too_many_wait_the_next_is_told_to_come_again(
    caller: Caller, app: Application
) -> None:
    app.waiters.places = 0
    response = caller.get("/events", wait=30)
    assert response.status_code == 200
    assert response.json["data"] == []
    assert response.headers["Retry-After"] == "1"
