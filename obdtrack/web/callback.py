"""The callback: a small WSGI function in front of the application, the only way a report comes in.

A report is answered 200 (stored, whatever it was), 401 (secret), 413 (too large), 415 (compressed
in a way that cannot be undone) or 503 (not stored). The provider takes all but the first for
failures. The callback is in front of Flask because most requests are reports and none of them
needs routing or a session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog

from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import ReceivedDelivery
from obdtrack.domain.content_coding import CODINGS, MAX_BODY, UndecodableError
from obdtrack.domain.reports import RawDelivery
from obdtrack.errors import ObdtrackError
from obdtrack.providers.base import CallbackAuth, Provider
from obdtrack.services import new_id
from obdtrack.settings import callback_path, is_loopback
from obdtrack.web.http.request_bodies import read_body
from obdtrack.web.http.responses import HEADERS, problem_body

log = structlog.get_logger()

_REPORTS = frozenset({"GET", "POST", "PUT"})
"""What a webhook can be composed with; nothing else has any effect."""

_KNOWN = _REPORTS | {"HEAD"}
_ALLOW = ("Allow", "GET, HEAD, OPTIONS, POST, PUT")

_KEPT_HEADERS = ("user-agent", "content-encoding", "x-request-id", "host")
_MAX_HEADER = 500

_HEADERS = (("Content-Type", "application/json"), *HEADERS.items())

CallbackResponse = tuple[str, bytes, Sequence[tuple[str, str]]]

_OK: CallbackResponse = ("200 OK", b'{"status":"ok"}', ())


class _Door(NamedTuple):
    """Where one provider's reports come in: how it shows whose they are, and headers to keep."""

    provider: str
    auth: CallbackAuth
    kept: Mapping[str, str]


class Callback:
    """Serves the callback's path and leaves every other to `app`.

    Each of `providers` has a path of its own and says how its requests prove that they are its,
    and which headers to keep besides the usual ones. `store` gives what became of a delivery once
    it is on disk; `reject` gets requests with a wrong secret and may read them.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        store: Callable[[InboundRequest], ReceivedDelivery],
        reject: Callable[[bytes, Callable[[], InboundRequest | None]], None],
        now: Callable[[], datetime],
        providers: Iterable[Provider],
    ) -> None:
        self._app = app
        self._store = store
        self._reject = reject
        self._now = now
        self._doors: dict[str, _Door] = {}
        for one in providers:
            kept = (*_KEPT_HEADERS, *one.kept_headers)
            keys = {"HTTP_" + name.upper().replace("-", "_"): name for name in kept}
            self._doors[callback_path(one.name)] = _Door(one.name, one.callback_auth, keys)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request as a WSGI application (PEP 3333)."""
        path = environ.get("PATH_INFO", "")
        door = self._doors.get(path)
        if door is None:
            path = _tidy(path)
            door = self._doors.get(path)
            if door is None:
                return self._app(environ, start_response)
            environ["PATH_INFO"] = path  # whoever counts requests counts it here
        status, body, headers = self._response(environ, door)
        start_response(status, [*headers, *_HEADERS, ("Content-Length", str(len(body)))])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _response(self, environ: WSGIEnvironment, door: _Door) -> CallbackResponse:
        method = environ["REQUEST_METHOD"]
        if method not in _KNOWN:
            if method == "OPTIONS":
                return "200 OK", b"", [_ALLOW]
            return _problem("405 Method Not Allowed", "method-not-allowed", _ALLOW)
        credentials = environ.get("HTTP_AUTHORIZATION", "")
        auth = door.auth
        trusted = (
            auth.accepts(credentials)
            if auth.secrets
            else is_loopback(environ.get("REMOTE_ADDR", ""))
        )
        if not trusted:
            # An empty header is what the server makes of letters other than ASCII.
            headers = [value for key, value in environ.items() if key.startswith("HTTP_")]
            elsewhere = auth.misplaced([environ.get("QUERY_STRING", ""), *headers])
            carried = elsewhere or auth.shown(credentials)
            if method in _REPORTS and (carried or environ.get("HTTP_AUTHORIZATION") == ""):
                self._turn_away(environ, door, carried)
            asked = ("WWW-Authenticate", auth.challenge(credentials))
            return _problem("401 Unauthorized", "unauthorized", asked)
        return self._received(environ, door) if method in _REPORTS else _OK

    def _received(self, environ: WSGIEnvironment, door: _Door) -> CallbackResponse:
        try:
            stored = self._stored(environ, door)
            if stored is None:
                return _problem("413 Content Too Large", "too-large")
            received = self._store(stored)
        except ObdtrackError as error:
            log.error("delivery_not_stored", reason=str(error.__cause__ or error))
            return _problem("503 Service Unavailable", "unavailable", ("Retry-After", "5"))
        except UndecodableError as error:
            log.error("delivery_not_decoded", reason=str(error))
            return _problem("415 Unsupported Media Type", "encoding", ("Accept-Encoding", CODINGS))
        except Exception:  # what was not stored must not be acknowledged
            log.exception("delivery_not_stored")
            return _problem("503 Service Unavailable", "unavailable", ("Retry-After", "5"))
        if received.challenge is not None:
            return "200 OK", json.dumps({"challenge": received.challenge}).encode(), []
        return _OK

    def _turn_away(self, environ: WSGIEnvironment, door: _Door, secret: bytes) -> None:
        try:
            self._reject(secret, lambda: self._stored(environ, door))
        except Exception:  # whoever was refused is refused whatever happens to the copy
            log.warning("rejected_delivery_not_stored", exc_info=True)

    def _stored(self, environ: WSGIEnvironment, door: _Door) -> InboundRequest | None:
        body, query = read_body(environ), environ.get("QUERY_STRING", "")
        if body is None or len(query) > MAX_BODY:
            return None
        raw = RawDelivery(
            method=environ["REQUEST_METHOD"][:16],
            query=_text(query, MAX_BODY),
            headers={
                name: _text(value, _MAX_HEADER)
                for key, name in door.kept.items()
                if (value := environ.get(key))
            },
            content_type=_text(environ.get("CONTENT_TYPE", ""), 255),
            body=body,
        )
        return InboundRequest(new_id(), self._now(), raw, door.provider)


def _tidy(path: str) -> str:
    """Return a path without what a callback's has too much: slashes, capitals and blanks.

    A base URL with a slash at its end makes `//webhooks/name`, and a report that is sent to
    where nothing listens is lost without a trace.
    """
    parts = path.lower().split("/")
    return "/" + "/".join(part for part in map(str.strip, parts) if part)


def _text(value: str, limit: int) -> str:
    """Return header text as UTF-8 where it is that, without what a database cannot hold."""
    if value.isascii() and value.isprintable():
        return value[:limit]
    raw = value.encode("latin-1", "replace")
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")[:limit]


def _problem(status: str, code: str, *headers: tuple[str, str]) -> CallbackResponse:
    body = problem_body(HTTPStatus(int(status[:3])), code)
    return status, json.dumps(body).encode(), headers
