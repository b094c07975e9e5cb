"""In with a key, out again, and never led elsewhere."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from obdtrack.access.keys import create_key
from obdtrack.cli import demo
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services
from obdtrack.web.http.session import own_path
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider
from tests.pages.conftest import Visitor
from tests.pages.site import SCOPES, csrf_token


def test_nobody_sees_a_page_without_signing_in(app: Flask) -> None:
    response = app.test_client().get("/?status=busy", headers={"Accept": "text/html"})
    assert response.status_code == 303
    assert response.location == "/sign-in?next=/?status%3Dbusy"


def test_a_key_opens_the_door_with_a_guarded_cookie(app: Flask, services: Services) -> None:
    key = create_key("Asha", ["read"], services)
    stranger = Visitor(app, "no such key")
    response = stranger.send("/sign-in?next=/campaigns", key=key)
    assert (response.status_code, response.location) == (303, "/campaigns")
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_cookie_is_for_tls_only_behind_tls(app: Flask, services: Services) -> None:
    key = create_key("Asha", ["read"], services)
    stranger = Visitor(app, "no such key")
    token = csrf_token(stranger.open("/sign-in").text)
    form, tls = {"csrf_token": token, "key": key}, {"X-Forwarded-Proto": "https"}
    assert (
        "Secure" in stranger.client.post("/sign-in", data=form, headers=tls).headers["Set-Cookie"]
    )


def test_a_wrong_key_is_told_so(app: Flask) -> None:
    response = Visitor(app, "").send("/sign-in", key="obd_wrong")
    assert response.status_code == 401
    assert "Unknown or revoked API key" in response.text


def test_a_key_without_read_is_told_what_it_lacks(app: Flask, services: Services) -> None:
    key = create_key("dialer", ["place"], services)
    assert "does not have the scope read" in Visitor(app, "").send("/sign-in", key=key).text


def test_a_form_without_its_token_is_refused(visitor: Visitor) -> None:
    assert visitor.client.post("/sign-out").status_code == 400
    assert visitor.open("/").status_code == 200


def test_signing_out_closes_the_door(visitor: Visitor) -> None:
    assert visitor.send("/sign-out", on="/").location == "/sign-in"
    assert visitor.open("/").status_code == 303


def copied_cookie_works_after_sign_out(app: Flask, services: Services, visitor: Visitor) -> bool:
    """Whether a cookie that somebody copied still opens a page once its owner has signed out."""
    key = create_key("Guest", ["read"], services)
    owner, copy, second = Visitor(app, key), app.test_client(), Visitor(app, key)
    cookie = owner.client.get_cookie("obdtrack_session")
    assert cookie is not None
    copy.set_cookie("obdtrack_session", cookie.value)
    assert copy.get("/").status_code == 200
    owner.send("/sign-out", on="/")
    for other in (visitor, second, Visitor(app, key)):
        assert other.open("/").status_code == 200
    return copy.get("/").status_code == 200


def test_signing_out_ends_copies_of_the_cookie_as_well(
    app: Flask, services: Services, visitor: Visitor
) -> None:
    assert not copied_cookie_works_after_sign_out(app, services, visitor)


def test_forgetting_only_the_own_cookie_would_be_noticed(
    app: Flask, services: Services, visitor: Visitor
) -> None:
    with patch("obdtrack.web.http.session.end_session"):
        assert copied_cookie_works_after_sign_out(app, services, visitor)


def test_an_address_chooses_no_host_for_the_links_of_a_page(visitor: Visitor) -> None:
    page = visitor.open("/?_external=1&_scheme=https", headers={"Host": "evil.example"})
    assert "evil.example" not in page.text


def test_a_session_ends_after_twelve_hours(visitor: Visitor, clock: Clock) -> None:
    clock.forward(hours=11, minutes=59)
    assert visitor.open("/").status_code == 200
    clock.forward(minutes=2)
    assert visitor.open("/").status_code == 303
    assert "Your session has ended." in visitor.read("/sign-in")
    assert "Your session has ended." not in visitor.read("/sign-in")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\\b",
        "",
    ],
)
def test_nobody_is_led_elsewhere(target: str) -> None:
    assert own_path(target) == "/"


def test_the_api_takes_no_cookies(visitor: Visitor) -> None:
    assert visitor.open("/api/v1/calls").status_code == 401


@pytest.mark.parametrize(
    ("path", "kept"), [("/", {"obdtrack_zone", "obdtrack_theme"}), ("/livez", set())]
)
def test_only_a_page_keeps_what_was_chosen(visitor: Visitor, path: str, kept: set[str]) -> None:
    cookies = visitor.open(f"{path}?tz=utc&theme=dark").headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} - {"obdtrack_session"} == kept


@pytest.mark.parametrize("path", ["/place", "/audit"])
def test_a_page_beyond_the_key_says_so(guest: Visitor, path: str) -> None:
    response = guest.open(path)
    assert response.status_code == 403
    assert "This key is not allowed to do that" in response.text


def test_what_is_not_there_says_so(visitor: Visitor) -> None:
    response = visitor.open("/calls/01a207e9-a599-70c3-a4dd-87ca6a962022")
    assert response.status_code == 404
    assert "There is no call with this id." in response.text


def test_pages_carry_a_strict_policy(visitor: Visitor) -> None:
    response = visitor.open("/")
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", response.text)


def test_the_demo_tells_where_the_door_is(capsys: pytest.CaptureFixture[str]) -> None:
    demo._tell_door("http://127.0.0.1:9000", "obd_key")
    said = capsys.readouterr().out
    assert "open http://127.0.0.1:9000/ in a browser and sign in with that key" in said
    assert said.index("obd_key") < said.index("sign in")


FORM = {"to": "+918867135001", "flow_id": "23", "reference": "mine", "once": "o" * 32}
SAYS = "The form is as you left it, and nothing was sent yet."


def sealed_in(page: str) -> str:
    found = re.search(r'name="kept" value="([^"]+)"', page)
    return found.group(1) if found else ""


def sign_in_again(visitor: Visitor, page: str, key: str) -> TestResponse:
    form = {"csrf_token": csrf_token(page), "kept": sealed_in(page), "key": key}
    return visitor.client.post("/sign-in", data=form)


def test_a_form_comes_back_filled_after_signing_in_again_and_is_not_sent(
    app: Flask, services: Services, clock: Clock, provider: ScriptedProvider
) -> None:
    key = create_key("Asha", SCOPES, services)
    visitor = Visitor(app, key)
    clock.forward(hours=13)
    door = visitor.client.post("/place", data=FORM)
    assert (door.status_code, "Your session has ended." in door.text) == (401, True)
    assert FORM["to"] not in door.text
    again = sign_in_again(visitor, door.text, "obd_wrong")
    assert (again.status_code, bool(sealed_in(again.text))) == (401, True)
    page = sign_in_again(visitor, again.text, key)
    assert (page.status_code, SAYS in page.text, provider.sent) == (200, True, [])
    for name, value in FORM.items():
        assert re.search(f'name="{name}"[^>]*value="{re.escape(value)}"', page.text), name
    token = {"csrf_token": csrf_token(page.text)}
    for _ in range(2):
        sent = visitor.client.post("/place", data={**FORM, **token})
        assert sent.location is not None
        assert sent.location.startswith("/calls/")
    assert len(provider.sent) == 1


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/campaigns/new", {"name": "diwali", "flow_id": "23", "opens": "09:30"}),
        ("/destinations/new", {"url": "https://shop.example/hook"}),
    ],
)
def test_other_long_forms_come_back_too(
    app: Flask, services: Services, path: str, fields: dict[str, str]
) -> None:
    key = create_key("Asha", SCOPES, services)
    stranger = Visitor(app, "no key")
    page = sign_in_again(stranger, stranger.client.post(path, data=fields).text, key).text
    assert SAYS in page
    for value in fields.values():
        assert f'value="{value}"' in page or f">{value}</textarea>" in page


def test_a_decision_about_a_call_comes_back_with_its_note(
    app: Flask, services: Services, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    path = f"/calls/{caller.place().json['id']}/resolve"
    stranger, key = Visitor(app, "no key"), create_key("Asha", SCOPES, services)
    door = stranger.client.post(path, data={"action": "not-placed", "note": "asked them"})
    page = sign_in_again(stranger, door.text, key).text
    assert 'value="asked them"' in page
    assert re.search(r'value="not-placed"[^>]* checked', page)
    assert "We do not know whether the phone rang" in stranger.read(path.removesuffix("/resolve"))


def test_a_form_that_the_key_may_not_send_is_not_shown(app: Flask, services: Services) -> None:
    stranger, key = Visitor(app, "no key"), create_key("Guest", ["read"], services)
    response = sign_in_again(stranger, stranger.client.post("/place", data=FORM).text, key)
    assert response.status_code == 403


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}]
)
def test_a_form_from_elsewhere_is_not_kept(app: Flask, headers: dict[str, str]) -> None:
    response = app.test_client().post("/place", data=FORM, headers=headers)
    assert (response.status_code, response.location) == (303, "/sign-in")


@pytest.mark.parametrize("kept", ["nonsense", "old"])
def test_what_is_no_kept_form_leads_where_one_wanted_to_go(
    app: Flask, services: Services, clock: Clock, kept: str
) -> None:
    stranger, key = Visitor(app, "no key"), create_key("Asha", SCOPES, services)
    door = stranger.client.post("/place", data=FORM).text
    clock.forward(hours=13)
    page = stranger.open("/sign-in").text
    form = {"csrf_token": csrf_token(page), "key": key}
    form["kept"] = sealed_in(door) if kept == "old" else kept
    response = stranger.client.post("/sign-in?next=/campaigns", data=form)
    assert (response.status_code, response.location) == (303, "/campaigns")


def test_a_button_pressed_after_the_session_leads_back_to_its_page(app: Flask) -> None:
    page = {"Referer": "http://localhost/deliveries?outcome=rejected"}
    response = app.test_client().post("/deliveries/test", headers=page)
    assert response.location == "/sign-in?next=/deliveries"
