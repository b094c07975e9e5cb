"""Verifies what obdtrack sends to a destination: Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from typing import Protocol

from obdtrack_client.errors import Unverified
from obdtrack_client.received import Event

TOLERANCE_SECONDS = 300


class Headers(Protocol):
    """The headers of a request, as a dictionary, Flask, Django and others have them."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return names with their values."""


def verify(headers: Headers, body: bytes, secret: str) -> Event:
    """Return the event if the request is ours, whole, and at most five minutes old.

    `body` is as it came, byte for byte; names of headers may be written in any case. Raises
    Unverified, which is a ValueError. The same event may come again: remember its `id`.
    """
    told = {name.lower(): value for name, value in headers.items()}
    try:
        sent_id, sent_at = told["webhook-id"], told["webhook-timestamp"]
        signatures = told["webhook-signature"].split(" ")
        age = time.time() - int(sent_at)
    except (KeyError, ValueError):
        raise Unverified("The headers of a signed notification are missing.") from None
    if abs(age) > TOLERANCE_SECONDS:
        raise Unverified("The notification is too old, or ahead of this machine's clock.")
    key = base64.b64decode(secret.strip().removeprefix("whsec_"))
    digest = hmac.digest(key, f"{sent_id}.{sent_at}.".encode() + body, hashlib.sha256)
    expected = b"v1," + base64.b64encode(digest)
    if not any(hmac.compare_digest(one.encode(), expected) for one in signatures):
        raise Unverified("The notification is not signed with this secret.")
    event = json.loads(body)
    # What is sent has the earlier values among its data, where a CloudEvent may have an object.
    data = dict(event["data"]) if event.get("data") is not None else None
    changed = data.pop("changed", None) if data is not None else None
    return Event.read({**event, "data": data, "changed": changed})
