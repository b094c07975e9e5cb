"""Setting the webhook up: the callback checked first, made once, subscribed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.operations.webhooks.set_up import (
    Registered,
    account_webhooks,
    callback_uri,
    register_webhook,
    shown,
)
from obdtrack.providers.mobtexting.simulator.server import (
    RunningSimulator,
    SimulatorConfig,
    running,
)
from tests import factories
from tests.factories import CALLBACK_PATH

NO_URLS = {
    "plain http": "http://calls.example.com",
    "no scheme": "calls.example.com",
    "another path": "https://calls.example.com/hooks",
    "a password": "https://me:secret@calls.example.com",
    "a fragment": "https://calls.example.com/webhooks/mobtexting#x",
    "a wild port": "https://calls.example.com:port",
    "nothing": "",
}


class SetUp:
    """A callback, a provider, and the settings that know both."""

    def __init__(self, simulator: RunningSimulator, callback: HTTPServer) -> None:
        self.registry, self.callback = simulator.simulator.registry, callback
        self.uri = callback.url_for(CALLBACK_PATH)
        self.changes: dict[str, Any] = {"provider_url": simulator.url}

    def register(self, **options: Any) -> Registered:
        settings = factories.settings(**self.changes)
        return register_webhook(self.uri, account_webhooks(settings), settings, **options)

    def complaint(self) -> str:
        with pytest.raises(ObdtrackError) as refused:
            self.register()
        assert self.registry.webhooks() == []
        return refused.value.message

    def responses(self, *arguments: Any, **options: Any) -> None:
        self.callback.clear()
        self.callback.expect_request(CALLBACK_PATH).respond_with_response(
            Response(*arguments, **options)
        )


def repeat(request: Request) -> Response:
    return Response(request.get_data(), mimetype="application/json")


@pytest.fixture
def up(httpserver: HTTPServer) -> Iterator[SetUp]:
    httpserver.expect_request(CALLBACK_PATH).respond_with_handler(repeat)
    with running(SimulatorConfig(token="the-provider-token")) as simulator:
        yield SetUp(simulator, httpserver)


def test_an_origin_gets_the_callbacks_path():
    assert (
        callback_uri("https://calls.example.com/", factories.settings())
        == f"https://calls.example.com{CALLBACK_PATH}"
    )
    assert (
        callback_uri("http://localhost:8000", factories.settings())
        == f"http://localhost:8000{CALLBACK_PATH}"
    )


def test_a_path_before_the_callbacks_and_a_composed_query_stay():
    uri = f"https://calls.example.com/obd{CALLBACK_PATH}?call_id={{{{id}}}}"
    assert callback_uri(uri, factories.settings()) == uri


@pytest.mark.parametrize("url", NO_URLS.values(), ids=NO_URLS.keys())
def test_an_address_the_provider_must_not_get_is_refused(url):
    with pytest.raises(ConfigError) as refused:
        callback_uri(url, factories.settings())
    assert "secret@" not in str(refused.value)


def test_what_is_shown_of_an_address_holds_no_secret():
    assert shown("https://me:pw@a.test/x?key=secret#y") == "https://a.test/x?…"
    assert "secret" not in shown("https://[a.test/secret")


def test_a_webhook_is_made_with_our_secret_and_key_and_subscribed(up):
    done = up.register()
    made = up.registry.webhook(done.webhook.id)
    assert (done.deed, done.subscribed) == ("created", True)
    assert (made.name, made.uri, made.secret) == ("obdtrack", up.uri, factories.SECRET)
    assert made.token == "the-validation-key"
    (subscription,) = up.registry.subscriptions()
    assert (subscription.event, subscription.identity) == ("voice:message:out", "all")


def test_a_second_time_nothing_is_made(up):
    first, second = up.register(), up.register()
    assert (second.deed, second.webhook) == ("found", first.webhook)
    assert len(up.registry.webhooks()) == len(up.registry.subscriptions()) == 1


def test_an_update_brings_the_present_secret_and_keeps_the_name(up):
    made = up.register(name="mine").webhook
    up.changes["webhook_secrets"] = ("another-secret-of-the-tests", factories.SECRET)
    assert up.register(update=True).deed == "updated"
    changed = up.registry.webhook(made.id)
    assert (changed.name, changed.secret) == ("mine", "another-secret-of-the-tests")


def test_of_two_with_the_same_address_the_configured_one_counts(up):
    first = up.register().webhook
    up.registry.save(replace(up.registry.webhook(first.id), id="second"))
    up.changes["webhook_id"] = "second"
    assert up.register().webhook.id == "second"


def test_without_a_subscription_only_the_webhook_is_made(up):
    assert up.register(subscribe=False).subscribed is False
    assert up.registry.subscriptions() == []


def test_a_webhook_that_could_not_be_subscribed_is_named(up, monkeypatch):
    monkeypatch.setattr("obdtrack.providers.mobtexting.account.REPORTS", "voice:nonsense")
    with pytest.raises(ObdtrackError) as refused:
        up.register()
    (made,) = up.registry.webhooks()
    assert f"The webhook {made.id} was created, but not subscribed" in refused.value.message


def test_the_callback_is_challenged_as_the_provider_does_it(up):
    up.register()
    ours, theirs = (request for request, _ in up.callback.log)
    assert ours.args.to_dict() == theirs.args.to_dict() == {"token": "the-validation-key"}
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]
    assert set(ours.get_json()) == set(theirs.get_json())


def test_a_callback_nobody_answers_at_is_told(up):
    up.uri = "http://127.0.0.1:1/webhooks/mobtexting"
    assert "cannot be reached from here" in up.complaint()


FAULTS = {
    "wrong secret": (('{"code": "unauthorized"}', 401), "OBDTRACK_WEBHOOK_SECRETS"),
    "a login in front": (("Who are you?", 401), "asks for a login"),
    "wrong key": (('{"status": "ok"}',), "OBDTRACK_WEBHOOK_TOKEN"),
    "another path": (("Not found", 404), "something other"),
    "another site": (("<html>Welcome",), "something other"),
    "no room": (("", 503), "cannot store"),
    "moved": (("", 301, {"Location": "https://new.test/x?key=k"}), "redirects to https://new.test/x,"),
}  # fmt: skip


@pytest.mark.parametrize(("response", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_wrong_with_the_callback_is_told_before_anything_is_made(up, response, words):
    up.responses(*response)
    complaint = up.complaint()
    assert words in complaint
    assert factories.SECRET not in complaint


def test_the_check_can_be_left_out(up):
    up.callback.clear()
    up.callback.expect_oneshot_request(CALLBACK_PATH).respond_with_handler(repeat)
    assert up.register(check=False).deed == "created"


@pytest.mark.parametrize("missing", ["webhook_secrets", "provider_token"])
def test_a_missing_setting_is_named(up, missing):
    up.changes[missing] = ""
    with pytest.raises(ConfigError, match=f"OBDTRACK_{missing.upper()} is not set"):
        up.register()
