"""The API's document as a page to read, with a command to copy for everything the API does."""

from __future__ import annotations

from flask import Blueprint, Response, request

from obdtrack.access.keys import Scope
from obdtrack.web.api.openapi import api_document
from obdtrack.web.http.auth import needs
from obdtrack.web.pages.api_reference import read_document
from obdtrack.web.pages.template_helpers import live

blueprint = Blueprint("pages_docs", __name__)


@blueprint.get("/api/docs")
@needs(Scope.READ)
def docs() -> Response:
    """Show what the API does, from the API document itself."""
    return live("docs.html", manual=read_document(api_document(), request.url_root.rstrip("/")))
