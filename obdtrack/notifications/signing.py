"""Signs what destinations are sent, so that they know it is ours and whole: Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

_PREFIX = "whsec_"
_KEY_BYTES = 32


def new_secret() -> str:
    """Return a secret: `whsec_` and 32 random bytes in standard base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def signed(event_id: str, moment: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers that sign a request's body as sent at this moment, by each of the secrets.

    `event_id` is the same at every try: by it the receiver knows what it has got already.
    """
    at = str(int(moment.timestamp()))
    content = f"{event_id}.{at}.".encode() + body
    digests = [
        hmac.digest(base64.b64decode(key.removeprefix(_PREFIX)), content, "sha256") for key in keys
    ]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in digests),
    }
