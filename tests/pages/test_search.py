"""The one search box: whatever of a number or a name somebody has, it leads to all it may mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from obdtrack.calls import search
from obdtrack.calls.search import CallFilter
from obdtrack.campaigns.recipients import leave_out
from obdtrack.services import Services
from obdtrack.store.database import Store
from obdtrack.web.pages.filters import seal_text
from tests.campaigns.running import checked
from tests.conftest import Caller
from tests.factories import NUMBER, ScriptedProvider, accepted
from tests.pages.conftest import Visitor
from tests.store import stored

TWIN = "+498867135001"  # its last ten digits are those of NUMBER
MASKED = "+9188•••••001"


@pytest.fixture
def calls(caller: Caller, provider: ScriptedProvider) -> dict[str, Any]:
    """A call to each of some numbers, by number; every one has a reference and a campaign."""
    provider.on_send = accepted(mid=None)
    numbers = (NUMBER, "+918867130137", "+918867130000", "+919845012012")
    return {
        number: caller.place(to=number, reference=f"Ord-{number[-4:]}", name="Diwali 2026").json
        for number in numbers
    }


def found(visitor: Visitor, typed: str) -> str:
    """Return where the search box leads."""
    location: str = visitor.send("/search", on="/", q=typed).location
    return location


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0137", "+918867130137"),
        ("0000", "+918867130000"),
        ("130137", "+918867130137"),
        ("09845012012", "+919845012012"),
        ("098450 12012", "+919845012012"),
        ("+91 (0) 98450 12012", "+919845012012"),
        ("tel:+91-98450-12012", "+919845012012"),
        ("TEL:+919845012012;ext=7", "+919845012012"),
        ("\u202a+91 98450 12012\u202c", "+919845012012"),
        ("\u200e9845012012", "+919845012012"),
        ("＋９１ ９８４５０ １２０１２", "+919845012012"),
        ("९८४५०१२०१२", "+919845012012"),
        ("+91–98450–12012", "+919845012012"),
        ("'+919845012012", "+919845012012"),  # as the table for spreadsheets has it
        ("919845012012.0", "+919845012012"),
    ],
)
def test_a_number_is_found_however_it_is_spelt(
    visitor: Visitor, calls: dict[str, Any], typed: str, number: str
) -> None:
    assert found(visitor, typed) == f"/calls/{calls[number]['id']}"


@pytest.mark.parametrize("typed", ["0138", "00137", "137", "+1 98450 12012"])
def test_what_no_number_ends_in_finds_none(
    visitor: Visitor, calls: dict[str, Any], typed: str
) -> None:
    assert found(visitor, typed).startswith("/search?")


def test_last_digits_of_two_numbers_lead_to_both(
    visitor: Visitor, calls: dict[str, Any], caller: Caller
) -> None:
    caller.place(to=TWIN)
    listed = found(visitor, NUMBER[3:])
    told = visitor.read(listed)
    assert f"Calls to numbers that end in {NUMBER[3:]}" in told
    assert [told.count(f" {number} ") for number in (NUMBER, TWIN)] == [1, 1]
    assert NUMBER[3:] not in listed


def test_ten_digits_are_a_number_at_home_and_abroad(visitor: Visitor, services: Services) -> None:
    abroad = "+8867135001"
    with services.store.connection_context():
        for number in (abroad, NUMBER):
            stored.call(services.store, to=number)
    told = visitor.read(found(visitor, abroad[1:]))
    assert [told.count(f" {number} ") for number in (NUMBER, abroad)] == [1, 1]


def test_who_may_not_see_numbers_is_shown_four_digits(
    guest: Visitor, calls: dict[str, Any], caller: Caller
) -> None:
    caller.place(to=TWIN)
    page = guest.open(found(guest, NUMBER[-4:])).text
    assert (MASKED in page, NUMBER[3:] in page) == (True, False)
    assert "No call found" in guest.read(found(guest, NUMBER[3:]))


def test_last_digits_of_one_number_lead_to_all_its_calls(
    visitor: Visitor, calls: dict[str, Any], caller: Caller
) -> None:
    caller.place()
    assert f"Calls to {NUMBER}" in visitor.read(found(visitor, NUMBER[3:]))


@pytest.mark.parametrize("typed", [MASKED, "9188•••••001", " +9188 ••••• 001"])
def test_a_number_is_found_as_lists_show_it(
    guest: Visitor, calls: dict[str, Any], typed: str
) -> None:
    assert found(guest, typed) == f"/calls/{calls[NUMBER]['id']}"


def test_numbers_that_look_alike_are_listed_together(
    guest: Visitor, calls: dict[str, Any], caller: Caller
) -> None:
    caller.place(to="+918867199001")
    told = guest.read(found(guest, MASKED))
    assert f"Calls to numbers like {MASKED}" in told
    assert told.count(MASKED) == 6  # above, in the filter, and twice for each call


@pytest.mark.parametrize(
    "typed", ["Ord-5001", "ord-5001", "ORD-5001", "ｏｒｄ-5001", "\u200eOrd-5001"]
)
def test_a_reference_is_found_in_usual_cases(
    visitor: Visitor, calls: dict[str, Any], typed: str
) -> None:
    assert found(visitor, typed) == f"/calls/{calls[NUMBER]['id']}"


@pytest.mark.parametrize("typed", ["Diwali 2026", "diwali 2026", "DIWALI 2026"])
def test_a_campaign_is_found_in_usual_cases(
    visitor: Visitor, calls: dict[str, Any], typed: str
) -> None:
    assert found(visitor, typed) == "/campaigns/Diwali%202026"


def test_a_name_is_found_as_it_was_typed_before_any_other(visitor: Visitor, caller: Caller) -> None:
    for name in ("otp", "OTP", "👩‍💻 ａｂｃ"):
        caller.place(name=name)
        assert unquote(found(visitor, name)) == f"/campaigns/{name}"


def test_the_providers_ids_are_found_in_capitals(visitor: Visitor, calls: dict[str, Any]) -> None:
    call = calls[NUMBER]
    mid = call["provider_id"].partition(":")[0]
    for typed in (call["provider_id"].upper(), mid.upper(), call["id"].upper()):
        assert found(visitor, typed) == f"/calls/{call['id']}"


def test_the_providers_ids_are_found_in_any_spelling(
    visitor: Visitor, calls: dict[str, Any]
) -> None:
    mid, call_id = calls[NUMBER]["provider_id"].split(":")[0], calls[NUMBER]["id"]
    for typed in (mid.replace("-", ""), f"{{{mid}}}", f"urn:uuid:{mid}:1", f"{{{mid.upper()}}}:1"):
        assert found(visitor, typed) == f"/calls/{call_id}"


def test_the_name_of_an_erased_number_has_no_last_digits(each_store: Store) -> None:
    with each_store.connection_context():
        stored.call(each_store, to="erased-0123456789ab0137")
        assert search.newest(CallFilter(ending="0137"), 9) == []


@pytest.fixture
def too_old(services: Services) -> str:
    """What stands in the address of a search for NUMBER of thirteen hours ago."""
    return seal_text(NUMBER, services.now() - timedelta(hours=13), services.encryption)


def test_a_search_that_is_too_old_has_no_table(
    visitor: Visitor, calls: dict[str, Any], too_old: str
) -> None:
    told = visitor.read(f"/?number={too_old}")
    assert "number search has expired" in told
    assert "Download CSV" not in told


def test_the_table_of_a_search_that_is_too_old_is_gone(
    visitor: Visitor, calls: dict[str, Any], too_old: str
) -> None:
    response = visitor.open(f"/calls.csv?number={too_old}")
    assert response.status_code == 410
    assert "Enter the number again" in response.text
    assert "Ord-" not in response.text


def test_a_number_that_no_call_went_to_yet_is_found_in_its_campaign(
    visitor: Visitor, services: Services
) -> None:
    checked(services, [NUMBER, TWIN])
    with services.store.write():
        leave_out(TWIN, "opted-out", services)
    told = visitor.read(found(visitor, NUMBER))
    assert "In campaigns diwali (Checked), row 2: still to be called" in told
    told = visitor.read(found(visitor, TWIN))
    assert "row 3: not called: the number is on the do-not-call list" in told


def test_a_search_for_nothing_says_what_can_be_searched_for(visitor: Visitor) -> None:
    told = visitor.read("/search")
    assert "What are you looking for?" in told
    assert "expired" not in told
    assert "expired" in visitor.read("/search?what=long-ago")
