"""The API's document to read and to try."""

from __future__ import annotations

from flask import Blueprint, render_template

from obdtrack.web.access import needs
from obdtrack.workflows.keys import Scope

blueprint = Blueprint("pages_docs", __name__)


@blueprint.get("/api/docs")
@needs(Scope.READ)
def docs() -> str:
    """Show Swagger UI, with our own frame: its own page does not work under a strict policy."""
    return render_template("docs.html")
