"""A secret that comes with each request to the callback, in the Authorization header."""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from collections.abc import Iterable

from obdtrack.errors import challenge
from obdtrack.providers.base import CallbackAuth

_MAX_CREDENTIALS = 2000
_BETWEEN = re.compile(r"[\s,;:=\"']+")
_AROUND = " \t,;\"'"
_SCHEMES = frozenset({"bearer", "basic", "digest", "token"})


class SharedSecret(CallbackAuth):
    """`Bearer <secret>`, with any of `secrets`.

    Somebody else's way to put one there is taken for the same: the secret alone, under another
    scheme's name, as the password of Basic (RFC 7617), or among other words.
    """

    curl = ("-H", '"Authorization: Bearer $OBDTRACK_WEBHOOK_SECRET"')

    def __init__(self, secrets: Iterable[str]) -> None:
        self.secrets = tuple(secret.encode() for secret in secrets)

    def shown(self, authorization: str) -> bytes:
        scheme, _, rest = authorization.strip().partition(" ")
        given = rest.strip(_AROUND) or ("" if scheme.lower() in _SCHEMES else scheme.strip(_AROUND))
        words = given.encode("latin-1", "replace")  # as WSGI hands header bytes over
        if scheme.lower() != "basic":
            return words
        user, _, password = _decoded(given).partition(b":")
        return password or user or words

    def accepts(self, authorization: str) -> bool:
        return self._knows([self.shown(authorization)]) or self._knows(_words(authorization))

    def challenge(self, authorization: str) -> str:
        given = authorization[:7].lower() == "bearer " and self.shown(authorization)
        return challenge("invalid_token" if given else None)

    def _knows(self, words: list[bytes]) -> bool:
        # All are compared, so that the time tells nothing about which of them came close.
        matches = [hmac.compare_digest(word, known) for word in words for known in self.secrets]
        return any(matches)


def _decoded(given: str) -> bytes:
    try:
        return b64decode(given, validate=True)
    except ValueError:
        return b""


def _words(credentials: str) -> list[bytes]:
    """Return all parts of an Authorization header that may be a secret."""
    if len(credentials) > _MAX_CREDENTIALS:
        return []
    parts = [credentials.strip(), *_BETWEEN.split(credentials)]
    basic = [_decoded(part) for part in credentials.split()]
    return [
        *(part.encode("latin-1", "replace") for part in parts),
        *(word for pair in basic for word in (pair, *pair.partition(b":"))),
    ]
