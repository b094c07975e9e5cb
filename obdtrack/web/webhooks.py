"""The callback: a small WSGI function in front of the application, the only way a report comes in.

It answers 200 (stored, whatever it was), 401 (secret), 413 (too large) or 503 (not stored), and
nothing else, since the provider takes every other answer for a reason to give up. It stands in
front of Flask because most requests are reports and none of them needs routing or a session.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog

from obdtrack.config import CALLBACK_PATH
from obdtrack.domain.report import RawDelivery
from obdtrack.errors import ObdtrackError
from obdtrack.setting_readers import is_loopback
from obdtrack.storage.deliveries import Stored
from obdtrack.web.bodies import MAX_BODY, read_body
from obdtrack.workflows.context import new_id
from obdtrack.workflows.receive_delivery import Received

log = structlog.get_logger()

_KEPT_HEADERS = ("user-agent", "content-encoding", "x-request-id", "host")
_MAX_HEADER = 500

_CHALLENGE = 'Bearer realm="obdtrack"'
_TRY_AGAIN = _CHALLENGE + ', error="invalid_token"'  # RFC 6750: only if one was given

_HEADERS = (
    ("Content-Type", "application/json"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)

Answer = tuple[str, bytes, list[tuple[str, str]]]


class Callback:
    """Answers the callback's path and leaves every other to `app`.

    `secrets` are the accepted bearer secrets (none: whatever this machine sends is believed);
    `store` gives what became of a delivery once it is on disk; `reject` is told of requests with a
    wrong secret and may read them; `headers` names more headers to keep.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        store: Callable[[Stored], Received],
        reject: Callable[[bytes, Callable[[], Stored | None]], None],
        now: Callable[[], datetime],
        secrets: Iterable[str],
        headers: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._store = store
        self._reject = reject
        self._now = now
        self._secrets = tuple(secret.encode() for secret in secrets)
        kept = (*_KEPT_HEADERS, *headers)
        self._kept = {"HTTP_" + name.upper().replace("-", "_"): name for name in kept}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request as a WSGI application (PEP 3333)."""
        if environ.get("PATH_INFO", "").rstrip("/") != CALLBACK_PATH:
            return self._app(environ, start_response)
        status, body, headers = self._answer(environ)
        headers += [*_HEADERS, ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        if not self._is_trusted(environ, secret := _secret(environ)):
            self._turn_away(environ, secret)
            challenge = _TRY_AGAIN if secret else _CHALLENGE
            return _problem("401 Unauthorized", "unauthorized", ("WWW-Authenticate", challenge))
        try:
            stored = self._stored(environ)
            if stored is None:
                return _problem("413 Content Too Large", "too-large")
            received = self._store(stored)
        except ObdtrackError as error:
            log.error("delivery_not_stored", reason=error.message)
            return _problem("503 Service Unavailable", "unavailable", ("Retry-After", "5"))
        except Exception:  # what was not stored must not be acknowledged
            log.exception("delivery_not_stored")
            return _problem("503 Service Unavailable", "unavailable", ("Retry-After", "5"))
        if received.challenge is not None:
            return "200 OK", json.dumps({"challenge": received.challenge}).encode(), []
        return "200 OK", b'{"status":"ok"}', []

    def _is_trusted(self, environ: WSGIEnvironment, secret: bytes) -> bool:
        if not self._secrets:
            return is_loopback(environ.get("REMOTE_ADDR", ""))
        # All are compared, so that the time tells nothing about which of them came close.
        matches = [hmac.compare_digest(secret, known) for known in self._secrets]
        return any(matches)

    def _turn_away(self, environ: WSGIEnvironment, secret: bytes) -> None:
        if not secret:
            return  # no provider of ours: not worth a row
        try:
            self._reject(secret, lambda: self._stored(environ))
        except Exception:  # whoever was refused is refused whatever happens to the copy
            log.warning("rejected_delivery_not_kept", exc_info=True)

    def _stored(self, environ: WSGIEnvironment) -> Stored | None:
        body, query = read_body(environ), environ.get("QUERY_STRING", "")
        if body is None or len(query) > MAX_BODY:
            return None
        raw = RawDelivery(
            method=environ["REQUEST_METHOD"][:16],
            query=_text(query, MAX_BODY),
            headers=_headers(environ, self._kept),
            content_type=_text(environ.get("CONTENT_TYPE", ""), 255),
            body=body,
        )
        return Stored(new_id(), self._now(), raw)


def _secret(environ: WSGIEnvironment) -> bytes:
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    # WSGI hands header bytes over as latin-1 text.
    return given.strip().encode("latin-1", "replace") if scheme.lower() == "bearer" else b""


def _headers(environ: Mapping[str, Any], kept: Mapping[str, str]) -> dict[str, str]:
    return {
        name: _text(value, _MAX_HEADER) for key, name in kept.items() if (value := environ.get(key))
    }


def _text(value: str, limit: int) -> str:
    """Give header text as UTF-8 where it is that, without what a database cannot hold."""
    if value.isascii() and value.isprintable():
        return value[:limit]
    raw = value.encode("latin-1", "replace")
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")[:limit]


def _problem(status: str, code: str, *headers: tuple[str, str]) -> Answer:
    return status, json.dumps({"status": int(status[:3]), "code": code}).encode(), list(headers)
