"""What can go wrong, as codes and sentences; HTTP is not known here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum


class Code(StrEnum):
    """One word for each kind of failure; `web.errors` maps each to an HTTP status."""

    INVALID = "invalid"
    MALFORMED = "malformed"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    GONE = "gone"
    CONFLICT = "conflict"
    TOO_LARGE = "too-large"
    RATE_LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class ObdtrackError(Exception):
    """A failure with a message a person can act on.

    `message` is for the caller and holds no secret and no full phone number.
    `fields` names the offending fields; `retry_after` is in seconds; `more` is said besides.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        retry_after: int | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields or {}
        self.retry_after = retry_after
        self.more = more or {}


class ConfigError(Exception):
    """The settings, the database or the port do not allow a start; the text says what to change."""


def challenge(error: str | None = None) -> str:
    """Return what asks for a key (`WWW-Authenticate`); `error` (RFC 6750) only if one was given."""
    named = f', error="{error}"' if error else ""
    return f'Bearer realm="obdtrack"{named}'


@contextmanager
def of_extra(extra: str) -> Iterator[None]:
    """Import what only this extra installs; raises ObdtrackError (invalid) if it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed here: pip install 'obdtrack[{extra}]'."
        raise ObdtrackError(Code.INVALID, message) from error
