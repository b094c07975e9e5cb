"""Puts the pages into the application."""

from __future__ import annotations

from flask import Flask
from flask_bootstrap import Bootstrap5

from obdtrack.web.pages import audit, call, calls, campaigns, deliveries, docs, place, sign_in
from obdtrack.web.pages.addresses import NameConverter
from obdtrack.web.pages.frame import compile_pages, frame
from obdtrack.web.pages.privacy import note_pii_use
from obdtrack.web.security import secure
from obdtrack.workflows.context import Context

PAGES = (sign_in, calls, call, deliveries, campaigns, place, audit, docs)


def register_pages(app: Flask, context: Context) -> None:
    """Serve the pages, with their sessions and their templates."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    secure(app, context)
    frame(app)
    app.url_map.converters["name"] = NameConverter
    app.before_request(note_pii_use)  # after the guard, which knows who reads
    for page in PAGES:
        app.register_blueprint(page.blueprint)
    compile_pages(app)
