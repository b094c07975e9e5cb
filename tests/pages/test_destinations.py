"""Destinations on the pages: created, looked at, and sent again what they did not take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from obdtrack.access.audit import operator
from obdtrack.notifications import destinations
from obdtrack.notifications.destinations import Wishes
from obdtrack.services import Services, new_id
from obdtrack.store import models
from tests.factories import NOON, NUMBER, Clock
from tests.pages.site import Site

if TYPE_CHECKING:
    from tests.pages.conftest import Visitor

URL = "https://shop.example/obdtrack"


def add(services: Services, **wishes: Any) -> UUID:
    with services.store.connection_context():
        return destinations.create(Wishes(URL, **wishes), operator(), services)[0]


def send(services: Services, destination_id: UUID, status: str = "failed", **columns: Any) -> UUID:
    """Note that something was sent, and what became of it."""
    with services.store.connection_context(), services.store.write():
        row = models.Notification.create(**{
            "id": new_id(), "destination_id": destination_id, "position": 1,
            "event_id": new_id(), "type": "call.busy", "status": status, "tries": 10,
            "created_at": NOON, "due_at": NOON, "tried_at": NOON, "duration_ms": 340,
            "http_status": 500, "failure": "It responded 500.", "response": "<b>oops</b>",
            **columns,
        })  # fmt: skip
    return UUID(str(row.id))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("url", "", "1 to 2000 characters"),
        ("campaign_id", "diwali", "UUID"),
        ("types", "call.rang", "no type"),
        ("status", "ringing", "Must be one of"),
        ("numbers", "some", "Must be one of"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    visitor: Visitor, field: str, value: str, said: str
) -> None:
    form = {"url": URL, "numbers": "masked", "reference_prefix": "order-", field: value}
    refused = visitor.send("/destinations/new", **form)
    assert refused.status_code == 422
    _, _, below = refused.text.partition(f'id="h-{field}"')
    assert said in below.partition("</div>")[0]
    assert 'value="order-"' in refused.text
    assert "No destinations yet" in visitor.read("/destinations")


def test_only_administrators_come_here(guest: Visitor, services: Services) -> None:
    made = add(services)
    for path in ("", "/new", f"/{made}", f"/{made}/edit"):
        assert guest.open(f"/destinations{path}").status_code == 403
    assert guest.send(f"/destinations/{made}/rotate").status_code == 403
    assert "Destinations" not in guest.open("/").text


def test_its_wishes_are_shown_and_changed(visitor: Visitor, services: Services) -> None:
    made = add(services, types=("call.busy", "campaign.*"), filter={"status": ["busy"]})
    form = visitor.open(f"/destinations/{made}/edit").text
    checked = re.findall(r'value="([^"]+)" checked', form)
    assert checked == ["campaign.*", "call.busy", "busy"]
    path = f"/destinations/{made}"
    changed = visitor.send(f"{path}/edit", url=URL, numbers="none", campaign_id=str(new_id()))
    assert changed.location == path
    page = visitor.read(path)
    assert "Events all" in page
    assert "Numbers left out" in page
    assert visitor.send(f"{path}/edit", url="", numbers="none").status_code == 422


def test_the_log_says_why_and_goes_again(visitor: Visitor, services: Services) -> None:
    made = add(services)
    one = send(services, made)
    path = f"/destinations/{made}"
    page = visitor.open(path).text
    assert "It responded 500." in page
    assert "<pre>&lt;b&gt;oops&lt;/b&gt;</pre>" in page
    assert "Nothing with the status Delivered yet." in visitor.read(f"{path}?status=delivered")
    assert "is no status" in visitor.read(f"{path}?status=lost")
    visitor.send(f"{path}/notifications/{one}/replay")
    assert "was deleted" in visitor.read(path)  # its event
    visitor.send(f"{path}/notifications/replay")
    assert "1 will be sent again." in visitor.read(path)


def test_a_test_says_on_the_page_what_came_of_it(visitor: Visitor, services: Services) -> None:
    made = add(services)
    with services.store.connection_context(), services.store.write():
        models.Destination.update(url="http://shop.example/").execute()  # of an older setting
    visitor.send(f"/destinations/{made}/test")
    assert "Not taken: Must begin with https://" in visitor.read(f"/destinations/{made}")


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-11-23T12:00", "0 that failed will be sent again"),
        ("2026-11-23T17:31", "Must not be in the future."),  # by this reader's clock, 12:01 UTC
        ("yesterday", "That is not a day and a time"),
    ],
)
def test_a_time_to_recover_from_is_by_the_readers_clock(
    visitor: Visitor, services: Services, clock: Clock, since: str, said: str
) -> None:
    made = add(services)
    visitor.client.set_cookie("obdtrack_zone", "india")
    visitor.send(f"/destinations/{made}/recover", since=since)
    assert said in visitor.read(f"/destinations/{made}")


def test_a_person_creates_one_looks_at_it_and_deletes_it_without_script(site: Site) -> None:
    with site.visit(java_script_enabled=False) as page:
        page.goto(f"{site.url}/destinations")
        page.click("a:has-text('New destination')")
        page.fill("#f-url", URL)
        page.check("text=call.*")
        page.click("button:has-text('Create destination')")
        secret = page.input_value(".secret input")
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
        page.click("a:has-text('I have copied it')")
        with site.services.store.connection_context():
            (row,) = destinations.all_of_them()
        send(site.services, row.id, response=f"told {NUMBER}", subject=new_id())
        page.click(".tabs >> text=Failed")
        page.click("summary:has-text('HTTP 500')")
        assert page.locator(".c-response pre").inner_text() == f"told {NUMBER}"
        page.click("button:has-text('Pause')")
        assert "It is sent nothing until resumed." in page.inner_text(".plan")
        page.click("button:has-text('Resume')")
        assert "It is told what happens." in page.inner_text(".plan")
        page.click("summary:has-text('Rotate secret')")
        page.click("button:has-text('Rotate secret')")
        assert page.input_value(".secret input") not in ("", secret)
        page.click("a:has-text('I have copied it')")
        assert "The old secret signs, too, until" in page.inner_text(".plan")
        page.click("summary:has-text('Delete')")
        page.click("button:has-text('Delete')")
        assert "No destinations yet" in page.inner_text("main")
        assert secret not in page.content()
    assert site.complaints == []
