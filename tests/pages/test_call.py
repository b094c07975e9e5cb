"""One call's page: every event with where it comes from, what went over the wire, the buttons."""

from __future__ import annotations

from typing import Any

import pytest

from obdtrack.domain.submission import Failure, SendAnswer
from obdtrack.storage import audit, deliveries
from obdtrack.workflows.context import Context
from tests.conftest import Caller
from tests.factories import NUMBER, SECRET, ScriptedProvider
from tests.pages.conftest import Visitor


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
        "Report queued → completed provider's clock 23 Nov 11:57:39 "
        "ours 23 Nov 12:00:00 from a report"
    ) in told


def test_the_same_report_again_is_counted(visitor: Visitor, caller: Caller, call: Any) -> None:
    caller.report()
    caller.report()
    assert "came 2 times" in read(visitor, call)


def test_two_words_for_one_attempt_are_named_a_conflict(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report()
    caller.report(status="BUSY")
    assert "reported one attempt in two ways: ANSWER and BUSY" in read(visitor, call)
    page = visitor.open(f"/calls/{call['id']}").text
    assert page.count('<span class="tag tone-doubt">conflict</span>') == 2


def test_a_recording_is_linked_with_its_expiry_and_never_fetched(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report(recording_url="https://sounds.example/1.wav")
    page = visitor.open(f"/calls/{call['id']}").text
    assert 'href="https://sounds.example/1.wav" rel="noreferrer noopener nofollow"' in page
    assert "links work 2 hours" in page
    assert "<audio" not in page


def test_a_recording_that_is_no_web_address_is_no_link(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report(recording_url="javascript:alert(1)")
    assert "recording_url" in read(visitor, call)
    assert 'href="javascript' not in visitor.open(f"/calls/{call['id']}").text


def test_what_went_over_the_wire_holds_no_secret(
    visitor: Visitor, caller: Caller, call: Any, context: Context
) -> None:
    caller.report()
    visitor.send(f"/calls/{call['id']}/number", on="/")
    page = visitor.open(f"/calls/{call['id']}").text
    assert "Bearer [removed]" in page
    assert "variables[otp]" in page
    for secret in ("987123", SECRET, context.settings.provider_token):
        assert secret not in page


def test_a_report_is_copied_as_curl_with_the_secret_left_out(
    visitor: Visitor, caller: Caller, call: Any
) -> None:
    caller.report()
    visitor.send(f"/calls/{call['id']}/number", on="/")
    told = read(visitor, call)
    assert "curl -X POST http://localhost/webhooks/mobtexting" in told
    assert "Bearer $OBDTRACK_WEBHOOK_SECRET" in told


def test_a_report_that_failed_is_read_again_from_its_call(
    visitor: Visitor, caller: Caller, call: Any, context: Context
) -> None:
    caller.report()
    delivery = caller.only_delivery()["id"]
    with context.store.write():
        deliveries.models.Delivery.update(outcome="failed").execute()
    action = f'action="/deliveries/{delivery}/replay"'
    assert action in visitor.open(f"/calls/{call['id']}").text


def test_times_in_an_events_facts_follow_the_chosen_zone(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendAnswer(Failure.TIMEOUT)
    unknown = caller.place().json
    visitor.client.set_cookie("obdtrack_mine", "Asia%2FKolkata")
    visitor.send(f"/calls/{unknown['id']}/refresh", on="/")
    told = read(visitor, unknown, "?tz=mine")
    assert "created after 23 Nov 17:28:00" in told
    assert "T11:58:00" not in told.partition("As it went over the wire")[0]


def test_whoever_reads_numbers_in_full_leaves_a_trace(
    visitor: Visitor, guest: Visitor, call: Any, context: Context
) -> None:
    guest.read("/")
    assert NUMBER in visitor.read("/")
    with context.store.connection_context():
        noted = [row.actor for row in audit.newest(9) if row.action == "pii-used"]
    assert noted == ["Asha"]
