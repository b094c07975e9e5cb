"""Secrets at rest: encrypted variables, and hashes that cannot be guessed without our key."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken


class Encryption:
    """Encrypts with a key derived from the setting SECRET_KEY; each use has a key of its own.

    `key_name` tells this setting from another one, in 12 characters that say nothing about it.
    """

    def __init__(self, secret_key: str) -> None:
        self._secret = secret_key.encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(self._derive(b"variables")))
        self.key_name = self._derive(b"name").hex()[:12]

    def seal(self, values: Mapping[str, str]) -> bytes:
        """Encrypt values; the result is different each time."""
        return self._fernet.encrypt(json.dumps(dict(values)).encode())

    def open(self, sealed: bytes) -> dict[str, str]:
        """Return the values back; raises ValueError if another key sealed them."""
        try:
            opened: dict[str, str] = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise ValueError(
                "OBDTRACK_SECRET_KEY is not the one these values were sealed with"
            ) from None
        return opened

    def fingerprint(self, data: bytes) -> str:
        """Return a keyed hash (HMAC-SHA-256) in hex: a six-digit OTP cannot be guessed from it."""
        return hmac.new(self._derive(b"fingerprint"), data, sha256).hexdigest()

    def key_for(self, purpose: str) -> bytes:
        """Return a key of its own for one use, always the same for the same setting."""
        return self._derive(purpose.encode())

    def _derive(self, purpose: bytes) -> bytes:
        return hmac.new(self._secret, b"obdtrack:" + purpose, sha256).digest()
