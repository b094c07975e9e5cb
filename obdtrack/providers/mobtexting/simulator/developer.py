"""The routes that manage webhooks and subscriptions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from obdtrack.providers.mobtexting.simulator.error_responses import invalid, not_found
from obdtrack.providers.mobtexting.simulator.paging import page_of
from obdtrack.providers.mobtexting.simulator.registry import (
    EVENTS,
    SimulatedWebhook,
    blank_webhook,
    changed,
)
from obdtrack.providers.mobtexting.simulator.state import current
from obdtrack.providers.mobtexting.simulator.webhook_sender import Target, challenge

developer = Blueprint("developer", __name__, url_prefix="/developer")


@developer.get("/webhooks")
def list_webhooks() -> ResponseReturnValue:
    """List the webhooks, a page at a time."""
    webhooks = [webhook.as_json() for webhook in current().registry.webhooks()]
    return jsonify(page_of(webhooks, request.args, request.base_url))


@developer.post("/webhooks")
def create_webhook() -> ResponseReturnValue:
    """Register a webhook that passes the challenge."""
    fields = _fields()
    if not fields.get("uri"):
        return invalid({"uri": ["The uri field is required."]})
    blank = blank_webhook(current().timestamp())
    return _store(blank, fields, "Created successfully")


@developer.get("/webhooks/<webhook_id>")
def show_webhook(webhook_id: str) -> ResponseReturnValue:
    """Show one webhook."""
    webhook = current().registry.webhook(webhook_id)
    return _done("OK", webhook.as_json()) if webhook else not_found()


@developer.put("/webhooks/<webhook_id>")
def change_webhook(webhook_id: str) -> ResponseReturnValue:
    """Change a webhook; a new address has to pass the challenge."""
    webhook = current().registry.webhook(webhook_id)
    return _store(webhook, _fields(), "Updated successfully") if webhook else not_found()


@developer.delete("/webhooks/<webhook_id>")
def delete_webhook(webhook_id: str) -> ResponseReturnValue:
    """Remove a webhook and its subscriptions."""
    if current().registry.webhook(webhook_id) is None:
        return not_found()
    current().registry.remove(webhook_id)
    return _done("Deleted successfully")


@developer.get("/subscriptions")
def list_subscriptions() -> ResponseReturnValue:
    """List the subscriptions, a page at a time."""
    rows = [subscription.as_json() for subscription in current().registry.subscriptions()]
    return jsonify(page_of(rows, request.args, request.base_url))


@developer.post("/subscriptions")
def create_subscription() -> ResponseReturnValue:
    """Lead an event to a webhook."""
    simulator, fields = current(), _fields()
    event, identity, webhook_id = (
        str(fields.get(key, "")) for key in ("event", "identity", "webhook_id")
    )
    problems = {
        "event": event not in EVENTS,
        "identity": not identity,
        "webhook_id": simulator.registry.webhook(webhook_id) is None,
    }
    errors = {key: [f"The {key} is invalid."] for key, wrong in problems.items() if wrong}
    if errors:
        return invalid(errors)
    made = simulator.registry.subscribe(event, identity, webhook_id, simulator.timestamp())
    return _done("Created successfully", made.as_json())


@developer.delete("/subscriptions/<subscription_id>")
def delete_subscription(subscription_id: str) -> ResponseReturnValue:
    """Remove a subscription."""
    found = current().registry.unsubscribe(subscription_id)
    return _done("Deleted successfully") if found else not_found()


def _fields() -> dict[str, Any]:
    """Return the request's fields, from JSON or from a form."""
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else request.form.to_dict()


def _store(webhook: SimulatedWebhook, fields: dict[str, Any], message: str) -> Response:
    """Save `webhook` with its new `fields` if they are in order."""
    if str(fields.get("status", "1")) not in ("0", "1"):
        return invalid({"status": ["The status must be 0 or 1."]})
    wanted = changed(webhook, fields, current().timestamp())
    if not wanted.uri.startswith(("http://", "https://")):
        return invalid({"uri": ["The uri must be an http or https address."]})
    if wanted.uri != webhook.uri:
        target = Target(wanted.uri, wanted.secret or None)
        if complaint := challenge(target, wanted.token, uuid4().hex[:7]):
            return invalid({"uri": [complaint]})
    current().registry.save(wanted)
    return _done(message, wanted.as_json())


def _done(message: str, data: dict[str, Any] | None = None) -> Response:
    return jsonify({"status": "OK", "code": 200, "message": message, "data": data})
