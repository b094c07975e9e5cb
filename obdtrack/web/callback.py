"""The callback: in front of the application, the only way a report comes in.

A report is answered 200 (stored, whatever it was), 401 (secret), 413 (too large), 415 (compressed
in a way that cannot be undone) or 503 (not stored). The provider takes all but the first for
failures. The callback is in front of Flask because most requests are reports and none of them
needs routing or a session. What it does is written once, and awaits the body and
the transaction: in a thread (WSGI) both are there at once, in an event loop (`web/rsgi.py`) not.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar
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

Given = TypeVar("Given")
Result = TypeVar("Result")

_REPORTS = frozenset({"GET", "POST", "PUT"})
"""What a webhook can be composed with; nothing else has any effect."""

_KNOWN = _REPORTS | {"HEAD"}
_ALLOW = ("Allow", "GET, HEAD, OPTIONS, POST, PUT")

_KEPT_HEADERS = ("user-agent", "content-encoding", "x-request-id", "host")
_MAX_HEADER = 500

_HEADERS = (("Content-Type", "application/json"), *HEADERS.items())

CallbackResponse = tuple[str, bytes, Sequence[tuple[str, str]]]

Read = Callable[[], Awaitable[bytes | None]]
Store = Callable[[InboundRequest], Awaitable[ReceivedDelivery]]

_OK: CallbackResponse = ("200 OK", b'{"status":"ok"}', _HEADERS)


class Door(NamedTuple):
    """Where one provider's reports come in: how it shows whose they are, and headers to keep."""

    provider: str
    auth: CallbackAuth
    kept: Mapping[str, str]


class Callback:
    """Serves the callback's path and leaves every other to `app`.

    Each of `providers` has a path of its own and says how its requests prove that they are its,
    and which headers to keep besides the usual ones. `store` gives what became of a delivery once
    it is on disk; `admit` gives what takes a request with a wrong secret, if it is to be read.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        store: Callable[[InboundRequest], ReceivedDelivery],
        admit: Callable[[bytes], Callable[[InboundRequest | None], None] | None],
        now: Callable[[], datetime],
        providers: Iterable[Provider],
    ) -> None:
        self._app = app
        self._store = store
        self._admit = admit
        self._now = now
        self._doors: dict[str, Door] = {}
        for one in providers:
            kept = (*_KEPT_HEADERS, *one.kept_headers)
            keys = {"HTTP_" + name.upper().replace("-", "_"): name for name in kept}
            self._doors[callback_path(one.name)] = Door(one.name, one.callback_auth, keys)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request as a WSGI application (PEP 3333)."""
        door = self.door(environ)
        if door is None:
            return self._app(environ, start_response)
        coroutine = self.respond(
            environ, door, lambda: _now(read_body, environ), lambda item: _now(self._store, item)
        )
        status, body, headers = _result(coroutine)
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def door(self, environ: WSGIEnvironment) -> Door | None:
        """Return where this request leads to, None for the application."""
        path = environ.get("PATH_INFO", "")
        door = self._doors.get(path)
        if door is None:
            path = _tidy(path)
            door = self._doors.get(path)
            if door is not None:
                environ["PATH_INFO"] = path  # whoever counts requests counts it here
        return door

    async def respond(
        self, environ: WSGIEnvironment, door: Door, read: Read, store: Store
    ) -> CallbackResponse:
        """Return the response to one request that leads here.

        `read` gives its body (None: too large), `store` what became of it once it is on disk.
        """
        method = environ["REQUEST_METHOD"]
        if method not in _KNOWN:
            if method == "OPTIONS":
                return "200 OK", b"", [_ALLOW, *_HEADERS]
            return _problem("405 Method Not Allowed", "method-not-allowed", _ALLOW)
        credentials = environ.get("HTTP_AUTHORIZATION", "")
        auth = door.auth
        trusted = (
            auth.accepts(credentials)
            if auth.secrets
            else is_loopback(environ.get("REMOTE_ADDR", ""))
        )
        if trusted:
            return await self._received(environ, door, read, store) if method in _REPORTS else _OK
        # An empty header is what the server makes of letters other than ASCII.
        headers = [value for key, value in environ.items() if key.startswith("HTTP_")]
        elsewhere = auth.misplaced([environ.get("QUERY_STRING", ""), *headers])
        carried = elsewhere or auth.shown(credentials)
        if method in _REPORTS and (carried or environ.get("HTTP_AUTHORIZATION") == ""):
            await self._turn_away(environ, door, carried, read)
        return _problem(
            "401 Unauthorized", "unauthorized", ("WWW-Authenticate", auth.challenge(credentials))
        )

    async def _received(
        self, environ: WSGIEnvironment, door: Door, read: Read, store: Store
    ) -> CallbackResponse:
        try:
            stored = self._item(environ, door, await read())
            if stored is None:
                return _problem("413 Content Too Large", "too-large")
            received = await store(stored)
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
            return "200 OK", json.dumps({"challenge": received.challenge}).encode(), _HEADERS
        return _OK

    async def _turn_away(
        self, environ: WSGIEnvironment, door: Door, secret: bytes, read: Read
    ) -> None:
        try:
            keep = self._admit(secret)
            if keep is not None:
                stored = None
                try:
                    stored = self._item(environ, door, await read())
                finally:
                    keep(stored)
        except Exception:  # whoever was refused is refused whatever happens to the copy
            log.warning("rejected_delivery_not_stored", exc_info=True)

    def _item(
        self, environ: WSGIEnvironment, door: Door, body: bytes | None
    ) -> InboundRequest | None:
        query = environ.get("QUERY_STRING", "")
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


async def _now(work: Callable[[Given], Result], given: Given) -> Result:
    return work(given)


def _result(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run what has nothing to wait for to its end."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    raise RuntimeError("it waits for something")


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
    return status, json.dumps(body).encode(), [*headers, *_HEADERS]
