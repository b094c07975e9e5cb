"""What all templates share: who reads, in which zone, and how times and words are shown."""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256
from typing import Any

import humanize
from flask import Flask, Response, g, make_response, render_template, request, url_for
from markupsafe import Markup

from obdtrack.domain.times import to_text
from obdtrack.web.access import context
from obdtrack.web.pages import assets, words, zone
from obdtrack.web.pages.privacy import Reader
from obdtrack.workflows.keys import Access, Scope

_CHANGES_BY_ITSELF = re.compile(
    r'<input[^>]*name="csrf_token"[^>]*>|(<time class="age"[^>]*>)[^<]*'
    r'|<input[^>]*name="once"[^>]*>'
)


def frame(app: Flask) -> None:
    """Give the templates their helpers, and keep the reader's choices."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        age=age, clock=clock, day=day, moment=moment, reason=words.reason_text
    )
    app.jinja_env.globals.update(
        asset=assets.address,
        status_look=words.status_look,
        outcome_look=words.outcome_look,
        SOURCE=words.SOURCE,
        source_word=words.source_word,
        here=here,
    )
    app.context_processor(_shared)
    app.after_request(zone.keep_choices)


def reader() -> Reader:
    """Give what the signed-in person may see and do."""
    access: Access | None = g.get("access")
    return Reader(access.name if access else None, access.scopes if access else frozenset())


def live(template: str, **data: Any) -> Response:
    """Answer with a page that can be asked for again: 304 as long as it says the same."""
    page = render_template(template, **data)
    response = make_response(page)
    mark = sha256(_CHANGES_BY_ITSELF.sub(r"\1", page).encode()).hexdigest()[:32]
    response.set_etag(mark, weak=True)
    response.make_conditional(request)
    return response


def here(**changes: Any) -> str:
    """Give this page's address with these parameters changed; None takes one out."""
    kept = {**request.args.to_dict(), **changes}
    told = {name: value for name, value in kept.items() if value is not None}
    return url_for(request.endpoint or "pages_calls.index", **(request.view_args or {}), **told)


def age(then: datetime | None) -> Markup:
    """Say how long ago something was; the script keeps it true."""
    if then is None:
        return Markup("")
    now = context().now()
    said = (
        humanize.naturaltime(now - then)
        if then <= now
        else "in " + humanize.naturaldelta(then - now)
    )
    return Markup('<time class="age" datetime="{}" title="{}">{}</time>').format(
        to_text(then), f"{day(then)} {clock(then)}", said
    )


def clock(then: datetime | None) -> str:
    """Give the time of day to the second, in the reader's zone."""
    return "" if then is None else f"{zone.current_zone().local(then):%H:%M:%S}"


def day(then: datetime | None) -> str:
    """Give the day, with its year if that is not this one."""
    if then is None:
        return ""
    local = zone.current_zone().local(then)
    this_year = zone.current_zone().local(context().now()).year == local.year
    return f"{local.day} {local:%b}" if this_year else f"{local.day} {local:%b %Y}"


def moment(then: datetime | None) -> Markup:
    """Give day and time as a <time> element."""
    if then is None:
        return Markup('<span class="none">not told</span>')
    return Markup('<time datetime="{}">{} {}</time>').format(to_text(then), day(then), clock(then))


def _shared() -> dict[str, Any]:
    return {
        "me": reader(),
        "Scope": Scope,
        "zone": zone.current_zone(),
        "zones": zone.ZONES,
        "theme": zone.current_theme(),
        "themes": zone.THEMES,
        "now": context().now(),
    }
