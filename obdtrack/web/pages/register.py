"""Puts the pages into the application."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from flask import Flask
from flask_bootstrap import Bootstrap5
from werkzeug.routing import BaseConverter

from obdtrack.services import Services
from obdtrack.web.http.browser_security import secure
from obdtrack.web.http.probes import Watch
from obdtrack.web.pages import (
    alarms,
    api_reference,
    attention,
    audit,
    call,
    calls,
    campaign_control,
    campaign_lists,
    campaign_plans,
    campaign_tables,
    campaigns,
    deliveries,
    destinations,
    health,
    keys,
    numbers,
    opt_outs,
    people,
    place,
    sign_in,
    submission,
    time_zone,
)
from obdtrack.web.pages.first_steps import first_steps
from obdtrack.web.pages.language import speak
from obdtrack.web.pages.privacy import note_pii_use
from obdtrack.web.pages.problems import problem
from obdtrack.web.pages.template_helpers import frame

PAGES = (
    time_zone,
    sign_in,
    calls,
    attention,
    call,
    submission,
    deliveries,
    campaign_plans,
    campaign_lists,
    campaign_control,
    campaign_tables,
    campaigns,
    place,
    destinations,
    alarms,
    opt_outs,
    people,
    keys,
    audit,
    numbers,
    api_reference,
)


class NameConverter(BaseConverter):
    """A name that people gave, up to the end of the address; a slash in it stays part of it."""

    regex = "(?s:.+)"
    part_isolating = False
    weight = 200

    def to_url(self, value: str) -> str:
        """Return it with nothing left that a browser would tidy away, such as `../`."""
        return quote(str(value), safe="")


def register_pages(app: Flask, services: Services, watch: Watch) -> None:
    """Serve the pages, with their sessions and their templates."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    secure(app, services)
    frame(app)
    speak(app)
    app.url_map.converters["name"] = NameConverter
    app.before_request(note_pii_use)  # after the guard, which knows who reads
    for page in PAGES:
        app.register_blueprint(page.blueprint)
    app.register_blueprint(health.make_blueprint(watch))
    app.jinja_env.globals.update(
        problem=partial(problem, watch), first_steps=first_steps, marks=attention.marks
    )
