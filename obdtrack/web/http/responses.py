"""What responses have in common: their headers, and the body of an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""What every response carries unless it has its own."""

PAGE_HEADERS = {
    # Nothing from elsewhere, nothing inline. Bootstrap draws its arrows and ticks from data: URLs.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""What a page carries of its own."""


def problem_body(
    status: HTTPStatus,
    code: str,
    detail: str | None = None,
    fields: Mapping[str, Sequence[str]] | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """Return the body of an error (RFC 9457); `errors` holds what is wrong, by field."""
    told = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "errors": fields,
        "request_id": request_id,
    }
    return {name: value for name, value in told.items() if value}
