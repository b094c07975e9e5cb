"""Webhooks and subscriptions: the challenge, the lists, and whom the reports reach."""

from __future__ import annotations

import pytest
from werkzeug import Response

SUBSCRIPTION = {"event": "voice:message:out", "identity": "all"}


def create(provider, path="/webhook", **fields):
    """Register a webhook of the callback server."""
    webhook = {"name": "ours", "uri": provider.callback.url_for(path), "secret": "s3"} | fields
    return provider.request("POST", "developer/webhooks", json=webhook)


def subscribe(provider, webhook_id, /, **fields):
    body = SUBSCRIPTION | {"webhook_id": webhook_id} | fields
    return provider.request("POST", "developer/subscriptions", json=body)


def listed(provider, path):
    return provider.request("GET", path).json()["data"]


def test_a_new_webhook_is_challenged(provider):
    assert create(provider, token="validation-key").status_code == 200
    (challenge,) = provider.reports()
    assert challenge.args["token"] == "validation-key"
    assert challenge.headers["Authorization"] == "Bearer s3"
    assert set(challenge.get_json()) == {"validation_key", "challenge"}


def test_a_new_webhook_is_shown_as_documented(provider):
    response = create(provider, token="validation-key").json()
    assert (response["status"], response["code"]) == ("OK", 200)
    assert response["message"] == "Created successfully"
    assert response["data"]["verification_code"] == "validation-key"
    assert response["data"]["status"] == "1"


FAILED_CHALLENGES = {
    "not 200": Response('{"challenge": "x"}', status=202),
    "another word": Response('{"challenge": "wrong"}'),
    "no JSON": Response("ok"),
    "no object": Response("[]"),
}


@pytest.mark.parametrize("reply", FAILED_CHALLENGES.values(), ids=FAILED_CHALLENGES.keys())
def test_a_webhook_that_fails_the_challenge_is_refused(provider, reply):
    provider.callback.expect_request("/wrong").respond_with_response(reply)
    response = create(provider, "/wrong")
    assert response.status_code == 422
    assert "challenge" in response.json()["errors"]["uri"][0]
    assert listed(provider, "developer/webhooks") == []


def test_a_webhook_nobody_answers_at_is_refused(provider):
    assert create(provider, uri="http://127.0.0.1:1/").status_code == 422


@pytest.mark.parametrize("fields", [{"uri": None}, {"uri": "ftp://x"}, {"status": "maybe"}])
def test_a_webhook_with_wrong_fields_is_refused(provider, fields):
    assert create(provider, **fields).status_code == 422


def test_only_a_new_address_is_challenged_again(provider):
    path = f"developer/webhooks/{create(provider).json()['data']['id']}"
    provider.request("PUT", path, json={"name": "renamed"})
    assert len(provider.reports()) == 1
    provider.request("PUT", path, json={"uri": provider.callback.url_for("/webhook?v=2")})
    assert len(provider.reports()) == 2


def test_a_change_that_fails_the_challenge_changes_nothing(provider):
    before = create(provider).json()["data"]
    path = f"developer/webhooks/{before['id']}"
    uri = provider.callback.url_for("/callback")
    assert provider.request("PUT", path, json={"uri": uri}).status_code == 422
    assert provider.request("GET", path).json()["data"] == before


def test_a_deleted_webhook_takes_its_subscriptions_along(provider):
    webhook_id = create(provider).json()["data"]["id"]
    subscribe(provider, webhook_id)
    assert provider.request("DELETE", f"developer/webhooks/{webhook_id}").status_code == 200
    assert provider.request("GET", f"developer/webhooks/{webhook_id}").status_code == 404
    assert listed(provider, "developer/subscriptions") == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_webhook_is_not_found(provider, method):
    assert provider.request(method, "developer/webhooks/none", json={}).status_code == 404


def test_a_list_leads_from_page_to_page(provider):
    for name in "abc":
        create(provider, name=name)
    first = provider.request("GET", "developer/webhooks", params={"per_page": 2}).json()
    second = provider.request("GET", first["links"]["next"]).json()
    assert [row["name"] for row in first["data"] + second["data"]] == ["a", "b", "c"]
    assert first["meta"] == {"current_page": 1, "last_page": 2, "per_page": 2, "total": 3}
    assert second["links"]["next"] is None


@pytest.mark.parametrize("wrong", [{"event": "sms"}, {"identity": ""}, {"webhook_id": "none"}])
def test_a_subscription_with_a_wrong_field_is_refused(provider, wrong):
    webhook_id = create(provider).json()["data"]["id"]
    response = subscribe(provider, webhook_id, **wrong)
    assert (response.status_code, list(response.json()["errors"])) == (422, list(wrong))


def test_a_subscription_can_be_removed_once(provider):
    made = subscribe(provider, create(provider).json()["data"]["id"]).json()["data"]
    path = f"developer/subscriptions/{made['id']}"
    assert [provider.request("DELETE", path).status_code for _ in range(2)] == [200, 404]


def test_reports_go_to_the_webhook_the_call_names(provider):
    webhook_id = create(provider).json()["data"]["id"]
    provider.place("01", webhook_id=webhook_id)
    challenge, report = provider.reports()
    assert (challenge.path, report.path) == ("/webhook", "/webhook")
    assert report.headers["Authorization"] == "Bearer s3"


def test_reports_go_to_the_subscribed_webhook(provider):
    subscribe(provider, create(provider).json()["data"]["id"])
    provider.place("01")
    assert provider.reports()[-1].path == "/webhook"


def test_reports_do_not_go_to_a_webhook_that_only_wants_opt_outs(provider):
    subscribe(provider, create(provider).json()["data"]["id"], event="voice:unsubscription")
    provider.place("01")
    assert provider.reports()[-1].path == "/callback"


def test_reports_of_an_inactive_webhook_go_to_the_callback(provider):
    webhook_id = create(provider, status=0).json()["data"]["id"]
    provider.place("01", webhook_id=webhook_id)
    assert provider.reports()[-1].path == "/callback"
