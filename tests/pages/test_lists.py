"""The list of calls, the search box, the table for spreadsheets, the inbox and the campaigns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from obdtrack.access import audit
from obdtrack.access.keys import create_key
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services, new_id
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import NUMBER, Clock, ScriptedProvider, accepted
from tests.pages.conftest import Visitor

OTHER = "+918867135077"


@pytest.fixture
def two(caller: Caller, provider: ScriptedProvider) -> list[Any]:
    """Two calls, to different numbers."""
    provider.on_send = accepted(mid=None)
    first = caller.place(reference="order-7", name="otp").json
    return [first, caller.place(to=OTHER, reference="order-8", name="spring").json]


@pytest.mark.parametrize(
    "typed", ["+91 88671 35001", "(091) 8867-135001", "918867135001", "5001", "135001", "order-7"]
)
def test_a_call_is_found_by_what_one_knows_of_it(
    visitor: Visitor, two: list[Any], typed: str
) -> None:
    assert visitor.send("/search", on="/", q=typed).location == f"/calls/{two[0]['id']}"


@pytest.mark.parametrize("field", ["id", "provider_id"])
def test_a_call_is_found_by_either_id(visitor: Visitor, two: list[Any], field: str) -> None:
    assert visitor.send("/search", on="/", q=two[1][field]).location == f"/calls/{two[1]['id']}"


def test_a_campaign_is_found_by_its_name(visitor: Visitor, two: list[Any]) -> None:
    assert visitor.send("/search", on="/", q="spring").location == "/campaigns/spring"


def test_a_number_never_stands_in_the_address(visitor: Visitor, caller: Caller) -> None:
    caller.place()
    caller.place()
    response = visitor.send("/search", on="/", q=NUMBER)
    assert NUMBER[1:] not in response.location
    assert "2" in visitor.read(response.location)
    assert NUMBER in visitor.read(response.location)


def test_the_figures_of_the_period_stand_above_the_calls(
    visitor: Visitor, two: list[Any], caller: Caller, clock: Clock
) -> None:
    caller.report(mid=two[0]["provider_id"][:-2])
    clock.forward(minutes=1)
    told = visitor.read("/")
    assert "Placed 2 Answered 100 % 1 of 1 ended Busy 0 No answer 0 Failed 0" in told
    assert "Waiting 1 Found by polling 0" in told
    assert "Placed 1 Answered –" in visitor.read("/?name=spring")


def test_calls_are_listed_with_the_time_of_day_and_their_age(
    visitor: Visitor, two: list[Any], clock: Clock
) -> None:
    clock.forward(minutes=3)
    for path in ("/", "/campaigns/otp", f"/submissions/{two[0]['submission_id']}"):
        assert "23 Nov 12:00:00 3 minutes ago" in visitor.read(path)


def test_a_number_leads_to_all_calls_to_it_and_a_name_to_its_campaign(
    visitor: Visitor, guest: Visitor, caller: Caller, two: list[Any]
) -> None:
    again = caller.place(reference="order-9", name="spring").json
    for reader in (visitor, guest):
        link = f"/?number_of={again['id']}"
        assert f'href="{link}"' in reader.open("/").text
        told = reader.read(link)
        assert [f"order-{n}" in told for n in (7, 8, 9)] == [True, False, True]
    assert 'href="/campaigns/spring">spring</a>' in visitor.open("/").text
    assert NUMBER[1:] not in guest.open(link).text


def test_a_name_that_holds_a_number_is_no_link_for_who_may_not_see_it(
    guest: Visitor, caller: Caller
) -> None:
    caller.place(name=f"for {NUMBER}")
    assert NUMBER[1:] not in guest.open("/").text


def test_what_is_found_nowhere_says_so(visitor: Visitor) -> None:
    response = visitor.send("/search", on="/", q="<b>nobody</b>")
    assert "“ <b>nobody</b> ” matches no number we called" in visitor.read(response.location)


def test_filters_are_in_the_address(visitor: Visitor, two: list[Any], caller: Caller) -> None:
    caller.report(mid=two[0]["provider_id"][:-2], status="BUSY")
    assert OTHER not in visitor.read("/?status=busy")
    assert NUMBER in visitor.read("/?status=busy")
    assert NUMBER not in visitor.read("/?name=spring")
    assert "Nothing needs attention" in visitor.read("/?status=attention")
    assert "No calls here" in visitor.read("/?to=2020-01-01")


def test_unknown_calls_need_attention(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.PROVIDER_ERROR)
    caller.place()
    assert NUMBER in visitor.read("/?status=attention")


def test_older_calls_are_a_page_away(visitor: Visitor, caller: Caller) -> None:
    for count in range(51):
        caller.place(reference=f"r-{count}")
    first = visitor.open("/").text
    assert "r-50<" in first
    assert "r-0<" not in first
    last = first.partition('rel="next"')[0].rpartition('href="')[2].rstrip('" ')
    assert "r-0 " in visitor.read(last)


def test_a_page_that_says_the_same_is_not_sent_again(visitor: Visitor, two: list[Any]) -> None:
    mark = visitor.open("/").headers["ETag"]
    assert visitor.open("/", headers={"If-None-Match": mark}).status_code == 304


def test_numbers_are_masked_without_pii(guest: Visitor, two: list[Any]) -> None:
    for path in ("/", f"/calls/{two[0]['id']}", "/deliveries", "/calls.csv"):
        page = guest.open(path).text
        assert NUMBER[1:] not in page, path
    assert "+9188•••••001" in guest.read("/")


def test_who_may_place_calls_has_numbers_shown_everywhere_until_they_are_hidden(
    app: Flask, services: Services, two: list[Any]
) -> None:
    agent = Visitor(app, create_key("agent", ["read", "place"], services))
    path = f"/calls/{two[0]['id']}"
    for shown in (False, True, False):
        for page in ("/", path, "/deliveries", "/calls.csv"):
            assert (NUMBER[1:] in agent.open(page).text) is shown or page == "/deliveries", page
        assert ("Numbers are shown in full until you sign out" in agent.open("/").text) is shown
        agent.send(f"/numbers/{'hide' if shown else 'show'}", on="/", next=path)
    with services.store.connection_context():
        noted = [row.action for row in audit.newest(99) if row.actor == "agent"]
    assert noted.count("numbers-shown") == 2
    assert noted.count("number-viewed") == 1


def test_who_only_reads_has_no_numbers_shown_and_who_has_pii_need_not_ask(
    visitor: Visitor, guest: Visitor, two: list[Any]
) -> None:
    assert guest.send("/numbers/show", on="/").status_code == 403
    assert NUMBER not in guest.read("/")
    assert "Show numbers" not in guest.open("/").text + visitor.open("/").text
    assert NUMBER in visitor.read(f"/calls/{two[0]['id']}")
    assert "Saw a call's number" in visitor.read("/audit")


def test_an_empty_inbox_explains_the_webhook(visitor: Visitor) -> None:
    told = visitor.read("/deliveries")
    assert "No report has arrived yet" in told
    assert "/webhooks/mobtexting" in told


def test_a_report_is_read_again_from_the_inbox(visitor: Visitor, caller: Caller) -> None:
    caller.report()
    path = f"/deliveries/{caller.only_delivery()['id']}"
    assert "Unmatched" in visitor.read("/deliveries?outcome=unmatched")
    assert "still unmatched" in text(visitor.send(f"{path}/replay", on="/"), visitor)
    call = caller.place().json
    visitor.send("/deliveries/replay", on="/", outcome="unmatched")
    assert "Answered" in visitor.read(f"/calls/{call['id']}")


def test_reading_again_is_for_admins(guest: Visitor, caller: Caller) -> None:
    caller.report()
    path = f"/deliveries/{caller.only_delivery()['id']}/replay"
    assert guest.send(path, on="/").status_code == 403


def test_a_campaign_adds_up_its_calls(visitor: Visitor, two: list[Any], caller: Caller) -> None:
    caller.report(mid=two[0]["provider_id"][:-2], charges="0.25")
    told = visitor.read("/campaigns/otp")
    assert "Placed 1" in told
    assert "Answered 100.0 %" in told
    assert "Attempt 1 1 100.0 %" in told
    assert "otp" in visitor.read("/campaigns")


def test_a_campaign_says_when_its_newest_call_was_placed(
    visitor: Visitor, caller: Caller, clock: Clock
) -> None:
    clock.forward(minutes=29)
    caller.place(name="otp")
    clock.forward(seconds=40)
    assert "40 seconds ago" in visitor.read("/campaigns")


def test_the_audit_names_who_did_what(visitor: Visitor) -> None:
    told = visitor.read("/audit")
    assert "Created a key" in told
    assert "name Asha" in told


@pytest.mark.parametrize("tz", ["utc", "mine", "provider"])
def test_times_are_shown_in_the_chosen_zone(
    visitor: Visitor, two: list[Any], clock: Clock, tz: str
) -> None:
    visitor.client.set_cookie("obdtrack_mine", "Asia%2FKolkata")
    shown = visitor.read(f"/calls/{two[0]['id']}?tz={tz}")
    assert ("17:30:00" if tz == "mine" else "12:00:00") in shown


def text(response: Any, visitor: Visitor) -> str:
    return visitor.read(response.location)


def test_alarms_are_listed_open_ones_first_with_their_calls_and_what_to_do(
    guest: Visitor, services: Services, clock: Clock
) -> None:
    call = str(new_id())
    detail = {"title": "Trouble", "to_do": "see to it with `make`", "calls": [call]}
    for rule, what, hours in (("disk", "It is full.", None), ("clock", "It was wrong.", 2)):
        ended_at = clock.now + timedelta(hours=hours) if hours else None
        with services.store.write():
            models.Alarm.insert(
                id=new_id(), rule=rule, subject="", opened_at=clock.now, ended_at=ended_at,
                detail={**detail, "what": what},
            ).execute()  # fmt: skip
    told = guest.read("/alarms")
    assert told.index("It is full.") < told.index("It was wrong.")
    assert told.count("To do: see to it with make") == 1
    assert told.count("until") == 1
    assert f'href="/calls/{call}"' in guest.open("/alarms").text


def test_without_alarms_their_page_says_that_all_is_well(guest: Visitor) -> None:
    assert "All is well" in guest.read("/alarms")
