"""One log line per request, with an id that the response carries too; no query, no number."""

from __future__ import annotations

import re
import time

import structlog
from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from obdtrack.domain.redaction import mask_all
from obdtrack.services import new_id

log = structlog.get_logger()

_USABLE_ID = re.compile(r"[A-Za-z0-9_.\-]{8,64}")


def observe(app: Flask) -> None:
    """Log each request of the application when it is answered."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(lambda _: clear_contextvars())  # else the next report would bear this id


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _USABLE_ID.fullmatch(given) else new_id().hex
    g.began = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    log.info(
        "request",
        method=request.method,
        path=mask_all(request.path),
        status=response.status_code,
        milliseconds=round((time.perf_counter() - g.began) * 1000, 1),
    )
    return response
