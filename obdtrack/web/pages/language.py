"""The language that pages speak: the reader's choice, else what the browser prefers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from babel.dates import TIMEDELTA_UNITS, format_timedelta, get_month_names
from flask import Flask, g, request
from flask_babel import Babel, get_domain, get_locale
from markupsafe import Markup

from obdtrack.domain.texts import N_ as N_
from obdtrack.domain.texts import Said

LANGUAGES = {"en": "English", "hi": "हिन्दी"}
"""The languages there are, each by its own name."""

_months = cache(partial(get_month_names, "abbreviated"))
_ago = lru_cache(4096)(partial(format_timedelta, threshold=1, add_direction=True))

CATALOGUES = Path(__file__).parent.parent / "translations"


def current_language() -> str:
    """Return `en` or `hi`."""
    choice = request.args.get("lang") or request.cookies.get("obdtrack_language")
    if choice in LANGUAGES:
        return choice
    # werkzeug's best match takes `hi` before an `en-IN` that the reader prefers to it
    wanted = (tag.partition("-")[0] for tag, quality in request.accept_languages if quality)
    return next((language for language in wanted if language in LANGUAGES), "en")


def gettext(text: str, /, **values: object) -> str:
    """Return a text in the reader's language, with these values in it."""
    said: str = _speech()[1].gettext(text)
    return said % values if values else said


def ngettext(one: str, several: str, number: int, /, **values: object) -> str:
    """Return the text for this number of things, with it and these values in it."""
    said: str = _speech()[1].ngettext(one, several, number)
    return said % {"num": number, **values}


def date(local: datetime, *, year: bool = False) -> str:
    """Return a day of the reader's calendar: `23 Nov`, or with its year `23 Nov 2026`."""
    month = _months(locale=_speech()[0])[local.month]
    return f"{local.day} {month} {local.year}" if year else f"{local.day} {month}"


def ago(passed: timedelta) -> str:
    """Say how long ago something was, or, if less than nothing passed, how soon it will be."""
    seconds = abs(passed.total_seconds())
    if seconds < 1:
        return gettext("now")
    size = next(size for _unit, size in TIMEDELTA_UNITS if seconds >= size)
    # Whatever is rounded to this number of the unit reads like the one time that stands for it.
    alike = timedelta(seconds=max(size, (round(seconds / size) - 0.25) * size))
    return _ago(alike if passed < timedelta(0) else -alike, locale=_speech()[0])


def translated(text: str) -> str:
    """Return a sentence that was made for everybody, such as an error's, in the reader's language.

    What is in no catalogue stays as it is.
    """
    if isinstance(text, Said):
        values = {name: translated(it) for name, it in text.values.items() if isinstance(it, str)}
        return gettext(text.template, **{**text.values, **values})
    return gettext(text) if text else ""


def speak(app: Flask) -> None:
    """Have the pages' texts come from the catalogues."""
    Babel(
        app,
        default_translation_directories=str(CATALOGUES),
        locale_selector=current_language,
    )
    app.jinja_env.globals.update(
        _=lambda text, /, **values: _filled(_speech()[1].gettext(text), values),
        ngettext=lambda one, several, number, /, **values: _filled(
            _speech()[1].ngettext(one, several, number), {"num": number, **values}
        ),
    )


def _filled(text: str, values: Mapping[str, object]) -> Markup:
    """Return a text of a catalogue as HTML with these values in it, which are escaped."""
    said = Markup(text)  # noqa: S704  # our own words
    return said % values if values or "%" in text else said


def _speech() -> tuple[str, Any]:
    """Return the language of who is spoken to, and its catalogue."""
    try:
        found: tuple[str, Any] = g.speech
    except AttributeError:
        found = g.speech = str(get_locale()), get_domain().get_translations()
    except RuntimeError:  # nobody is spoken to
        found = "en", NullTranslations()
    return found
