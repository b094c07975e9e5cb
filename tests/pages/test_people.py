"""What is stored about a person is handed out, and erased once the number was typed again."""

from __future__ import annotations

import json
import re

import pytest

from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.web.pages import people
from tests.conftest import Caller
from tests.factories import NUMBER
from tests.pages.conftest import Visitor, text_of
from tests.privacy.told import everything, trace


@pytest.fixture
def sealed(visitor: Visitor, caller: Caller) -> str:
    """The number of a call, as the page about it holds it."""
    caller.place()
    page = visitor.send("/people/find", on="/people", number="088671 35001").text
    assert "Calls 1 Rows in lists of campaigns 0 On the do-not-call list no" in text_of(page)
    return str(re.findall(r'name="sealed" value="([^"]+)"', page)[0])


def test_a_persons_data_is_downloaded_as_the_command_gives_it(
    visitor: Visitor, sealed: str
) -> None:
    given = visitor.send("/people/export", on="/people", sealed=sealed)
    assert NUMBER[3:] not in given.headers["Content-Disposition"]
    data = json.loads(given.text)
    assert data["number"] == data["calls"][0]["to"] == NUMBER
    assert [row.actor for row in trace("number-exported")] == ["Asha"]


@pytest.mark.parametrize("typed", ["5001", "+91 88671 35001"])
def test_a_number_is_erased_once_it_was_typed_again(
    visitor: Visitor, sealed: str, services: Services, typed: str
) -> None:
    told = text_of(visitor.send("/people/erase", on="/people", sealed=sealed, again=typed).text)
    assert "The number was erased" in told
    assert "calls: 1 row changed" in told
    assert "1 call was waiting for a report and is unresolved now" in told
    assert "Not reached from here: backups that were made before" in told
    assert NUMBER[1:].encode() not in everything(services.store)
    (row,) = trace("number-erased")
    assert row.actor == "Asha"
    assert "Erased a number" in visitor.read(f"/audit?person={row.subject}")


@pytest.mark.parametrize("typed", ["", "5002", "001", "8867135001", "+918867135002"])
def test_another_number_erases_nothing(visitor: Visitor, sealed: str, typed: str) -> None:
    refused = visitor.send("/people/erase", on="/people", sealed=sealed, again=typed)
    assert refused.status_code == 422
    assert "That is not this number" in refused.text.partition('id="h-again"')[2]
    assert models.Call.get().to_number == NUMBER


def test_a_second_time_nothing_is_stored_any_more(visitor: Visitor, sealed: str) -> None:
    for _ in range(2):
        done = visitor.send("/people/erase", on="/people", sealed=sealed, again="5001")
    assert "Nothing is stored about this number" in text_of(done.text)


def test_a_number_that_is_called_now_is_erased_later(
    visitor: Visitor, sealed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise ObdtrackError(Code.CONFLICT, "The number is being called now.", retry_after=20)

    monkeypatch.setattr(people, "erase", busy)
    refused = visitor.send("/people/erase", on="/people", sealed=sealed, again="5001")
    assert (refused.status_code, refused.headers["Retry-After"]) == (409, "20")
    assert "The number is being called now" in refused.text


@pytest.mark.parametrize("typed", ["12345", "erased-0123456789abcdef", ""])
def test_what_is_no_number_is_said_beside_the_field(visitor: Visitor, typed: str) -> None:
    refused = visitor.send("/people/find", on="/people", number=typed)
    assert refused.status_code == 422
    assert "Not a phone number in international form" in refused.text


def test_a_form_that_is_too_old_does_nothing(visitor: Visitor, sealed: str) -> None:
    assert visitor.send("/people/export", on="/people", sealed="x").status_code == 410
    assert trace("number-exported") == []


def test_only_administrators_come_here(guest: Visitor) -> None:
    assert guest.open("/people").status_code == 403
