"""Puts the pages into the application."""

from __future__ import annotations

from flask import Flask
from flask_bootstrap import Bootstrap5

from obdtrack.services import Services
from obdtrack.web.http.browser_security import secure
from obdtrack.web.pages import audit, call, calls, campaigns, deliveries, docs, place, sign_in
from obdtrack.web.pages.privacy import note_pii_use
from obdtrack.web.pages.template_helpers import compile_pages, frame
from obdtrack.web.pages.url_converters import NameConverter

PAGES = (sign_in, calls, call, deliveries, campaigns, place, audit, docs)


def register_pages(app: Flask, services: Services) -> None:
    """Serve the pages, with their sessions and their templates."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    secure(app, services)
    frame(app)
    app.url_map.converters["name"] = NameConverter
    app.before_request(note_pii_use)  # after the guard, which knows who reads
    for page in PAGES:
        app.register_blueprint(page.blueprint)
    compile_pages(app)
