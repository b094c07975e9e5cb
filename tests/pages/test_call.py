"""One call's page: every event with where it comes from, what went over the wire, the buttons."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask

from obdtrack.access import audit
from obdtrack.access.keys import create_key
from obdtrack.calls.reports import deliveries
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database_errors import unavailable
from tests.conftest import Caller
from tests.factories import MID, NUMBER, SECRET, Clock, ScriptedProvider, call_log, log_row
from tests.pages.conftest import Visitor, text_of


@pytest.fixture
def call(caller: Caller) -> Any:
    return caller.place(variables={"otp": "987123"}, reference="order-7").json


def read(visitor: Visitor, call: Any, query: str = "") -> str:
    return visitor.read(f"/calls/{call['id']}{query}")


def test_an_event_shows_both_clocks_its_source_and_what_it_changed(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report()
    told = read(visitor, call)
    assert (
        "Report Queued → Answered provider's clock 23 Nov 11:57:39 "
        "our clock 23 Nov 12:00:00 from a report"
    ) in told


def test_the_same_report_again_is_counted(visitor: Visitor, caller: Caller, call: Any) -> None:
    caller.report()
    caller.report()
    assert "received 2 times" in read(visitor, call)


def test_two_words_for_one_attempt_are_named_a_conflict(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report()
    caller.report(status="BUSY")
    assert "reported one attempt in two ways: ANSWER and BUSY" in read(visitor, call)
    page = visitor.open(f"/calls/{call['id']}").text
    assert page.count('<span class="tag tone-doubt">conflict</span>') == 2


def test_what_is_charged_for_stands_among_the_facts(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report(billing="16", charges="0.2500")
    told = read(visitor, call)
    assert "Duration as reported 23 s Billable seconds 16 Charges 0.2500" in told


def test_a_refused_call_shows_the_providers_words(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    words = f"No credit for {NUMBER[1:]}"
    provider.on_send = lambda _: SendResponse(Failure.INSUFFICIENT_BALANCE, words, http_status=402)
    told = read(visitor, caller.place().json)
    assert "The provider's message No credit for +9188•••••001" in told


def test_a_recording_is_linked_until_it_expires_and_never_fetched(
    visitor: Visitor, caller: Caller, call: Any, clock: Clock
) -> None:
    clock.forward(minutes=5)  # it came long after the call ended
    caller.report(recording_url="https://sounds.example/1.wav")
    page = visitor.open(f"/calls/{call['id']}").text
    assert 'href="https://sounds.example/1.wav" rel="noreferrer noopener nofollow"' in page
    assert "works until 23 Nov 14:05:00" in text_of(page)
    assert "this one came 23 Nov 12:05:00 ( now )" in text_of(page)
    assert "<audio" not in page


def test_a_recording_whose_link_expired_is_no_link(
    visitor: Visitor, caller: Caller, call: Any, clock: Clock
) -> None:
    caller.report(recording_url="https://sounds.example/1.wav")
    clock.forward(hours=2)
    page = visitor.open(f"/calls/{call['id']}").text
    assert "The link expired at 23 Nov 14:00:00" in text_of(page)
    assert 'href="https://sounds.example' not in page


def test_a_recording_that_is_no_web_address_is_no_link(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report(recording_url="javascript:alert(1)")
    assert "recording_url" in read(visitor, call)
    assert 'href="javascript' not in visitor.open(f"/calls/{call['id']}").text


def test_what_went_over_the_wire_holds_no_secret(
    visitor: Visitor, caller: Caller, call: Any, services: Services
) -> None:
    caller.report()
    page = visitor.open(f"/calls/{call['id']}").text
    assert "Bearer [removed]" in page
    assert "variables[otp]" in page
    for secret in ("987123", SECRET, services.settings.provider_token):
        assert secret not in page


def test_numbers_are_not_shown_if_that_cannot_be_recorded(
    app: Flask, services: Services, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Visitor(app, create_key("agent", ["read", "place"], services))

    def locked(_: object) -> None:
        raise unavailable()

    monkeypatch.setattr(audit, "add", locked)
    response = agent.send("/numbers/show", on="/")
    assert response.status_code == 503
    assert "Temporarily unavailable" in text_of(response.text)
    assert NUMBER not in read(agent, call)


def test_a_report_is_copied_as_curl_with_the_secret_left_out(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report()
    told = read(visitor, call)
    assert "curl -X POST http://localhost/webhooks/mobtexting" in told
    assert "Bearer $OBDTRACK_WEBHOOK_SECRET" in told


def test_a_report_that_failed_is_read_again_from_its_call(
    visitor: Visitor, caller: Caller, call: Any, services: Services
) -> None:
    caller.report()
    delivery = caller.only_delivery()["id"]
    with services.store.write():
        deliveries.models.Delivery.update(outcome="failed").execute()
    action = f'action="/deliveries/{delivery}/replay"'
    assert action in visitor.open(f"/calls/{call['id']}").text


def test_times_in_an_events_facts_follow_the_chosen_zone(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown = caller.place().json
    visitor.client.set_cookie("obdtrack_mine", "Asia%2FKolkata")
    visitor.send(f"/calls/{unknown['id']}/refresh", on="/")
    told = read(visitor, unknown, "?tz=mine")
    assert "created after 23 Nov 17:29:50" in told
    assert "T11:59:50" not in told.partition("As sent and received")[0]


def test_whoever_reads_numbers_in_full_leaves_a_trace(
    visitor: Visitor, guest: Visitor, call: Any, services: Services
) -> None:
    guest.read("/")
    assert NUMBER in visitor.read("/")
    with services.store.connection_context():
        noted = [row.actor for row in audit.newest(9) if row.action == "pii-used"]
    assert noted == ["Asha"]


def test_an_end_before_the_start_shows_no_negative_length(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report(end_at="2026-11-23 11:57:00")
    page = visitor.open(f"/calls/{call['id']}").text
    assert "the reported end time (at 11:57:00) is before the start" in text_of(page)
    assert not re.search(r"(?<!\w)[-−]\d+ ?(s|min|h|d)\b", text_of(page))
    assert 'width="-' not in page


def test_what_was_looked_for_is_told_in_words(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown, _ = caller.place().json, caller.place().json
    provider.on_find = lambda **_: call_log(log_row(status="queued"))
    visitor.send(f"/calls/{unknown['id']}/refresh", on="/")
    told = read(visitor, unknown)
    assert "looked for an unclaimed call to this number, as we asked for it" in told
    assert "Looked for it at the provider; possible matches: 1" in told
    assert "left to a person it may be another call to this number" in told
    assert "Response to a poll 3 23 Nov" in told


def test_a_candidate_is_told_with_what_speaks_against_it(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(to="8867135001"))
    visitor.send(f"/calls/{unknown['id']}/refresh", on="/")
    assert "(not certain: its number has no country code)" in read(visitor, unknown)


def test_a_report_without_a_status_says_so(visitor: Visitor, caller: Caller, call: Any) -> None:
    caller.report(status=None, Outcome="BUSY")
    assert "Report, which says nothing about how the call went" in read(visitor, call)
    (row,) = caller.get("/deliveries").json["data"]
    assert "keys not understood: source, Outcome" in visitor.open(f"/deliveries/{row['id']}").text


def test_a_time_that_cannot_be_the_calls_is_shown_as_such(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report(start_at="1999-12-31 23:59:59")
    assert "started at (not believed) 1999-12-31T23:59:59Z" in read(visitor, call)


def test_our_own_number_is_written_in_one_way(
    visitor: Visitor, guest: Visitor, caller: Caller, call: Any
) -> None:
    caller.report()
    masked, bridge = read(guest, call), "+918068280000"
    assert f"bridge {bridge} caller +9189•••••000" in masked
    assert f"From {bridge}" in masked
    assert f"bridge {bridge} caller +918919520000" in read(visitor, call)


def test_the_zone_is_told_and_changed_beside_the_sentence(visitor: Visitor, call: Any) -> None:
    visitor.client.set_cookie("obdtrack_mine", "Asia%2FKolkata")
    page = visitor.open(f"/calls/{call['id']}?tz=utc").text
    head = page.partition('data-live="head"')[2].partition("</section>")[0]
    assert "Times in UTC , change: Mine How we know" in text_of(f"<main{head}")
    assert f'href="/calls/{call["id"]}?tz=mine"' in head


def test_any_zone_can_be_chosen_and_is_shown_with_its_offset(visitor: Visitor, call: Any) -> None:
    path = f"/calls/{call['id']}"
    assert '"/time-zone?next=' in visitor.open(path).text
    assert "Asia/Kathmandu, UTC+05:45" in visitor.read("/time-zone")
    chosen = visitor.open(f"/time-zone?tz=Asia/Calcutta&next={path}")
    assert chosen.headers["Location"] == path
    assert "Times in Asia/Kolkata, UTC+05:30" in visitor.read(path)
    visitor.client.set_cookie("obdtrack_mine", "Asia%2FCalcutta")
    assert "Mine" not in visitor.read(path).partition("How we know")[0]


def test_a_zone_that_shows_the_same_times_is_not_offered(visitor: Visitor, call: Any) -> None:
    assert "Times in UTC How we know" in read(visitor, call, "?tz=provider")


def test_no_paragraph_is_closed_by_what_stands_in_it(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report()
    page = visitor.open(f"/calls/{call['id']}").text
    assert page.count('<details class="copy">') == 2
    assert not re.search(r"<p\b[^>]*>(?:(?!</p>).)*<(?:details|div|dl|form|section)\b", page, re.S)


def test_an_interrupted_call_says_until_when_it_may_still_be_sent(
    app: Flask, caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    boss = Visitor(app, create_key("boss", ["read", "admin"], services))
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown = caller.place().json
    models.Submission.update(send_until=clock.now + timedelta(seconds=12)).execute()
    assert "may still be sent until 23 Nov 12:00:12" in read(boss, unknown)
    refused = boss.send(f"/calls/{unknown['id']}/resolve", on="/", action="not-placed")
    assert refused.status_code == 409
    assert "Decide after that." in text_of(refused.text)
    clock.forward(seconds=13)
    assert "may still be sent" not in read(boss, unknown)


def test_a_report_that_names_another_number_is_shown_and_not_believed(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report(mid=None, id=f"{MID}:1", to=918867135002, status="BUSY")
    told = read(visitor, call)
    assert "may be about another call. It was not believed" in told
    assert "Not believed: it may be about another call" in told
    assert "the id is this call's, and the number is another" in told
    assert "918867135002" in told
    assert "conflict" in visitor.read("/?status=queued")


def test_metadata_is_shown_in_its_own_letters(visitor: Visitor, caller: Caller) -> None:
    call = caller.place(metadata={"घर": "<दीवाली> & co"}).json
    assert '{"घर": "<दीवाली> & co"}' in unescape(visitor.open(f"/calls/{call['id']}").text)
