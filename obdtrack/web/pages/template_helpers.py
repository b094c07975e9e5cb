"""What all templates share: who reads, in which zone, and how times and words are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial
from hashlib import sha256
from threading import RLock
from typing import Any

from babel.numbers import format_currency
from flask import Flask, Response, g, make_response, render_template, request, url_for
from flask.sansio.app import App
from flask.templating import Environment
from flask_babel import format_decimal, get_locale
from jinja2 import Template
from jinja2.ext import Extension
from markupsafe import Markup, escape

from obdtrack.access.keys import Access, Scope
from obdtrack.calls.placing.submissions import callers_of
from obdtrack.calls.states import provider_words
from obdtrack.domain.times import from_text, to_text
from obdtrack.web.http import session
from obdtrack.web.http.auth import services
from obdtrack.web.pages import assets, columns, labels, navigation, preferences
from obdtrack.web.pages.language import LANGUAGES, ago, date, translated
from obdtrack.web.pages.privacy import Reader

_TIME = re.compile(r"\b2\d{3}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,6})?Z")
_INDENTATION = re.compile(r"^ +", re.MULTILINE)
_CHANGES_BY_ITSELF = re.compile(
    r'<(?:input[^>]*name="(?:csrf_token|once)"[^>]*>|(time class="age"[^>]*>)[^<]*)'
)


class _LessIndented(Extension):
    """Templates are indented for those who read them; a browser is sent one blank of it."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return _INDENTATION.sub(" ", source)


class Templates(Environment):
    """Compiles each template when it is first wanted, and once: a crowd would each do it."""

    def __init__(self, app: App, **options: Any) -> None:
        super().__init__(app, **options)
        self._one_at_a_time = RLock()

    def get_template(self, *named: Any, **options: Any) -> Template:
        """Return a template."""
        with self._one_at_a_time:
            return super().get_template(*named, **options)


def frame(app: Flask) -> None:
    """Set the templates up with their helpers, and keep the reader's choices."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension(_LessIndented)
    app.jinja_env.filters.update(
        age=age,
        as_json=partial(json.dumps, ensure_ascii=False),
        clock=clock,
        coded=coded,
        dated=dated,
        day=day,
        moment=moment,
        number=format_decimal,
        reason=labels.reason_text,
        in_zone=in_zone,
        provider_words=provider_words,
        talk_time=talk_time,
        translated=translated,
    )
    app.jinja_env.globals.update(
        asset=assets.address,
        status_look=labels.status_look,
        campaign_look=labels.campaign_look,
        destination_look=labels.destination_look,
        notification_look=labels.notification_look,
        outcome_look=labels.outcome_look,
        source_text=labels.source_text,
        strong=Markup("<strong>{}</strong>").format,
        translated=translated,
        source_word=labels.source_word,
        here=here,
        links=navigation.links,
        money=money,
        FIRST=navigation.FIRST,
        ADMINISTRATION=navigation.ADMINISTRATION,
        callers_of=callers_of,
        column_words=columns.column_words,
        chosen_columns=columns.chosen_columns,
        each=each,
        why_text=labels.why_text,
    )
    app.context_processor(_shared)
    app.after_request(preferences.keep_choices)


def reader() -> Reader:
    """Return what the signed-in person may see and do."""
    access: Access | None = g.get("access")
    if access is None:
        return Reader(None, frozenset())
    return Reader(access.name, access.scopes, session.are_numbers_shown())


def live(template: str, **data: Any) -> Response:
    """Return the page; 304 if the browser already has it as it is."""
    page = render_template(template, **data)
    response = make_response(page)
    mark = sha256(_CHANGES_BY_ITSELF.sub(r"\1", page).encode()).hexdigest()[:32]
    response.set_etag(mark, weak=True)
    response.make_conditional(request)
    return response


def here(**changes: Any) -> str:
    """Return this page's address with these parameters changed; None takes one out."""
    kept = {**request.args.to_dict(flat=False), **changes}
    # Flask's own arguments begin with an underscore: an address must not choose scheme and host.
    given = {k: value for k, value in kept.items() if value is not None and k[:1] != "_"}
    return url_for(request.endpoint or "pages_calls.index", **(request.view_args or {}), **given)


def age(then: datetime | None) -> Markup:
    """Say how long ago something was; the script keeps it true."""
    if then is None:
        return Markup("")
    title, said = " ".join(_shown(then)), ago(_present()[1] - then)
    return Markup(f'<time class="age" datetime="{to_text(then)}" title="{title}">{said}</time>')  # noqa: S704


def clock(then: datetime | None) -> str:
    """Return the time of day to the second, in the reader's zone."""
    return "" if then is None else _shown(then)[1]


def day(then: datetime | None) -> str:
    """Return the day, with its year if that is not this one."""
    return "" if then is None else _shown(then)[0]


def dated(then: datetime | None) -> str:
    """Return the day with its year."""
    return date(preferences.current_zone().local(then), year=True) if then else ""


def moment(then: datetime | None) -> Markup:
    """Return day and time as a <time> element."""
    if then is None:
        return Markup('<span class="none">not reported</span>')
    return Markup(f'<time datetime="{to_text(then)}">{" ".join(_shown(then))}</time>')  # noqa: S704


def _present() -> tuple[preferences.Zone, datetime, int]:
    """Return the zone of who reads, when that is, and in which year by their calendar."""
    found: tuple[preferences.Zone, datetime, int] | None = g.get("present")
    if found is None:  # a list asks for it some hundred times
        zone, now = preferences.current_zone(), services().now()
        found = g.present = zone, now, zone.local(now).year
    return found


def _shown(then: datetime) -> tuple[str, str]:
    """Return the day, with its year if that is not this one, and the time to the second."""
    zone, _now, year = _present()
    local = zone.local(then)
    return date(local, year=local.year != year), local.isoformat()[11:19]


def money(amount: Decimal | str | None) -> str:
    """Return an exact amount in the currency that is set, as it is without one; None is a dash."""
    if amount is None:
        return "–"
    currency = services().settings.currency
    if currency is None:
        return str(amount)
    amount = Decimal(amount)
    # Nothing is rounded: a call can cost less than the smallest coin.
    return format_currency(amount, currency, locale=get_locale(), decimal_quantization=False)


def in_zone(text: str) -> str:
    """Return a text with the times in it (RFC 3339, UTC) as the reader's clock shows them."""

    def local(found: re.Match[str]) -> str:
        try:
            then = from_text(found.group())
        except ValueError:  # it only looked like one
            return found.group()
        return f"{day(then)} {clock(then)}"

    return _TIME.sub(local, text)


def each(make: Callable[..., object], rows: Iterable[object], *names: str) -> dict[Any, object]:
    """Return what is made of these attributes of rows, by their values: each once."""
    values = {tuple(getattr(row, name) for name in names) for row in rows}
    return {one: make(*one) for one in values}


def talk_time(seconds: int | None) -> str:
    """Return how long a call lasted, in minutes and seconds."""
    return "" if seconds is None else f"{seconds // 60}:{seconds % 60:02}"


def coded(text: str) -> Markup:
    """Return a text whose `words` between backticks are code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part
        for place, part in enumerate(parts)
    )


def _shared() -> dict[str, Any]:
    return {
        "me": reader(),
        "Scope": Scope,
        "zone": (shown := preferences.current_zone()),
        "zones": preferences.ZONES,
        "other_zones": preferences.other_zones(shown),
        "language": str(get_locale()),
        "languages": LANGUAGES,
        "theme": preferences.current_theme(),
        "themes": preferences.THEMES,
        "now": services().now(),
    }
