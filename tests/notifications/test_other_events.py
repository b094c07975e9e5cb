"""What is told of campaigns, recipients, opt-outs and deliveries: each once, and when it is so."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from obdtrack.access.audit import operator
from obdtrack.calls import opt_outs
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.calls.reports.replay import replay, replay_all
from obdtrack.campaigns import campaigns, dispatch
from obdtrack.campaigns.control import control
from obdtrack.domain.campaign import CampaignAction, Retries
from obdtrack.domain.feed import Numbers
from obdtrack.domain.phone import masked
from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.status import Outcome
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.domain.times import to_text
from obdtrack.privacy.erasure import erase
from obdtrack.privacy.opt_outs import suppress, suppress_all, unsuppress
from obdtrack.services import Services, new_id
from obdtrack.store import models, tasks
from tests.campaigns.running import (
    RAVI,
    add_recipients,
    checked,
    look_for_work,
    number,
    pass_time,
    report,
    started,
    statuses,
)
from tests.factories import (
    NUMBER,
    PROVIDER,
    Clock,
    ScriptedProvider,
    accepted,
    call_request,
    raw_delivery,
)
from tests.notifications.telling import telling, told


@pytest.fixture(autouse=True)
def services(services: Services, provider: ScriptedProvider) -> Services:
    provider.on_send = accepted(None)
    return telling(services, suppression=True)


def of(kind: str) -> list[dict[str, Any]]:
    """What was told whose type begins so, oldest first."""
    return [event for event in told() if event["type"].startswith(kind)]


def rows(kind: str) -> list[int]:
    """The rows of the file of whom was told so."""
    return [event["data"]["row"] for event in of(kind)]


def moves() -> list[tuple[str, str, Any, Any]]:
    """Each change of a campaign that was told: its last word, where it stands, and before."""
    return [
        (
            event["type"].partition(".")[2],
            event["data"]["state"],
            event["data"]["reason"],
            event["changed"],
        )
        for event in of("campaign.")
    ]


def receive(services: Services, *raws: RawDelivery) -> list[UUID]:
    """Receive these in one transaction; returns their ids."""
    inbound = [InboundRequest(new_id(), services.now(), one, PROVIDER) for one in raws]
    receive_deliveries(inbound, services)
    return [one.id for one in inbound]


# Campaigns


def test_a_campaign_is_told_from_its_start_to_its_end(services: Services, clock: Clock) -> None:
    campaign_id = started(services, 2)
    pass_time(services, clock, 2)
    control(campaign_id, CampaignAction.PAUSE, RAVI, services)
    control(campaign_id, CampaignAction.RESUME, RAVI, services)
    for n in range(2):
        report(services, number(n), "ANSWER")
    pass_time(services, clock, 10)
    assert moves() == [
        ("started", "running", None, {"state": "scheduled"}),
        ("paused", "paused", None, {"state": "pausing"}),
        ("resumed", "running", None, {"state": "scheduled"}),
        ("completed", "completed", None, {"state": "running"}),
    ]
    assert {(event["subject"], event["data"]["id"]) for event in of("campaign.")} == {
        (campaign_id, str(campaign_id))
    }
    assert of("campaign.completed")[0]["data"]["totals"]["completed"] == 2
    found = models.FeedRow.select().where(models.FeedRow.campaign_id == campaign_id)
    assert found.count() == len(told())


def test_why_a_campaign_pauses_by_itself_is_told(
    services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.INVALID_TOKEN)
    started(services, 1)
    look_for_work(services)
    why = Failure.INVALID_TOKEN
    assert moves()[1:] == [("paused", "paused", why, {"state": "pausing"})]


def test_a_campaign_that_is_paused_before_it_began_is_resumed_and_then_started(
    services: Services, clock: Clock
) -> None:
    start_at = clock().replace(hour=clock().hour + 1)
    campaign_id = started(services, 1, start_at=start_at)
    control(campaign_id, CampaignAction.PAUSE, RAVI, services)
    control(campaign_id, CampaignAction.RESUME, RAVI, services)
    clock.forward(hours=1)
    look_for_work(services)
    assert [move[:2] for move in moves()] == [
        ("paused", "paused"),
        ("resumed", "scheduled"),
        ("started", "running"),
    ]


def test_a_campaign_that_cannot_go_on_is_stopped(services: Services) -> None:
    campaign_id = started(services, 1)
    with services.store.write():
        campaign = campaigns.locked(campaign_id)
        campaigns.change(campaign, CampaignAction.FAIL, RAVI, services, reason="secret-key-changed")
    last = ("stopped", "failed", "secret-key-changed", {"state": "running", "reason": None})
    assert moves()[-1] == last


def test_a_change_that_is_undone_is_told_to_nobody(services: Services) -> None:
    campaign_id = checked(services, 1)
    with patch.object(tasks, "plan", side_effect=KeyError), pytest.raises(KeyError):
        control(campaign_id, CampaignAction.START, RAVI, services)
    assert told() == []
    control(campaign_id, CampaignAction.START, RAVI, services)
    assert len(told()) == 1


# Recipients


def test_each_recipient_is_told_before_anybody_is_called(services: Services) -> None:
    with patch.object(dispatch, "_SWEPT_AT_ONCE", 3):
        started(services, 7)
        look_for_work(services)
    assert rows("call.scheduled") == list(range(2, 9))
    first, last = of("call.scheduled")[0], told().index(of("call.scheduled")[-1])
    assert last < told().index(of("call.placed")[0])
    row = models.Recipient.get(models.Recipient.row == 2)
    assert first["subject"] == row.id
    assert (first["data"]["to"], first["data"]["status"]) == (number(0), "scheduled")


def test_of_who_joins_a_campaign_that_pauses_only_the_new_ones_are_told(
    services: Services, clock: Clock
) -> None:
    campaign_id = started(services, 2, per_minute=1)
    look_for_work(services)
    control(campaign_id, CampaignAction.PAUSE, RAVI, services)
    clock.forward(seconds=1)
    with services.store.write():
        add_recipients(services, campaign_id, [number(7)])
        campaigns.change(campaigns.locked(campaign_id), CampaignAction.EDIT, RAVI, services)
    control(campaign_id, CampaignAction.RESUME, RAVI, services)
    look_for_work(services)
    assert [event["data"]["to"] for event in of("call.scheduled")] == [
        number(0), number(1), number(7),
    ]  # fmt: skip


def test_who_is_to_be_called_again_is_told_after_how_the_call_ended(services: Services) -> None:
    started(services, 1, retries=Retries(("busy",), 1, 30))
    look_for_work(services)
    report(services, number(0), "BUSY")
    *_, busy, again = told()
    assert (busy["type"], again["type"]) == ("call.busy", "call.scheduled")
    later = to_text(services.now().replace(minute=30))
    assert (again["data"]["due_at"], again["data"]["tries"]) == (later, 1)


def test_whoever_is_not_called_is_told_with_the_reason(services: Services, clock: Clock) -> None:
    campaign_id = started(services, 4, per_minute=30, retries=Retries(("busy",), 1, 1))
    with services.store.write():
        opt_outs.note(number(0), None, clock(), None, services)
    look_for_work(services)
    clock.forward(seconds=2)
    look_for_work(services)
    (called,) = [n for n, found in enumerate(statuses(campaign_id)) if found[0] == "sent"]
    report(services, number(called), "BUSY")  # to be called again: it was called, and ends as that
    control(campaign_id, CampaignAction.STOP, RAVI, services)
    look_for_work(services)
    reasons = {event["data"]["row"]: event["data"]["reason"] for event in of("call.skipped")}
    assert reasons == {2: "opted-out", 4: "stopped", 5: "stopped"}
    assert len(of("call.skipped")) == 3
    assert moves()[-1][:2] == ("stopped", "stopped")


def test_an_erased_number_is_skipped_and_goes_from_what_was_told_of_it(services: Services) -> None:
    started(services, 2)
    with patch.object(dispatch.Turn, "_claim", lambda _: (None, [])):
        look_for_work(services)
    suppress(number(1), RAVI, services)
    receive(services, raw_delivery(to=int(number(1)[1:]), mid="strange"))
    erase(number(1), RAVI, services)
    (skipped,) = of("call.skipped")
    assert (skipped["data"]["row"], skipped["data"]["reason"]) == (3, "number-erased")
    assert number(1)[1:] not in json.dumps(told(), default=str)
    assert number(0) in json.dumps(told(), default=str)


# Opt-outs


def test_an_opt_out_is_told_once_however_it_comes(services: Services, clock: Clock) -> None:
    suppress(NUMBER, RAVI, services)
    suppress(NUMBER, RAVI, services)
    assert suppress_all([NUMBER, number(1), number(2)], operator(), services) == 2
    with services.store.write():
        opt_outs.note(number(3), clock(), clock(), new_id(), services)
        opt_outs.note(number(3), None, clock(), None, services)
    assert {event["type"] for event in told()} == {"opt_out.added"}
    now = to_text(clock())
    shown = {"number": NUMBER, "occurred_at": None, "recorded_at": now, "reported": False}
    assert [event["data"] for event in told()] == [
        shown,
        {**shown, "number": number(1)},
        {**shown, "number": number(2)},
        {**shown, "number": number(3), "occurred_at": now, "reported": True},
    ]
    assert told()[0]["subject"] is None
    assert told(Numbers.MASKED)[0]["data"]["number"] == masked(NUMBER)


def test_who_opts_out_again_later_is_told_again(services: Services) -> None:
    for _ in range(2):
        suppress(NUMBER, RAVI, services)
        unsuppress(NUMBER, RAVI, services)
    assert len(of("opt_out.added")) == 2


# Deliveries


def test_what_belongs_to_no_call_or_cannot_be_read_is_told(services: Services) -> None:
    junk = raw_delivery()._replace(body=b"{")
    ids = receive(services, raw_delivery(), junk)
    unmatched, unreadable = told()
    types = ["delivery.unmatched", "delivery.unreadable"]
    assert [unmatched["type"], unreadable["type"]] == types
    assert [unmatched["subject"], unreadable["subject"]] == ids
    row = deliveries.find(ids[0])
    assert row is not None
    assert unmatched["data"] == {
        "id": str(row.id),
        "received_at": to_text(row.received_at),
        "outcome": "unmatched",
        "reason": row.reason,
        "call_id": None,
        "provider_id": row.provider_id or row.mid,
        "to": NUMBER,
    }
    assert NUMBER[1:] not in json.dumps(told(Numbers.NONE), default=str)


def test_reading_it_again_tells_only_what_is_otherwise_now(
    services: Services, provider: ScriptedProvider
) -> None:
    (unmatched,) = receive(services, raw_delivery())
    replay(unmatched, services)
    replay_all(Outcome.UNMATCHED, services)
    assert len(of("delivery.")) == 1
    with services.store.write():
        models.Delivery.update(outcome=Outcome.FAILED).execute()
    replay(unmatched, services)
    assert [event["subject"] for event in of("delivery.")] == [unmatched] * 2
    provider.on_send = accepted()
    place_call(call_request(), None, services)
    assert len(of("delivery.")) == 2
    assert of("call.completed")


def test_a_report_of_a_call_is_no_delivery_to_be_told_of(
    services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted()
    place_call(call_request(), None, services)
    receive(services, raw_delivery(), raw_delivery())
    assert of("delivery.") == []


def test_without_a_feed_none_of_it_is_kept(services: Services) -> None:
    quiet = replace(services, settings=replace(services.settings, events_days=0))
    campaign_id = started(quiet, 2, per_minute=1)
    look_for_work(quiet)
    control(campaign_id, CampaignAction.STOP, RAVI, quiet)
    look_for_work(quiet)
    suppress(NUMBER, RAVI, quiet)
    receive(quiet, raw_delivery())
    assert models.FeedRow.select().count() == 0
