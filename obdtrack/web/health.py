"""Whether the process lives and whether it is ready to serve."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from obdtrack.storage.migrate import check_schema
from obdtrack.web.access import context

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> dict[str, Any]:
    """Answer as long as the process can answer at all."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Answer 200 if a report could be stored now, else 503 with what is wrong."""
    checks = {"database": _database()}
    ready = all(result == "ok" for result in checks.values())
    return {"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503


def _database() -> str:
    try:
        with context().store.write():
            check_schema(context().store)
    except Exception as error:  # the reason is the answer
        return type(error).__name__
    return "ok"
