"""The webhooks and subscriptions that were registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any
from uuid import uuid4

EVENTS = ("voice:message:out", "voice:unsubscription")
REPORTS = EVENTS[0]


@dataclass(frozen=True, slots=True)
class SimulatedWebhook:
    """A registered webhook; `token` is its validation key, times are in the simulator's zone."""

    id: str
    name: str
    uri: str
    secret: str
    token: str
    active: bool
    created_at: str
    updated_at: str

    def as_json(self) -> dict[str, Any]:
        """Return the webhook as the provider shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "uri": self.uri,
            "secret": self.secret,
            "verification_code": self.token,
            "status": "1" if self.active else "0",
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


@dataclass(frozen=True, slots=True)
class Subscription:
    """That a webhook wants an event of some or all identities."""

    id: str
    event: str
    identity: str
    webhook_id: str
    created_at: str

    def as_json(self) -> dict[str, Any]:
        """Return the subscription as the provider shows it."""
        return {
            "id": self.id,
            "event": self.event,
            "identity": self.identity,
            "webhook_id": self.webhook_id,
            "created_at": self.created_at,
        }


def blank_webhook(now: str) -> SimulatedWebhook:
    """Return a webhook with a new id and validation key and nothing else, created at `now`."""
    return SimulatedWebhook(str(uuid4()), "", "", "", uuid4().hex, True, now, now)


def changed(webhook: SimulatedWebhook, fields: Mapping[str, Any], now: str) -> SimulatedWebhook:
    """Return `webhook` with what a request's checked `fields` say; what they leave out stays."""
    texts = ("name", "uri", "secret", "token")
    changes = {key: str(fields[key]) for key in texts if fields.get(key) is not None}
    active = str(fields.get("status", "1" if webhook.active else "0")) == "1"
    return replace(webhook, **changes, active=active, updated_at=now)


class Registry:
    """Webhooks and subscriptions, oldest first. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._webhooks: dict[str, SimulatedWebhook] = {}
        self._subscriptions: dict[str, Subscription] = {}

    def webhooks(self) -> list[SimulatedWebhook]:
        """Return every webhook."""
        with self._lock:
            return list(self._webhooks.values())

    def webhook(self, webhook_id: str) -> SimulatedWebhook | None:
        """Return one webhook, or None."""
        with self._lock:
            return self._webhooks.get(webhook_id)

    def save(self, webhook: SimulatedWebhook) -> None:
        """Add a webhook, or put it in the place of the one with its id."""
        with self._lock:
            self._webhooks[webhook.id] = webhook

    def remove(self, webhook_id: str) -> None:
        """Remove a webhook and the subscriptions that led to it."""
        with self._lock:
            self._webhooks.pop(webhook_id, None)
            kept = self._subscriptions.values()
            self._subscriptions = {s.id: s for s in kept if s.webhook_id != webhook_id}

    def subscriptions(self) -> list[Subscription]:
        """Return every subscription."""
        with self._lock:
            return list(self._subscriptions.values())

    def subscribe(self, event: str, identity: str, webhook_id: str, now: str) -> Subscription:
        """Add a subscription, created at `now`."""
        subscription = Subscription(str(uuid4()), event, identity, webhook_id, now)
        with self._lock:
            self._subscriptions[subscription.id] = subscription
        return subscription

    def unsubscribe(self, subscription_id: str) -> bool:
        """Remove a subscription; give whether there was one."""
        with self._lock:
            return self._subscriptions.pop(subscription_id, None) is not None

    def for_reports(self, webhook_id: str | None) -> SimulatedWebhook | None:
        """Return the active webhook for a call's reports: the named one, else a subscribed one."""
        subscribed = [s.webhook_id for s in self.subscriptions() if s.event == REPORTS]
        candidates = [self.webhook(wanted) for wanted in (webhook_id, *subscribed) if wanted]
        return next((webhook for webhook in candidates if webhook and webhook.active), None)
