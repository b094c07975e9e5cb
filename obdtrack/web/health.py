"""Whether the process lives and whether it is ready to serve; more for those who may know."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Blueprint

from obdtrack.access.keys import Scope
from obdtrack.domain.times import to_text
from obdtrack.operations.system_status import Queue, SystemStatus
from obdtrack.web.http.auth import offered_access
from obdtrack.web.http.probes import Watch

log = structlog.get_logger()


def make_blueprint(watch: Watch) -> Blueprint:
    """Return the routes that report what `watch` finds."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/livez")
    def livez() -> dict[str, Any]:
        """Return 200 as long as the process can respond at all."""
        return {"status": "ok"}

    @blueprint.get("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        """Return 200 if a report could be stored now, else 503; with a key also more about it.

        What waits, or has not come, makes nothing unready: a restart would not help against it.
        """
        found = watch.ready.get()
        ready = not any(found.values())
        response: dict[str, Any] = {
            "status": "ok" if ready else "unavailable",
            "checks": {
                name: "unavailable" if complaint else "ok" for name, complaint in found.items()
            },
        }
        if _may_know():
            response["details"] = _details(found, watch)
        return response, 200 if ready else 503

    return blueprint


def _may_know() -> bool:
    try:
        access = offered_access()
    except Exception:  # keys cannot be looked up without a database; the rest is still of use
        return False
    return access is not None and Scope.READ in access.scopes


def _details(found: dict[str, str | None], watch: Watch) -> dict[str, Any]:
    complaints = {name: complaint for name, complaint in found.items() if complaint}
    try:
        return {"complaints": complaints, **stock_view(watch.stock.get())}
    except Exception:  # the database that is complained of
        log.warning("status_not_read", exc_info=True)
        return {"complaints": complaints}


def stock_view(stock: SystemStatus) -> dict[str, Any]:
    """Return the figures as JSON; ages in seconds, null for what never was."""
    return {
        "as_of": to_text(stock.taken_at),
        "last_report_age_seconds": stock.age(stock.last_report_at),
        "calls": {status: _queue_view(queue, stock) for status, queue in stock.calls.items()},
        "deliveries": {name: _queue_view(queue, stock) for name, queue in stock.deliveries.items()},
        "checks_due": _queue_view(stock.due, stock),
        "silent_calls": stock.silent,
        "known_only_by_polling": stock.only_polled,
        "repaired_by_polling": stock.repaired,
        "rejoined_reports": stock.rejoined,
        "rejected_deliveries": stock.rejected,
        "clock": stock.skew.sentence() if stock.skew else "ok",
    }


def _queue_view(queue: Queue, stock: SystemStatus) -> dict[str, Any]:
    return {"length": queue.length, "oldest_age_seconds": stock.age(queue.since)}
