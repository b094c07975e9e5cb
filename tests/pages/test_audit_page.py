"""The audit's page answers who saw a number, who took a table away, who came in."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook

from obdtrack.access import audit
from obdtrack.access.keys import create_key
from obdtrack.privacy.erasure import erase
from obdtrack.privacy.retention import forget_calls
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import NUMBER, Clock
from tests.pages.conftest import Visitor, text_of
from tests.privacy.told import OTHER, trace

SEALED = re.compile(r"[?&](number|person)=[^&]+")


@pytest.fixture
def seen(app: Flask, services: Services, visitor: Visitor, caller: Caller) -> Any:
    """A call that Mira opened with its number in full, and another that she did not."""
    call = caller.place(name="otp").json
    caller.place(to=OTHER)
    Visitor(app, create_key("Mira", ["read", "pii"], services)).open(f"/calls/{call['id']}")
    return call


@pytest.mark.parametrize("typed", [NUMBER, "0 88671-35001", "8867135001", "0091 88671 35001"])
def test_who_saw_a_number_is_one_search_in_any_spelling(
    visitor: Visitor, seen: Any, typed: str
) -> None:
    found = visitor.send("/audit/number", on="/audit", number=typed)
    assert NUMBER[3:] not in found.location
    told = visitor.read(found.location)
    assert "About +918867135001" in told
    assert f"Mira Saw a call's number the call to {NUMBER} of 23 Nov 12:00:00" in told
    assert OTHER not in told


def test_who_saw_a_number_is_one_link_on_its_call(
    visitor: Visitor, guest: Visitor, seen: Any
) -> None:
    page = visitor.open(f"/calls/{seen['id']}").text
    (address,) = re.findall(r'href="(/audit\?number_of=[^"]+)"', page)
    assert "Mira Saw a call's number" in visitor.read(address)
    assert "Who saw this number" not in guest.read(f"/calls/{seen['id']}")


def test_entries_of_before_are_found_by_their_call(visitor: Visitor, seen: Any) -> None:
    models.Audit.update(person=None).execute()
    assert "Mira" in visitor.read(
        visitor.send("/audit/number", on="/audit", number=NUMBER).location
    )


def test_what_was_seen_is_known_after_the_call_is_gone_and_the_number_erased(
    visitor: Visitor, seen: Any, services: Services, clock: Clock
) -> None:
    erase(NUMBER, audit.operator(), services)
    with services.store.write():
        forget_calls(clock.now + timedelta(hours=1), 500)
    told = visitor.read(visitor.send("/audit/number", on="/audit", number=NUMBER).location)
    assert "Mira Saw a call's number a call that was deleted since" in told
    assert "Erased a number a number" in told


@pytest.mark.parametrize("typed", ["12345", "8867135009", "hello"])
def test_what_is_no_number_is_said_beside_the_field(
    visitor: Visitor, seen: Any, typed: str
) -> None:
    found = visitor.send("/audit/number", on="/audit", number=typed)
    assert "That is no whole number" in visitor.read(found.location)


def test_nobody_saw_a_number_that_was_never_called(visitor: Visitor, seen: Any) -> None:
    told = visitor.read(visitor.send("/audit/number", on="/audit", number="+918867135009").location)
    assert "No call with this number was opened in full" in told
    assert "Used a key that can see numbers" in told


def test_numbers_are_masked_for_administrators_who_may_not_see_them(
    app: Flask, services: Services, seen: Any
) -> None:
    boss = Visitor(app, create_key("boss", ["read", "admin"], services))
    page = boss.open(f"/audit?number_of={seen['id']}").text
    assert NUMBER[3:] not in page
    assert "the call to +9188•••••001 of" in text_of(page)


def test_entries_are_filtered_by_who_what_and_when(
    visitor: Visitor, seen: Any, clock: Clock
) -> None:
    def deeds(query: str) -> int:
        return visitor.open(f"/audit?{query}").text.count('data-live="audit-')

    assert deeds("who=Mira&what=number-viewed") == 1
    assert deeds("who=Asha&what=number-viewed") == 0
    assert deeds("who=Mira") == 3  # she signed in, and used a key that sees numbers
    assert deeds("from=2026-11-23&to=2026-11-23&who=Mira") == 3
    assert deeds("to=2026-11-22") == 0
    for wrong in ("what=nonsense", "from=soon", "person=me", "colour=red", "number=x"):
        assert visitor.open(f"/audit?{wrong}").text.count('role="alert"') == 1, wrong
        assert deeds(wrong) == 0
        assert visitor.open(f"/audit.csv?{wrong}").status_code == 422


def test_who_came_in_and_who_was_refused_is_told(visitor: Visitor, app: Flask) -> None:
    for _ in range(2):
        Visitor(app, "obd_wrong-key")
    told = visitor.read("/audit")
    assert "Asha Signed in the key Asha address 127.0.0.1" in told
    assert told.count("nobody Was refused: a wrong or expired key 127.0.0.1") == 1
    assert "how a wrong key on the pages" in told


def test_downloads_are_told_with_their_filter_and_count(visitor: Visitor, seen: Any) -> None:
    _ = visitor.open("/calls.csv?status=queued&name=otp").text
    visitor.open("/calls.xlsx")
    told = visitor.read("/audit")
    began = told.partition("Began a download calls form csv;")[2].partition("Asha")[0]
    assert "status queued" in began
    assert "name otp" in began
    ended = {row.detail["form"]: row.detail["rows"] for row in trace("download-ended")}
    assert ended == {"csv": 1, "xlsx": 2}
    assert [row.person for row in trace("download-begun")] == [None, None]


def test_a_download_of_one_numbers_calls_is_about_that_number(visitor: Visitor, seen: Any) -> None:
    visitor.open(f"/calls.csv?period=any&number_of={seen['id']}")
    told = visitor.read(f"/audit?number_of={seen['id']}")
    assert "Began a download" in told
    assert NUMBER not in str(trace("download-begun")[0].detail)


def test_the_audit_is_downloaded_as_it_is_shown(visitor: Visitor, seen: Any) -> None:
    lines = visitor.open("/audit.csv?what=number-viewed").text.splitlines()
    assert lines[0] == "\ufeffWhen (UTC),Who,Did what,To what,More,Subject's id,Person"
    assert lines[1].startswith(
        f"2026-11-23 12:00:00,Mira,Saw a call's number,the call to {NUMBER} of 23 Nov 12:00:00,"
    )
    assert len(lines) == 2
    sheet = load_workbook(io.BytesIO(visitor.open("/audit.xlsx").data)).active
    assert sheet.max_row == models.Audit.select().count()  # with a heading, without its own end


def test_a_call_that_a_person_placed_is_told_and_a_form_sent_twice_once(visitor: Visitor) -> None:
    for _ in range(2):
        visitor.send("/place", on="/place", to=NUMBER, flow_id="23", once="a" * 32)
    assert "Asha Placed a call by the form the call to" in visitor.read("/audit")
    (row,) = trace("call-placed")
    assert row.person == audit.person_of(NUMBER, visitor.client.application.extensions["obdtrack"])
