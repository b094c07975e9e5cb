"""The do-not-call list on a page: found, added to, imported, removed from for a reason."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from openpyxl import Workbook

from obdtrack.access.audit import operator
from obdtrack.access.keys import create_key
from obdtrack.calls import opt_outs
from obdtrack.privacy.erasure import erase
from obdtrack.privacy.opt_outs import suppress
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.web.pages.opt_outs import PAGE
from tests.conftest import Caller
from tests.factories import NUMBER, Clock
from tests.pages.conftest import Visitor, text_of
from tests.pages.site import csrf_token
from tests.privacy.told import OTHER, opt_out, trace

MASKED = "+9188•••••001"


@pytest.fixture
def agent(app: Flask, services: Services) -> Visitor:
    """Who places calls, and neither sees numbers nor administers."""
    return Visitor(app, create_key("agent", ["read", "place"], services))


def listed() -> set[str]:
    return {found.number for found in opt_outs.every()}


def imported(visitor: Visitor, name: str, content: bytes, country: str = "") -> Any:
    """What the page says once a file was sent to it."""
    token = csrf_token(visitor.open("/opt-outs").text)
    fields = {"csrf_token": token, "country": country, "file": (io.BytesIO(content), name)}
    return visitor.client.post("/opt-outs/import", data=fields)


@pytest.mark.parametrize("typed", ["+91 88671 35001", "0091-8867135001"])
def test_a_number_is_added_and_found_in_any_spelling_and_never_in_an_address(
    agent: Visitor, caller: Caller, typed: str
) -> None:
    added = agent.send("/opt-outs", on="/opt-outs", number=typed)
    assert NUMBER[3:] not in added.location
    assert f"{MASKED} is not called any more." in agent.read(added.location)
    assert caller.place().status_code == 409
    found = agent.send("/opt-outs/find", on="/opt-outs", number=typed)
    assert f"Only {MASKED} . Show the whole list" in agent.read(found.location).replace(".", " .")
    assert "added by us" in agent.read(found.location)
    assert NUMBER[3:] not in agent.open(found.location).text
    (row,) = trace("number-suppressed")
    assert row.actor == "agent"


def test_a_number_that_is_not_on_the_list_is_said_so_and_added_by_one_press(
    agent: Visitor, caller: Caller
) -> None:
    page = agent.open(agent.send("/opt-outs/find", on="/opt-outs", number=NUMBER).location).text
    assert f"{MASKED} may be called." in text_of(page)
    (sealed,) = re.findall(r'name="sealed" value="([^"]+)"', page)
    agent.send("/opt-outs", on="/opt-outs", sealed=sealed)
    assert listed() == {NUMBER}


def test_digits_without_a_country_are_found_by_who_sees_numbers(
    visitor: Visitor, caller: Caller
) -> None:
    caller.place()
    found = visitor.send("/opt-outs/find", on="/opt-outs", number="088671 35001")
    assert f"{NUMBER} may be called." in visitor.read(found.location)


@pytest.mark.parametrize("path", ["/opt-outs", "/opt-outs/find"])
def test_what_is_no_number_is_said_beside_the_field(agent: Visitor, path: str) -> None:
    refused = agent.send(path, on="/opt-outs", number="12345")
    assert refused.status_code == 422
    assert "Not a phone number in international form" in refused.text
    assert listed() == set()


def test_who_does_not_see_numbers_cannot_guess_them(guest: Visitor) -> None:
    for count in range(31):
        number = f"+9188671350{count:02}"
        status = guest.send("/opt-outs/find", on="/opt-outs", number=number).status_code
    assert status == 429
    assert guest.send("/opt-outs", on="/", number=NUMBER).status_code == 403


def test_the_list_goes_from_the_newest_to_the_oldest_in_pages(
    visitor: Visitor, services: Services, clock: Clock
) -> None:
    with services.store.write():
        numbers = [f"+9188671350{count:02}" for count in range(PAGE)]
        opt_outs.note_all(numbers, services.now(), services)
    clock.forward(minutes=1)
    suppress(OTHER, operator(), services)
    page = visitor.open("/opt-outs").text
    shown = re.findall(r"\+91\d{10}", page)
    assert shown[0] == OTHER
    (older,) = re.findall(r'href="([^"]*before=[^"]+)" rel="next"', page)
    rest = re.findall(r"\+91\d{10}", visitor.open(older.replace("&amp;", "&")).text)
    assert sorted([*shown, *rest]) == sorted([OTHER, *numbers])
    clock.forward(minutes=1)
    assert "did not come from the previous page" in visitor.read("/opt-outs?before=x")


def test_a_number_is_removed_for_a_reason_that_the_audit_keeps(
    visitor: Visitor, agent: Visitor, caller: Caller
) -> None:
    opt_out(caller)
    page = visitor.open("/opt-outs").text
    assert "a report of the provider" in text_of(page)
    (sealed,) = re.findall(r'name="sealed" value="([^"]+)"', page)
    assert agent.send("/opt-outs/remove", on="/", sealed=sealed, reason="x").status_code == 403
    unsaid = visitor.send("/opt-outs/remove", on="/opt-outs", sealed=sealed, reason=" ")
    assert "say why the number is called again" in visitor.read(unsaid.location)
    assert len(listed()) == 1
    visitor.send("/opt-outs/remove", on="/opt-outs", sealed=sealed, reason="She asked for it")
    assert listed() == set()
    (row,) = trace("number-unsuppressed")
    assert row.detail == {"reason": "She asked for it"}
    assert "reason She asked for it" in visitor.read("/audit")


def test_an_erased_number_stays_on_the_list_and_can_be_removed(
    visitor: Visitor, services: Services
) -> None:
    suppress(NUMBER, operator(), services)
    erase(NUMBER, operator(), services)
    page = visitor.open("/opt-outs").text
    assert "a number that was erased" in text_of(page)
    (sealed,) = re.findall(r'name="sealed" value="([^"]+)"', page)
    visitor.send("/opt-outs/remove", on="/opt-outs", sealed=sealed, reason="test")
    assert listed() == set()


def test_a_file_is_imported_and_its_bad_rows_are_named(visitor: Visitor) -> None:
    lines = ["name,phone", "a,+918867135001", "b,12345", "c,0091 99887 76655", "d,8867135002"]
    done = imported(visitor, "list.csv", "\n".join(lines).encode())
    told = text_of(done.text)
    assert "2 numbers were added. 0 were on the list already." in told
    assert "2 rows name no number" in told
    assert "Row 3: " in told
    assert "Row 5: no country code" in told
    assert listed() == {NUMBER, OTHER}
    again = text_of(imported(visitor, "list.csv", "\n".join(lines).encode(), "in").text)
    assert "1 number was added. 2 were on the list already. 1 row names no number" in again
    assert [row.detail for row in trace("numbers-imported")] == [
        {"added": 1, "known": 2, "bad": 1},
        {"added": 2, "known": 0, "bad": 2},
    ]


def test_a_workbook_and_a_bare_list_are_taken_too(visitor: Visitor) -> None:
    book, file = Workbook(), io.BytesIO()
    book.active.append(["Mobile"])
    book.active.append([NUMBER])
    book.save(file)
    imported(visitor, "list.xlsx", file.getvalue())
    imported(visitor, "list.txt", f"{OTHER}\n+918867135002\n".encode())
    assert listed() == {NUMBER, OTHER, "+918867135002"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("list.pdf", b"x", "Choose a file that ends in"),
        ("list.csv", b"", "There is no row"),
        ("list.csv", b"a,b\n1,2\n", "unclear which column"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(
    visitor: Visitor, name: str, content: bytes, said: str
) -> None:
    refused = imported(visitor, name, content)
    assert refused.status_code == 422
    assert said in text_of(refused.text)
    assert trace("numbers-imported") == []


def test_a_calls_number_is_not_called_again_from_its_page(
    agent: Visitor, guest: Visitor, caller: Caller, clock: Clock
) -> None:
    path = f"/calls/{caller.place().json['id']}"
    assert "Do not call this number again" in agent.read(path)
    assert "Do not call this number again" not in guest.read(path)
    clock.forward(seconds=timedelta(minutes=1).total_seconds())
    done = agent.send(f"{path}/do-not-call", on=path)
    told = agent.read(done.location)
    assert f"{MASKED} is not called any more." in told
    assert "Do not call this number again" not in told
    assert "On the do-not-call list" in guest.read(path)
    assert models.OptOutRow.select().count() == 1
