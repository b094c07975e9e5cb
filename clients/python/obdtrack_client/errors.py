"""What can go wrong, as exceptions; their texts hold no API key and no idempotency key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ObdtrackError(Exception):
    """Whatever this client raises about a request."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class NoResponse(ObdtrackError):
    """The server was not reached, or a read got no usable response: nothing was changed by it."""


class OutcomeUnknown(ObdtrackError):
    """A request may have been carried out, and its response did not arrive.

    `key` is its idempotency key: the same request with it later returns what came of this one, and
    rings nobody again. It is None where the API takes none (campaigns): look there what came of it.
    """

    def __init__(self, sentence: str, key: str | None) -> None:
        super().__init__(sentence, key)
        self.key = key

    def __str__(self) -> str:
        return str(self.args[0])


class Unverified(ObdtrackError, ValueError):
    """A notification is not signed with the secret, or is too old."""


class Problem(ObdtrackError):
    """The server refused, in its own words (`application/problem+json`, RFC 9457).

    `code` is for programs, `detail` for people, `errors` says what is wrong by field, `request_id`
    finds it in the server's log; `retry_after` is in seconds. A refused request changed nothing.
    """

    code = "error"

    def __init__(self, status: int, told: Mapping[str, Any], retry_after: float | None) -> None:
        super().__init__(status, told, retry_after)
        self.status = status
        self.code = str(told.get("code") or self.code)
        self.detail = str(told.get("detail") or f"HTTP {status}, without a word from obdtrack.")
        self.errors: Mapping[str, list[str]] = told.get("errors") or {}
        self.request_id: str | None = told.get("request_id")
        self.retry_after = retry_after

    def __str__(self) -> str:
        fields = [f"{name}: {' '.join(said)}" for name, said in self.errors.items()]
        return " ".join([self.detail, *fields])


class Malformed(Problem):
    """The request cannot be read."""

    code = "malformed"


class Unauthorized(Problem):
    """There is no such API key, or it has expired or was revoked."""

    code = "unauthorized"


class Forbidden(Problem):
    """The API key lacks a scope."""

    code = "forbidden"


class NotFound(Problem):
    """There is no such thing, or no more."""

    code = "not-found"


class Conflict(Problem):
    """It is not allowed now: the number has opted out, the hours are over, a campaign's state."""

    code = "conflict"


class Gone(Problem):
    """Events behind a cursor have been deleted; `oldest` is the cursor of the oldest one kept."""

    code = "gone"

    def __init__(self, status: int, told: Mapping[str, Any], retry_after: float | None) -> None:
        super().__init__(status, told, retry_after)
        self.oldest: str | None = told.get("oldest")


class TooLarge(Problem):
    """The request is too large."""

    code = "too-large"


class Invalid(Problem):
    """Fields are invalid; `errors` names them."""

    code = "invalid"


class RateLimited(Problem):
    """Too many requests of that kind."""

    code = "rate-limited"


class Internal(Problem):
    """Something went wrong in the server."""

    code = "internal"


class Unavailable(Problem):
    """The server cannot do that now."""

    code = "unavailable"


BY_STATUS: Mapping[int, type[Problem]] = {
    400: Malformed,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    422: Invalid,
    429: RateLimited,
    500: Internal,
    503: Unavailable,
}
BY_CODE: Mapping[str, type[Problem]] = {kind.code: kind for kind in BY_STATUS.values()}
