"""Keys are made, rotated and revoked on a page, and shown once."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from obdtrack.access import keys
from obdtrack.access.keys import create_key
from obdtrack.services import Services
from obdtrack.store import models
from tests.factories import Clock
from tests.pages.conftest import Visitor, text_of

NEW = {"name": "shop", "scopes": "place", "expires": ""}


def key_in(page: str) -> str:
    """The one key that a page shows."""
    (found,) = re.findall(r'value="(obd_[^"]+)"', page)
    return str(found)


def newest() -> models.ApiKey:
    return keys.all_keys()[-1]


def test_a_new_key_is_shown_once_and_kept_nowhere(
    app: Flask, visitor: Visitor, services: Services
) -> None:
    made = visitor.send("/keys", on="/", **{**NEW, "scopes": "read"})
    secret = key_in(made.text)
    assert "no-store" in made.headers["Cache-Control"]
    assert Visitor(app, secret).open("/").status_code == 200
    told = visitor.read("/keys")
    assert "Active shop read" in told
    assert re.search("Active shop read [^:]+:00:00 Asha never", told)
    assert secret not in visitor.open("/keys").text + visitor.open(f"/keys/{newest().id}").text


def test_sending_the_form_again_makes_no_second_key(visitor: Visitor) -> None:
    visitor.send("/keys", on="/", **NEW)
    again = visitor.send("/keys", on="/", **NEW)
    assert again.status_code == 409
    assert "There is an active key named shop: rotate that one" in text_of(again.text)
    assert 'value="shop"' in again.text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", " ", "A key needs a name"),
        ("scopes", "", "Unknown scope"),
        ("expires", "2026-02-30", "That is not a day"),
        ("expires", "2026-11-01", "expired already"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    visitor: Visitor, field: str, value: str, said: str
) -> None:
    before = len(keys.all_keys())
    refused = visitor.send("/keys", on="/", **{**NEW, field: value})
    assert refused.status_code == 422
    assert said in refused.text.partition(f'id="h-{field}"')[2].partition("</div>")[0]
    assert len(keys.all_keys()) == before


def test_a_rotated_key_works_on_and_a_session_of_it_ends_with_it(
    app: Flask, visitor: Visitor, services: Services, clock: Clock
) -> None:
    person = Visitor(app, create_key("Ravi", ["read"], services))
    page = visitor.send(f"/keys/{newest().id}/rotate", on="/", grace="1")
    assert "The old key works until 23 Nov 13:00:00" in text_of(page.text)
    assert Visitor(app, key_in(page.text)).open("/").status_code == 200
    again = visitor.send(f"/keys/{keys.all_keys()[-2].id}/rotate", on="/", grace="1")
    assert "This key was rotated already" in visitor.read(again.location)
    assert person.open("/").status_code == 200
    clock.forward(hours=1)
    ended = person.open("/")
    assert ended.status_code == 303
    assert "/sign-in" in ended.location
    assert "Expired Ravi" in visitor.read("/keys")


def test_a_key_is_revoked_after_it_was_confirmed(
    app: Flask, visitor: Visitor, services: Services
) -> None:
    person = Visitor(app, create_key("Ravi", ["read"], services))
    path = f"/keys/{newest().id}"
    assert "This cannot be undone" in visitor.read(path)
    done = visitor.send(f"{path}/revoke", on=path)
    assert "The key Ravi was revoked" in visitor.read(done.location)
    assert person.open("/").status_code == 303
    assert "This cannot be undone" not in visitor.read(path)
    assert "no active key" in visitor.read(visitor.send(f"{path}/revoke", on="/").location)


def test_an_expired_key_is_told_so_at_the_door(
    visitor: Visitor, services: Services, clock: Clock
) -> None:
    visitor.send("/keys", on="/", **{**NEW, "scopes": "read", "expires": "2026-11-23"})
    secret = create_key("x", ["read"], services, expires_at=newest().expires_at)
    clock.forward(hours=12)
    refused = visitor.send("/sign-in", key=secret)
    assert refused.status_code == 401
    assert "This key expired at 2026-11-24T00:00:00Z" in refused.text


def test_only_administrators_see_keys(guest: Visitor) -> None:
    assert guest.open("/keys").status_code == 403
    assert "/keys" not in guest.open("/").text
