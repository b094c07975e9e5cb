"""Who may not see numbers cannot find one whole by searching, and what they look for is noted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from obdtrack.access import keys
from obdtrack.access.keys import create_key
from obdtrack.limits import Guesses
from obdtrack.services import Services
from obdtrack.store.database import Store
from tests.conftest import Caller
from tests.factories import NUMBER, Clock, ScriptedProvider, accepted
from tests.pages.conftest import Visitor
from tests.privacy.told import everything, trace

MANY = 30


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """What may be asked does not depend on the database."""
    return sqlite_store


@pytest.fixture
def guest(app: Flask, services: Services, caller: Caller) -> Visitor:
    """A person who may only read, and a call to NUMBER."""
    assert caller.place().status_code == 201
    return Visitor(app, create_key("Guest", ["read"], services))


def is_told_by_a_page(guest: Visitor, digits: str) -> bool:
    return f"{NUMBER[:5]}•" in guest.open(f"/?period=any&ending={digits}").text


def is_told_by_a_table(guest: Visitor, digits: str) -> bool:
    return f"{NUMBER[:5]}•" in guest.open(f"/calls.csv?period=any&ending={digits}").text


def is_told_by_the_search_box(guest: Visitor, digits: str) -> bool:
    found = guest.send("/search", q=digits)
    return found.status_code == 303 and "/search?" not in found.location


def is_told_by_the_api(guest: Visitor, digits: str) -> bool:
    services = guest.client.application.extensions["obdtrack"]
    newest = keys.all_keys()[-1].id
    key = keys.rotate_key(newest, services, grace=timedelta(hours=1))
    return bool(Caller(guest.client, key).get("/calls", to=digits).json.get("data"))


DOORS = [is_told_by_a_page, is_told_by_a_table, is_told_by_the_search_box, is_told_by_the_api]


def digits_found(guest: Visitor, is_told: Callable[[Visitor, str], bool], shown: str) -> str:
    """Find digit after digit in front of those shown, as somebody would who wants all of them."""
    while found := [d for d in "0123456789" if is_told(guest, d + shown)]:
        shown = found[0] + shown
        if shown == NUMBER[1:]:
            break
    return shown


@pytest.mark.parametrize("door", DOORS)
def test_no_door_tells_more_than_the_last_four_digits(guest: Visitor, door: Any) -> None:
    assert door(guest, NUMBER[-4:])
    assert digits_found(guest, door, NUMBER[-4:]) == NUMBER[-4:]
    assert not door(guest, NUMBER[3:])


@pytest.mark.parametrize("door", DOORS[:3])
def test_asking_for_longer_endings_would_be_noticed(guest: Visitor, door: Any) -> None:
    with (
        patch("obdtrack.web.pages.calls.admit"),
        patch("obdtrack.web.pages.search_box.admit"),
        patch("obdtrack.web.pages.search_box._watched", lambda digits, *_: digits),
    ):
        assert len(digits_found(guest, door, NUMBER[-4:])) >= 9


def test_it_is_said_what_may_be_sought(guest: Visitor, reader: Caller) -> None:
    refused = reader.get("/calls", to=NUMBER[3:])
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["to"])
    assert "its last four digits" in refused.json["detail"]
    assert "by its last four digits" in guest.read(guest.send("/search", q=NUMBER[3:]).location)


def guesses_answered(reader: Caller) -> int:
    """Guess numbers until told to wait; returns how many were answered."""
    for count in range(2 * MANY):
        answer = reader.get("/calls", to=f"+9188671{count:05d}")
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
            return count
        assert answer.json["data"] == []
    return 2 * MANY


def test_who_guesses_whole_numbers_is_soon_told_to_wait(
    reader: Caller, caller: Caller, services: Services
) -> None:
    caller.place()
    assert guesses_answered(reader) == MANY
    assert reader.get("/calls", to=NUMBER).status_code == 429  # a hit would tell as much
    assert len(trace("number-sought")) == MANY
    assert len(caller.get("/calls", to=NUMBER).json["data"]) == 1
    other = Caller(reader.client, create_key("other", ["read"], services))
    assert len(other.get("/calls", to=NUMBER).json["data"]) == 1


def test_not_counting_guesses_would_be_noticed(reader: Caller) -> None:
    with patch.object(Guesses, "add"):
        assert guesses_answered(reader) == 2 * MANY


def test_a_new_key_of_the_same_name_guesses_no_more(reader: Caller, services: Services) -> None:
    guesses_answered(reader)
    (key,) = (key for key in keys.all_keys() if key.name == "reader")
    renewed = Caller(reader.client, keys.rotate_key(key.id, services, grace=timedelta(0)))
    assert renewed.get("/calls", to=NUMBER).status_code == 429


def test_a_list_that_is_looked_at_for_long_is_one_guess(guest: Visitor) -> None:
    for _ in range(2 * MANY):
        assert guest.open("/?period=any&ending=9999").status_code == 200
    assert len(trace("number-sought")) == 1


@pytest.mark.parametrize("field", ["reference", "name"])
def test_a_reference_that_may_be_a_number_is_looked_for_like_one(
    reader: Caller, field: str
) -> None:
    for count in range(MANY):
        assert reader.get("/calls", **{field: f"88671{count:05d}"}).status_code == 200
    assert reader.get("/calls", **{field: NUMBER[3:]}).status_code == 429
    assert reader.get("/calls", **{field: "order-7"}).status_code == 200


def test_what_number_is_looked_for_is_noted_once_an_hour_and_not_in_clear(
    reader: Caller, caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    sought = "+919845012012"
    for _ in range(3):
        reader.get("/calls", to=sought)
        reader.get("/calls", to="2012")
    caller.get("/calls", to=sought)
    whole, ending = sorted(trace("number-sought"), key=lambda row: row.subject, reverse=True)
    assert (whole.actor, ending.subject) == ("reader", "ending in 2012")
    assert whole.subject.startswith("erased-")
    assert sought[3:].encode() not in everything(services.store)
    clock.forward(hours=1)
    reader.get("/calls", to=sought)
    assert len(trace("number-sought")) == 3


def test_noting_nothing_would_be_noticed(reader: Caller) -> None:
    with patch("obdtrack.access.audit._record_hourly"):
        reader.get("/calls", to=NUMBER)
    assert not trace("number-sought")
    reader.get("/calls", to=NUMBER)
    assert trace("number-sought")
