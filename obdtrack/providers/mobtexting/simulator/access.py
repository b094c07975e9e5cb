"""What every request to the API goes through first: noted, token checked, counted."""

from __future__ import annotations

import hmac

from flask import Response, request
from flask.typing import ResponseReturnValue

from obdtrack.providers.mobtexting.simulator.error_responses import (
    login_page,
    rate_limited,
    refusal,
)
from obdtrack.providers.mobtexting.simulator.state import ReceivedRequest, current


def admit() -> ResponseReturnValue | None:
    """Return None for a request that may go on, else its answer."""
    simulator = current()
    simulator.requests.append(_received())
    given, token = request.headers.get("Authorization", ""), simulator.config.token
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return _stranger()
    wait_seconds = simulator.gets.wait_seconds() if request.method == "GET" else 0
    return rate_limited(wait_seconds) if wait_seconds else None


def _received() -> ReceivedRequest:
    return ReceivedRequest(
        method=request.method,
        path=request.path,
        query=request.args.to_dict(),
        headers=dict(request.headers),
        body=request.get_data(),
    )


def _stranger() -> Response:
    """Refuse in JSON who speaks JSON; take anybody else for a person with a browser."""
    if request.is_json or "application/json" in request.headers.get("Accept", ""):
        return refusal(401, "Unauthenticated.")
    return login_page()
