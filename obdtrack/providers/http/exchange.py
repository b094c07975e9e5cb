"""One bounded HTTP exchange: it ends in time and in memory, and failures say what they prove."""

from __future__ import annotations

import http.client
import logging
import time
from collections.abc import Mapping
from contextlib import closing
from functools import lru_cache
from typing import Any, NamedTuple

import requests
import urllib3

from obdtrack.domain.submission import Failure, NotPermittedError, Permit
from obdtrack.providers.http.connections import ATTEMPT, BoundedAdapter, ConnectionAttempt, Limits

_CONNECTIONS_KEPT = 200
_CHUNK_BYTES = 65_536
_PAUSE_SECONDS = 0.2
_HEADERS = {"User-Agent": "obdtrack", "Accept-Encoding": "identity"}

_TIMEOUTS = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
_BREAKS = (OSError, http.client.IncompleteRead)


class HttpExchange(NamedTuple):
    """A response as it came: `headers` ignore case, `body` is whole and not decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ExchangeError(Exception):
    """There is no usable response. No URL, header or body is in the text.

    `status` is the HTTP code if one arrived.
    """

    def __init__(self, failure: Failure, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.status = status


def open_session() -> requests.Session:
    """Return a session for `exchange`; threads share it, and it keeps connections alive.

    Nothing comes from the environment: a ~/.netrc would replace the token, and a stray HTTP_PROXY
    would hand token and phone numbers to somebody nobody chose. Certificates are verified.
    """
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(2, _CONNECTIONS_KEPT))
    # urllib3 logs whole URLs, and a query may hold a phone number.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return session


def exchange(
    session: requests.Session,
    request: requests.Request,
    limits: Limits,
    permit: Permit | None = None,
) -> HttpExchange:
    """Send `request` and give the response, whatever it is; a redirect is a response too.

    `permit` is asked before each piece of the request leaves.

    What failed before its first byte left is tried once more if there is time; so is a GET whose
    connection broke, as it changes nothing (RFC 9110, section 9.2.2). Raises ExchangeError:
    UNREACHABLE if nothing was sent, NOT_SENT if nothing was permitted to be; else TIMEOUT,
    CONNECTION_LOST, ANSWER_TOO_LARGE or UNREADABLE_ANSWER (what came is not HTTP).
    """
    attempt = ConnectionAttempt(limits, permit)
    again = {Failure.UNREACHABLE}
    if request.method == "GET":
        again.add(Failure.CONNECTION_LOST)
    try:
        return _once(session, request, attempt)
    except ExchangeError as failed:
        if failed.failure not in again or not attempt.has_time_to_send(after=_PAUSE_SECONDS):
            raise
    time.sleep(_PAUSE_SECONDS)
    return _once(session, request, attempt)


def _once(
    session: requests.Session, request: requests.Request, attempt: ConnectionAttempt
) -> HttpExchange:
    attempt.sent = False
    token = ATTEMPT.set(attempt)
    try:
        prepared = _Prepared()
        prepared.prepare(
            request.method, request.url, {**request.headers, **_HEADERS}, data=request.data,
            json=request.json, params=request.params, auth=request.auth,
        )  # fmt: skip
        # Not Session.send: even when told not to follow a redirect, it reads and unpacks its body.
        adapter = session.get_adapter(str(prepared.url))
        patience = (attempt.limits.connect, attempt.limits.read)
        verify = session.verify or True  # a bundle of certificates may be set, but never nothing
        response: Any = adapter.send(prepared, timeout=patience, verify=verify)
        with closing(response):
            return _read(response, attempt.limits)
    except NotPermittedError as refused:
        if attempt.sent:
            words = "The request was not sent to its end."
            raise ExchangeError(Failure.CONNECTION_LOST, words) from refused
        raise ExchangeError(Failure.NOT_SENT, f"Not sent: {refused}.") from refused
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _failed(error, attempt) from None
    finally:
        ATTEMPT.reset(token)


class _Prepared(requests.PreparedRequest):
    """A request as requests prepares it, which works out the same URL again and again."""

    def prepare_url(self, url: Any, params: Any) -> None:
        self.url = _with_params(url, params) if params else _plain(url)

    def prepare_cookies(self, cookies: Any) -> None:
        """Add none: nobody may have us bring something back."""


def _with_params(url: str, params: Any) -> str | None:
    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, params)
    return prepared.url


@lru_cache(256)
def _plain(url: str) -> str | None:
    return _with_params(url, None)


def _read(response: urllib3.BaseHTTPResponse, limits: Limits) -> HttpExchange:
    status, body = response.status, bytearray()
    if status < 200:
        # The real one comes later, and would be taken for that of the connection's next request.
        raise ExchangeError(Failure.UNREADABLE_ANSWER, "Only an interim response arrived.", status)
    while chunk := response.read(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > limits.max_bytes:
            if limits.cut:
                del body[limits.max_bytes :]
                break
            words = f"The response is larger than {limits.max_bytes} bytes."
            raise ExchangeError(Failure.ANSWER_TOO_LARGE, words, status)
    return HttpExchange(status, response.headers, bytes(body))


def _failed(error: BaseException, attempt: ConnectionAttempt) -> ExchangeError:
    """Say what an error proves, from what was sent and from the errors below it."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    if not attempt.sent:
        return ExchangeError(Failure.UNREACHABLE, f"No connection: {_words(chain[-1])}.")
    if any(isinstance(link, _TIMEOUTS) for link in chain):
        return ExchangeError(Failure.TIMEOUT, "No complete response arrived in time.")
    root = chain[-1]
    if isinstance(root, http.client.HTTPException) and not isinstance(root, _BREAKS):
        return ExchangeError(Failure.UNREADABLE_ANSWER, "The response was not HTTP.")
    return ExchangeError(Failure.CONNECTION_LOST, "The connection broke before a full response.")


def _words(error: BaseException) -> str:
    """Name an error without its text, which may hold the URL."""
    for name in ("verify_message", "strerror"):
        if words := getattr(error, name, None):
            return str(words).rstrip(".")
    return type(error).__name__
