"""Destinations over the REST API."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from obdtrack.access import audit
from obdtrack.access.keys import create_key
from obdtrack.domain.destination import DESTINATION, DestinationState, NotificationStatus
from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.notifications import destinations, log, sender
from obdtrack.notifications.destinations import Wishes
from obdtrack.providers.http.exchange import HttpExchange
from obdtrack.services import Services, new_id
from obdtrack.store import feed, models, tasks
from obdtrack.web.api.destination_schemas import NotificationSchema
from tests.conftest import Caller
from tests.factories import NOON, NUMBER, Clock, with_settings
from tests.notifications.receiver import receiver

ON_SQLITE = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
"""For what is refused whichever the database is."""
URL = "https://shop.example/obdtrack?token=hidden"
BODY = {"url": URL, "types": ["call.*"], "filter": {"status": ["busy"]}}


@pytest.fixture
def admin(app: Flask, services: Services) -> Caller:
    return Caller(app.test_client(), create_key("admin", ["read", "admin"], services))


@pytest.fixture
def made(admin: Caller) -> Any:
    """A destination as it was returned when it was created."""
    response = admin.post("/destinations", BODY)
    assert response.status_code == 201
    return response.json


def happened(services: Services, *calls: UUID) -> None:
    """Let something happen to these calls, one after the other."""
    with services.store.connection_context(), services.store.write():
        feed.append(
            FeedEvent(new_id(), EventType.CALL_BUSY, services.now(), call, data={})
            for call in calls
        )


def sent(destination: Any, services: Services, *statuses: str) -> list[UUID]:
    """Note that events behind its place in the feed were sent, and what became of each."""
    ids = [new_id() for _ in statuses]
    with services.store.connection_context(), services.store.write():
        after = destinations.found(UUID(destination["id"])).position
        for position, (one, status) in enumerate(zip(ids, statuses, strict=True), after + 1):
            models.Notification.insert(
                id=one,
                destination_id=UUID(destination["id"]),
                position=position,
                event_id=new_id(),
                type="call.busy",
                status=status,
                tries=3,
                created_at=NOON,
                due_at=NOON + timedelta(seconds=position),
                failure=None if status == "delivered" else "It took longer than 15 seconds.",
                response="oops",
            ).execute()
    return ids


def changed(destination: Any, services: Services, **columns: Any) -> None:
    with services.store.connection_context(), services.store.write():
        row = models.Destination
        row.update(**columns).where(row.id == UUID(destination["id"])).execute()


def is_planned(destination: Any, services: Services) -> bool:
    with services.store.connection_context():
        return tasks.planned(DESTINATION, UUID(destination["id"]))


def trace(services: Services, destination: Any) -> list[tuple[str, Any]]:
    with services.store.connection_context():
        entries = audit.newest(50, subject=destination["id"])
    return [(row.action, row.detail) for row in reversed(entries)]


def test_a_destination_is_created_and_its_secret_is_shown_once(
    admin: Caller, services: Services
) -> None:
    happened(services, new_id(), new_id())
    response = admin.post("/destinations", BODY)
    assert response.status_code == 201
    made = response.json
    prefix, _, rest = made.pop("secret").partition("_")
    assert (prefix, len(rest), len(base64.b64decode(rest, validate=True))) == ("whsec", 44, 32)
    assert (made["url"], made["types"], made["numbers"]) == (URL, ["call.*"], "masked")
    assert (made["state"], made["behind"], made["pending"]) == ("active", 0, 0)
    assert admin.client.get(response.headers["Location"], headers=admin.headers).json == made
    assert admin.get("/destinations").json["data"] == [made]
    happened(services, new_id())
    assert admin.get(f"/destinations/{made['id']}").json["behind"] == 1
    assert is_planned(made, services)
    detail = {**BODY, "numbers": "masked", "host": "shop.example"}
    del detail["url"]
    assert trace(services, made) == [("destination-created", detail)]
    with services.store.connection_context():
        stored = models.Destination.get()
        assert services.encryption.open(stored.secret_encrypted) == {"secret": f"whsec_{rest}"}


@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": None}, "url"),
        ({"url": "x" * 2001}, "url"),
        ({"types": ["call.rang"]}, "types"),
        ({"types": "call.*"}, "types"),
        ({"types": [{}]}, "types"),
        ({"filter": {"status": ["ringing"]}}, "filter.status.0"),
        ({"filter": {"status": []}}, "filter.status"),
        ({"filter": {"campaign_id": "diwali"}}, "filter.campaign_id"),
        ({"filter": {"reference_prefix": ""}}, "filter.reference_prefix"),
        ({"filter": {"name": "diwali"}}, "filter.name"),
        ({"numbers": "some"}, "numbers"),
        ({"secret": "whsec_"}, "secret"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    admin: Caller, changes: dict[str, Any], field: str
) -> None:
    refused = admin.post("/destinations", {**BODY, **changes})
    assert (refused.status_code, list(refused.json["errors"])) == (422, [field])
    assert admin.get("/destinations").json["data"] == []


@ON_SQLITE
def test_only_the_scope_admin_reaches_them(caller: Caller, made: Any) -> None:
    assert caller.get("/destinations").status_code == 403
    assert caller.post("/destinations", BODY).status_code == 403
    assert caller.post(f"/destinations/{made['id']}/rotate").status_code == 403


@ON_SQLITE
@pytest.mark.parametrize(
    ("setting", "named"),
    [({"secret_key": ""}, "OBDTRACK_SECRET_KEY"), ({"events_days": 0}, "OBDTRACK_EVENTS_DAYS")],
)
def test_settings_without_which_there_is_none_are_named(
    services: Services, setting: dict[str, Any], named: str
) -> None:
    wanting = with_settings(services, **setting)
    with services.store.connection_context(), pytest.raises(ObdtrackError, match=named) as refused:
        destinations.create(Wishes(URL), audit.operator(), wanting)
    assert refused.value.code is Code.CONFLICT


@ON_SQLITE
def test_there_are_not_more_than_can_be_kept_going(admin: Caller) -> None:
    for _ in range(destinations.MOST):
        assert admin.post("/destinations", {"url": URL}).status_code == 201
    assert admin.post("/destinations", {"url": URL}).status_code == 409
    assert len(admin.get("/destinations").json["data"]) == destinations.MOST


def test_parts_are_changed_and_the_rest_stays(admin: Caller, made: Any, services: Services) -> None:
    path = f"/api/v1/destinations/{made['id']}"
    campaign = str(new_id())
    body = {"filter": {"campaign_id": campaign, "reference_prefix": "order-"}, "types": []}
    shown = admin.client.patch(path, json=body, headers=admin.headers).json
    assert (shown["filter"], shown["types"], shown["url"]) == (body["filter"], [], URL)
    assert (
        admin.client.patch(path, json={"numbers": None}, headers=admin.headers).status_code == 422
    )
    _, (action, detail) = trace(services, made)
    assert (action, detail) == ("destination-changed", {"action": "edit", **body})
    assert admin.client.patch(path, json=body, headers=admin.headers).json == shown
    assert len(trace(services, made)) == 2


def test_one_that_is_paused_or_disabled_goes_on_where_it_stood(
    admin: Caller, made: Any, services: Services, clock: Clock
) -> None:
    path = f"/destinations/{made['id']}"
    assert admin.post(f"{path}/pause").json["state"] == "paused"
    assert not is_planned(made, services)
    assert admin.post(f"{path}/pause").status_code == 409
    happened(services, new_id())
    assert admin.post(f"{path}/resume").json["state"] == "active"
    assert admin.get(path).json["behind"] == 1
    assert is_planned(made, services)
    assert admin.post(f"{path}/resume").status_code == 409
    changed(made, services, state=DestinationState.DISABLED, reason="gone", failing_since=clock.now)
    sent(made, services, "pending")
    assert admin.post(f"{path}/pause").status_code == 409
    resumed = admin.post(f"{path}/resume").json
    assert [resumed[name] for name in ("state", "reason", "failing_since")] == [
        "active",
        None,
        None,
    ]
    (waiting,) = admin.get(f"{path}/notifications").json["data"]
    assert waiting == NotificationSchema().dump(waiting)
    assert waiting["next_try_at"] == to_text(clock.now)


@ON_SQLITE
def test_a_test_says_what_came_of_it(app: Flask, services: Services) -> None:
    services = with_settings(services, destinations_private=True)
    app.extensions["obdtrack"] = services
    admin = Caller(app.test_client(), create_key("admin", ["admin"], services))
    with receiver() as theirs:
        made = admin.post("/destinations", {"url": theirs.url}).json
        tried = admin.post(f"/destinations/{made['id']}/test").json
        assert (tried["delivered"], tried["http_status"], tried["response"]) == (True, 200, "ok")
        theirs.respond = lambda _: 500
        tried = admin.post(f"/destinations/{made['id']}/test").json
        assert (tried["delivered"], tried["failure"]) == (False, "The response is 500.")
    assert [event["type"] for event in theirs.received.events] == ["destination.test"] * 2
    assert admin.get(f"/destinations/{made['id']}/notifications").json["data"] == []


@ON_SQLITE
def test_a_number_that_is_repeated_in_a_response_is_not_kept(
    admin: Caller, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeated = HttpExchange(200, {}, f'{{"to": "{NUMBER}"}}'.encode())
    monkeypatch.setattr(sender, "exchange", lambda *_: repeated)
    tried = admin.post(f"/destinations/{made['id']}/test").json
    assert tried["response"] == '{"to": "+9188•••••001"}'


@ON_SQLITE
@pytest.mark.parametrize("url", ["http://shop.example/", "https://10.0.0.7/", "https://a:b@c.de/"])
def test_an_address_nothing_may_be_sent_to_is_refused(admin: Caller, made: Any, url: str) -> None:
    refused = admin.post("/destinations", {"url": url})
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["url"])
    path = f"/api/v1/destinations/{made['id']}"
    refused = admin.client.patch(path, json={"url": url}, headers=admin.headers)
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["url"])


def test_after_a_rotation_the_old_secret_is_kept_for_a_day(
    admin: Caller, made: Any, services: Services, clock: Clock
) -> None:
    path = f"/destinations/{made['id']}"
    rotated = admin.post(f"{path}/rotate").json
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_until"] == to_text(NOON + timedelta(hours=24))
    with services.store.connection_context():
        row, opened = models.Destination.get(), services.encryption.open
        assert opened(row.old_secret_encrypted) == {"secret": made["secret"]}
        assert opened(row.secret_encrypted) == {"secret": rotated["secret"]}
    clock.forward(hours=24)
    shown = admin.get(path).json
    assert (shown["old_secret_until"], "secret" in shown) == (None, False)
    assert made["secret"] not in str(trace(services, made))


def test_the_log_is_paged_newest_first_and_by_status(
    admin: Caller, made: Any, services: Services
) -> None:
    path = f"/destinations/{made['id']}/notifications"
    statuses = ["failed", "delivered", "failed", "pending", "failed"]
    ids = [str(one) for one in sent(made, services, *statuses)]
    first = admin.get(path, limit=3).json
    rest = admin.get(path, limit=3, cursor=first["next_cursor"]).json
    assert [row["id"] for row in first["data"] + rest["data"]] == ids[::-1]
    assert rest["next_cursor"] is None
    first = admin.get(path, limit=2, status="failed").json
    rest = admin.get(path, limit=2, status="failed", cursor=first["next_cursor"]).json
    assert [row["id"] for row in first["data"] + rest["data"]] == [ids[4], ids[2], ids[0]]
    assert admin.get(path, status="lost").status_code == 422
    assert admin.get(f"/destinations/{new_id()}/notifications").status_code == 404
    shown = admin.get(f"/destinations/{made['id']}").json
    assert (shown["pending"], shown["failed"]) == (1, 3)


def test_one_is_sent_again_whatever_became_of_it(
    admin: Caller, made: Any, services: Services, clock: Clock
) -> None:
    happened(services, new_id())
    (delivered, lost) = sent(made, services, "delivered", "failed")
    clock.forward(hours=1)
    path = f"/destinations/{made['id']}/notifications"
    shown = admin.post(f"{path}/{delivered}/replay").json
    assert (shown["status"], shown["tries"]) == ("pending", 0)
    assert shown["next_try_at"] == to_text(clock.now)
    refused = admin.post(f"{path}/{lost}/replay")
    assert (refused.status_code, "OBDTRACK_EVENTS_DAYS" in refused.json["detail"]) == (409, True)
    assert admin.post(f"{path}/{new_id()}/replay").status_code == 404


def test_all_that_failed_is_sent_again_each_once(
    admin: Caller, made: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_AT_ONCE", 2)
    sent(made, services, "failed", "delivered", "delivered", "pending", "failed")
    path = f"/destinations/{made['id']}/notifications"
    assert admin.post(f"{path}/replay").json["replayed"] == 2
    assert admin.post(f"{path}/replay").json["replayed"] == 0
    statuses = [row["status"] for row in admin.get(path).json["data"]]
    assert statuses == ["pending", "pending", "delivered", "delivered", "pending"]


def test_recovering_goes_back_in_the_feed_and_tries_again_what_failed_since(
    admin: Caller, made: Any, services: Services, clock: Clock
) -> None:
    happened(services, new_id(), new_id())
    clock.forward(hours=1)
    happened(services, new_id(), new_id())
    sent(made, services, "delivered", "failed", "failed", "delivered")
    changed(made, services, position=models.Destination.position + 4)
    path = f"/destinations/{made['id']}"
    since = to_text(clock.now)
    recovered = admin.client.post(
        f"/api/v1{path}/recover", query_string={"since": since}, headers=admin.headers
    ).json
    assert (recovered["replayed"], recovered["behind"]) == (1, 2)
    rows = admin.get(f"{path}/notifications").json["data"]
    assert [row["status"] for row in rows] == ["delivered", "pending", "failed", "delivered"]
    assert trace(services, made)[-1][1] == {"action": "recover", "since": since}
    for wrong in ("yesterday", to_text(clock.now + timedelta(seconds=1))):
        refused = admin.client.post(
            f"/api/v1{path}/recover", query_string={"since": wrong}, headers=admin.headers
        )
        assert (refused.status_code, list(refused.json["errors"])) == (422, ["since"])


def test_recovering_never_skips_what_was_not_come_to(
    admin: Caller, made: Any, services: Services, clock: Clock
) -> None:
    happened(services, new_id())
    clock.forward(hours=1)
    happened(services, new_id())
    since = {"since": to_text(clock.now)}
    path = f"/api/v1/destinations/{made['id']}/recover"
    recovered = admin.client.post(path, query_string=since, headers=admin.headers).json
    assert recovered["behind"] == 2


def test_a_deleted_one_is_gone_with_its_log(
    admin: Caller, made: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_AT_ONCE", 2)
    other = admin.post("/destinations", BODY).json
    sent(other, services, "failed")
    sent(made, services, *[NotificationStatus.DELIVERED] * 4)
    path = f"/api/v1/destinations/{made['id']}"
    assert admin.client.delete(path, headers=admin.headers).status_code == 204
    assert admin.client.delete(path, headers=admin.headers).status_code == 404
    assert admin.get(f"/destinations/{made['id']}").status_code == 404
    assert not is_planned(made, services)
    with services.store.connection_context():
        assert [str(row.destination_id) for row in models.Notification] == [other["id"]]
    assert trace(services, made)[-1] == ("destination-deleted", {"host": "shop.example"})
