"""What we sign a reference package knows as ours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from obdtrack.notifications.signing import new_secret, signed

BODY = '{"reference":"Zoë, 電話"}'.encode()


def test_the_reference_package_knows_each_secret_that_signs_and_no_other() -> None:
    new, old = new_secret(), new_secret()
    headers = signed("01a2231f", datetime.now(UTC), BODY, [new, old])
    for secret in (new, old):
        assert Webhook(secret).verify(BODY, headers) == {"reference": "Zoë, 電話"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY, {**headers, "webhook-id": "another"})


def test_the_signature_is_the_one_of_the_specification() -> None:
    """The example of the specification's authors."""
    moment = datetime.fromtimestamp(1614265330, UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, b'{"test": 2432232314}', [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
