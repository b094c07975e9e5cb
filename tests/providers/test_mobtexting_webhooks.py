"""Webhooks at the provider: made, changed, listed over all pages, and never their secrets shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from obdtrack.errors import Code, ObdtrackError
from obdtrack.providers.base import WantedWebhook, Webhooks
from obdtrack.providers.mobtexting.client import MobTexting
from obdtrack.providers.mobtexting.simulator.server import (
    RunningSimulator,
    SimulatorConfig,
    running,
)

TOKEN = "the-provider-token"
SECRET, KEY = "canary-secret-of-the-webhook", "canary-validation-key"
LIST = "/api/v2/developer/webhooks"


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with running(SimulatorConfig(token=TOKEN)) as started:
        yield started


@pytest.fixture
def callback(httpserver: HTTPServer) -> HTTPServer:
    """A callback that repeats every challenge."""

    def repeat(request: Request) -> Response:
        return Response(request.get_data(), mimetype="application/json")

    httpserver.expect_request("/hook").respond_with_handler(repeat)
    return httpserver


@pytest.fixture
def webhooks(simulator: RunningSimulator) -> Webhooks:
    return client(simulator.url)


@pytest.fixture
def listed_as(httpserver: HTTPServer) -> Callable[..., Webhooks]:
    """A provider whose lists are these pages, in this order."""

    def response(*pages: Any) -> Webhooks:
        for page in pages:
            httpserver.expect_ordered_request(LIST, "GET").respond_with_json(page)
        return client(httpserver.url_for("/api/v2/"))

    return response


def client(url: str, token: str = TOKEN) -> Webhooks:
    return MobTexting(url=url, token=token, timezone=ZoneInfo("UTC")).webhooks()


def wanted(callback: HTTPServer, **changes: Any) -> WantedWebhook:
    fields = {"name": "ours", "uri": callback.url_for("/hook"), "secret": SECRET, "token": KEY}
    return WantedWebhook(**(fields | changes))


def entry(webhook_id: str, **changes: Any) -> dict[str, Any]:
    return {"id": webhook_id, "name": "n", "uri": "https://a.test/x", "status": "1", **changes}


def test_a_webhook_is_made_active_with_secret_and_key(webhooks, callback, simulator):
    made = webhooks.create(wanted(callback))
    stored = simulator.simulator.registry.webhook(made.id)
    assert (stored.secret, stored.token, stored.active) == (SECRET, KEY, True)
    assert made == (made.id, "ours", callback.url_for("/hook"), True)


def test_without_a_key_of_ours_the_provider_makes_one(webhooks, callback, simulator):
    made = webhooks.create(wanted(callback, token=None))
    assert simulator.simulator.registry.webhook(made.id).token


def test_a_change_reaches_the_provider(webhooks, callback, simulator):
    made = webhooks.create(wanted(callback))
    webhooks.change(made.id, wanted(callback, secret="another-secret-of-it"))
    assert simulator.simulator.registry.webhook(made.id).secret == "another-secret-of-it"
    assert len(webhooks.all()) == 1


def test_every_page_is_listed(webhooks, callback):
    made = [webhooks.create(wanted(callback)).id for _ in range(17)]
    assert [webhook.id for webhook in webhooks.all()] == made


def test_a_link_to_the_next_page_never_takes_the_token_elsewhere(listed_as, httpserver):
    link = {"next": "http://elsewhere.invalid/steal?page=2"}
    webhooks = listed_as(
        {"status": "OK", "data": [entry("1")], "links": link}, {"status": "OK", "data": []}
    )
    assert [webhook.id for webhook in webhooks.all()] == ["1"]
    assert httpserver.log[-1][0].args.to_dict() == {"page": "2"}


def test_pages_are_told_by_their_numbers_where_there_are_no_links(listed_as):
    meta = {"current_page": 1, "last_page": 2}
    webhooks = listed_as(
        {"status": "OK", "data": [entry("1")], "meta": meta},
        {"status": "OK", "data": [entry("2")], "meta": meta | {"current_page": 2}},
    )
    assert [webhook.id for webhook in webhooks.all()] == ["1", "2"]


def test_pages_that_lead_in_a_circle_end(listed_as):
    page = {"status": "OK", "data": [entry("1")], "links": {"next": "?page=1"}}
    assert len(listed_as(page, page).all()) == 2


def test_the_list_of_older_portals_is_understood(listed_as):
    rows = {
        "current_page": 1,
        "last_page": 1,
        "next_page_url": None,
        "data": [entry("1", status=1)],
    }
    (webhook,) = listed_as({"rows": rows}).all()
    assert webhook.active


@pytest.mark.parametrize("status", ["0", 0, None, "inactive"])
def test_a_webhook_that_is_off_is_told(listed_as, status):
    (webhook,) = listed_as({"status": "OK", "data": [entry("1", status=status)]}).all()
    assert not webhook.active


def test_what_a_list_says_cannot_command_a_terminal(listed_as):
    (webhook,) = listed_as({"status": "OK", "data": [entry("1", name="\x1b[2Jx")]}).all()
    assert webhook.name == "[2Jx"


def test_a_composed_address_keeps_its_placeholders(listed_as):
    uri = "https://a.test/x?call_id={{id}}"
    (webhook,) = listed_as({"status": "OK", "data": [entry("1", uri=uri)]}).all()
    assert webhook.uri == uri


def test_a_subscription_is_seen_once_it_is_made(webhooks, callback):
    made = webhooks.create(wanted(callback))
    assert not webhooks.is_subscribed(made.id)
    webhooks.subscribe(made.id)
    assert webhooks.is_subscribed(made.id)


def test_a_callback_that_fails_the_challenge_is_told_in_the_providers_words(webhooks, callback):
    with pytest.raises(ObdtrackError, match="did not respond to the challenge"):
        webhooks.create(wanted(callback, uri="http://127.0.0.1:1/"))


def test_an_unknown_webhook_is_not_found(webhooks):
    with pytest.raises(ObdtrackError) as refused:
        webhooks.one("../none")
    assert refused.value.code is Code.NOT_FOUND


def test_a_wrong_token_names_its_setting(simulator):
    strange = MobTexting(
        url=simulator.url, token="wrong-token", timezone=ZoneInfo("UTC")
    ).webhooks()
    with pytest.raises(ObdtrackError, match="OBDTRACK_PROVIDER_TOKEN"):
        strange.all()


def test_no_secret_is_in_a_refusal(httpserver, callback):
    echo = {"status": "ERROR", "message": f"bad {SECRET} and {KEY} and {TOKEN}"}
    httpserver.expect_request(LIST, "POST").respond_with_json(echo, 422)
    with pytest.raises(ObdtrackError) as refused:
        client(httpserver.url_for("/api/v2/")).create(wanted(callback))
    assert not any(secret in str(refused.value) for secret in (SECRET, KEY, TOKEN))
    assert SECRET not in repr(wanted(callback))


@pytest.mark.parametrize("body", [b"<html>hello", b"{}", b'{"status": "OK", "data": []}'])
def test_an_answer_without_a_webhook_is_no_success(httpserver, callback, body):
    httpserver.expect_request(LIST, "POST").respond_with_data(body)
    with pytest.raises(ObdtrackError, match="did not create the webhook"):
        client(httpserver.url_for("/api/v2/")).create(wanted(callback))
