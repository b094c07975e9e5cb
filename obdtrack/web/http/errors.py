"""One table from error code to HTTP, and errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from obdtrack.errors import Code, ObdtrackError, challenge
from obdtrack.store.database_errors import unavailable, unusable
from obdtrack.web.http.error_pages import fault, wants_page
from obdtrack.web.http.responses import problem_body

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"

HTTP_STATUS: dict[Code, HTTPStatus] = {
    Code.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.MALFORMED: HTTPStatus.BAD_REQUEST,
    Code.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.GONE: HTTPStatus.GONE,
    Code.CONFLICT: HTTPStatus.CONFLICT,
    Code.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    code: str,
    fields: Mapping[str, Sequence[str]] | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, str] | None = None,
) -> Response:
    """Return an error as RFC 9457 describes it; `errors` holds what is wrong, by field."""
    if wants_page():
        return fault(status, detail, headers)
    body = {**problem_body(status, code, detail, fields, g.get("request_id")), **(more or {})}
    return Response(
        json.dumps(body, ensure_ascii=False),
        status=status.value,
        content_type=PROBLEM_JSON,
        headers=dict(headers or {}),
    )


def on_obdtrack_error(error: ObdtrackError) -> Response:
    """Return our own error; what made the database unusable is for the log."""
    if error.code is Code.UNAVAILABLE and error.__cause__ is not None:
        log.error("database_unavailable", error=str(error.__cause__), path=request.path)
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    if error.code is Code.UNAUTHORIZED:
        # RFC 6750: no error code when no token was given.
        failed = request.headers.get("Authorization", "")[:7].lower() == "bearer "
        headers["WWW-Authenticate"] = challenge("invalid_token" if failed else None)
    if error.code is Code.FORBIDDEN:
        headers["WWW-Authenticate"] = challenge("insufficient_scope")
    return problem(
        HTTP_STATUS[error.code],
        error.message,
        code=error.code,
        fields=error.fields,
        headers=headers,
        more=error.more,
    )


def on_http_exception(error: HTTPException) -> Response:
    """Return what Flask, webargs or Werkzeug refused, keeping headers such as Allow."""
    if error.response is not None and isinstance(error.response, Response):
        return error.response
    status = HTTPStatus(error.code or 500)
    fields = _fields(getattr(error, "data", None) or {})
    detail = "Some fields are invalid." if fields else _said(error, status)
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() not in {"content-type", "content-length"}
    }
    return problem(status, detail, code=_CODES.get(status, "error"), fields=fields, headers=headers)


def _said(error: HTTPException, status: HTTPStatus) -> str:
    """Say what the matter is; the library's own sentences do not know what can be done here."""
    if isinstance(error, CSRFError):
        return "This form has expired, or was sent from another site. Nothing was changed."
    if error.description != type(error).description or status not in _SENTENCES:
        return error.description or status.phrase
    sentence, way_on = _SENTENCES[status]
    return sentence if wants_page() else f"{sentence} {way_on}"


def on_any_error(error: Exception) -> Response:
    """Return 500 for an unforeseen error, without its details; 503 if it is the database's."""
    if unusable(error) is not None:
        log.error("database_unavailable", error=str(error), path=request.path)
        return on_obdtrack_error(unavailable())
    log.exception("unforeseen_error", path=request.path)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong on our side. The log has the details under this request id.",
        code=Code.INTERNAL,
    )


def register_errors(app: Flask) -> None:
    """Have every error of the application answered by this module."""
    app.register_error_handler(ObdtrackError, on_obdtrack_error)
    app.register_error_handler(HTTPException, on_http_exception)
    app.register_error_handler(Exception, on_any_error)


_SENTENCES = {
    HTTPStatus.NOT_FOUND: (
        "Not found: the address is misspelt, or the page no longer exists.",
        "GET /api/openapi.json lists every route.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This URL does not allow that method.",
        "The Allow header lists the allowed methods.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "The request is larger than 64 KiB.",
        "Send a smaller one.",
    ),
}
"""What is the matter, for everybody, and the way on, for programs; pages show their own."""

_CODES = {status: code.value for code, status in HTTP_STATUS.items()}


def _fields(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Flatten marshmallow's messages (by location, then by field) to one list a field."""
    found: dict[str, list[str]] = {}
    messages = data.get("messages") or data.get("errors") or {}
    for location, content in messages.items():
        _collect(content, "" if location in {"json", "query"} else str(location), found)
    return found


def by_field(messages: Any) -> dict[str, list[str]]:
    """Return what marshmallow says is wrong, however deep, as one list a field."""
    found: dict[str, list[str]] = {}
    _collect(messages, "", found)
    return found


def _collect(content: Any, name: str, found: dict[str, list[str]]) -> None:
    if isinstance(content, Mapping):
        for key, inner in content.items():
            plain = "" if key in {"_schema", "key", "value"} else str(key)
            _collect(inner, ".".join(part for part in (name, plain) if part), found)
    elif isinstance(content, list):
        found.setdefault(name or "body", []).extend(str(text) for text in content)
    else:
        found.setdefault(name or "body", []).append(str(content))
