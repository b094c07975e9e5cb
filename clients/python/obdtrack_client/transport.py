"""Sends requests, and again only those that may be sent again: reads, and those with a key.

A request with an `Idempotency-Key` is carried out once however often it is sent, so it is sent
again, with the same key, as long as nothing has decided it: it did not reach the server, was lost
on the way, or the server asks to wait. A timeout is no such reason: it is the caller's to decide.
"""

from __future__ import annotations

import json
import logging
import random
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError, ReadTimeoutError

from obdtrack_client.errors import (
    BY_CODE,
    BY_STATUS,
    Conflict,
    Invalid,
    NoResponse,
    ObdtrackError,
    OutcomeUnknown,
    Problem,
    RateLimited,
    Unavailable,
)
from obdtrack_client.sent import plain

_Result = TypeVar("_Result")

CONNECT_SECONDS = 10.0
SOON_SECONDS = 30.0
"""A 409 that may pass so soon says that the first request with a key is still running; one that
names a later time is a refusal, as outside the calling hours."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
_PASSING = {502, 503, 504}
_JSON = "application/json"
_IN_DOUBT = "It is not known whether the request was carried out."


class Request(NamedTuple):
    """One request; `key` is its idempotency key, `timeout` how long a response may be silent."""

    method: str
    path: str
    query: Mapping[str, Any] = {}
    body: Any = None
    content_type: str = _JSON
    key: str | None = None
    timeout: float | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether nothing happens twice if it is sent twice."""
        return self.method == "GET" or self.key is not None


class _Failure(NamedTuple):
    """Why there is no result. `passes`: it may be otherwise soon.

    `in_doubt`: it may have been, or be, carried out; `decides`: so that is no longer in doubt.
    """

    error: ObdtrackError
    in_doubt: bool = False
    passes: bool = True
    decides: bool = False


class Transport:
    """One server and one API key. Not for several threads at once: requests' sessions are not."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float,
        patience: float,
        sleep: Callable[[float], object],
        clock: Callable[[], float],
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("Give the server's address like https://calls.example.")
        self.url = url.rstrip("/")
        self._key = header_text(key, "An API key")
        self._timeout, self._patience = timeout, patience
        self.sleep, self.clock = sleep, clock
        self.session = requests.Session()
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).addFilter(_without_query)

    def ask(self, request: Request, read: Callable[[requests.Response], _Result]) -> _Result:
        """Return what is read of the response; sends again what may be, for `patience` seconds.

        Raises Problem if the server refuses, NoResponse if a read has no usable response or nothing
        reached the server, OutcomeUnknown if the request may have been carried out.
        """
        until, pause, in_doubt = self.clock() + self._patience, _FIRST_PAUSE, False
        while True:
            found = self._once(request, read)
            if not isinstance(found, _Failure):
                return found
            error = found.error
            in_doubt = (in_doubt or found.in_doubt) and request.method != "GET"
            wait = pause * random.uniform(0.5, 1)
            if isinstance(error, Problem):
                wait = max(wait, error.retry_after or 0)
            if not (found.passes and request.may_repeat and self.clock() + wait < until):
                if in_doubt and not found.decides:
                    raise OutcomeUnknown(f"{_IN_DOUBT} {error}", request.key)
                raise error
            self.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _once(
        self, request: Request, read: Callable[[requests.Response], _Result]
    ) -> _Result | _Failure:
        headers = {"Accept": _JSON}
        content = request.body
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            if request.content_type == _JSON:
                content = json.dumps(request.body, default=plain, allow_nan=False).encode()
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        try:
            response = self.session.request(
                request.method,
                f"{self.url}/api/v1{request.path}",
                params=request.query,
                data=content,
                headers=headers,
                auth=self._authorized,
                timeout=(CONNECT_SECONDS, request.timeout or self._timeout),
                allow_redirects=False,  # a POST would become a GET
            )
        except requests.RequestException as error:
            # Its text may hold the address with a number that is searched for.
            return _not_received(error, request)
        if not 200 <= response.status_code < 300:
            return _refused(response, request)
        try:
            return read(response)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            unreadable = NoResponse("The response is not what obdtrack's API promises.")
            return _Failure(unreadable, in_doubt=True, passes=False)

    def _authorized(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the key where neither ~/.netrc nor the session's headers replace it."""
        prepared.headers["Authorization"] = f"Bearer {self._key}"
        return prepared


def _without_query(record: logging.LogRecord) -> bool:
    """Leave out of urllib3's lines what a look-up asks for: it may be somebody's number."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            f"{one.partition('?')[0]}?…"
            if isinstance(one, str) and "/api/v1/calls?" in one
            else one
            for one in record.args
        )
    return True


def header_text(text: str, what: str) -> str:
    """Return a text as it can stand in a header; a line's end that a file had is left out.

    Raises ValueError, which does not repeat it.
    """
    text = text.strip()
    if not (text and text.isascii() and text.isprintable()):
        raise ValueError(f"{what} has letters, digits and signs of ASCII in one line.")
    return text


def _not_received(error: requests.RequestException, request: Request) -> _Failure:
    """Say what became of a request without a response."""
    cause: Any = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    reason = getattr(reason, "original_error", reason)  # of a proxy
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(
        reason, NewConnectionError
    ):
        return _Failure(NoResponse("The server cannot be reached; nothing was sent."))
    if isinstance(error, requests.exceptions.SSLError) and any(
        isinstance(one, ssl.SSLCertVerificationError) for one in getattr(reason, "args", ())
    ):
        sentence = "The server's certificate is not to be trusted; nothing was sent."
        return _Failure(NoResponse(sentence), passes=False)
    if isinstance(error, requests.exceptions.ReadTimeout) or isinstance(reason, ReadTimeoutError):
        late = NoResponse("The server did not respond in time.")
        return _Failure(late, in_doubt=True, passes=request.method == "GET")
    if not isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _Failure(NoResponse(f"The request failed ({type(error).__name__})."), True, False)
    return _Failure(NoResponse("The connection broke."), in_doubt=True)


def _refused(response: requests.Response, request: Request) -> _Failure:
    """Say what a response other than a success means."""
    status = response.status_code
    is_ours = response.headers.get("Content-Type", "").startswith("application/problem+json")
    told: Mapping[str, Any] = {}
    if is_ours:
        try:
            told = dict(response.json())
        except (TypeError, ValueError):
            is_ours = False
    kind = BY_CODE.get(str(told.get("code"))) or BY_STATUS.get(status, Problem)
    error = kind(status, told, retry_after(response))
    if is_ours and isinstance(error, RateLimited | Unavailable):
        return _Failure(error)  # it says so before anything is done
    soon = error.retry_after is not None and error.retry_after <= SOON_SECONDS
    if request.key is not None and isinstance(error, Conflict) and soon:
        return _Failure(error, in_doubt=True)
    if status < 500:
        decides = is_ours and isinstance(error, Conflict | Invalid)
        return _Failure(error, passes=False, decides=decides)
    # A proxy, or a fault: what was asked for may have been done.
    return _Failure(error, in_doubt=True, passes=status in _PASSING or request.key is not None)


def retry_after(response: requests.Response) -> float | None:
    """Return its `Retry-After`, seconds or a date, as seconds from now."""
    text = response.headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
