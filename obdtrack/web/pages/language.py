"""The language that pages speak: the reader's choice, else what the browser prefers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from flask import Flask, g, request
from flask_babel import Babel, format_timedelta, get_domain, get_locale
from markupsafe import Markup

from obdtrack.domain.texts import N_ as N_
from obdtrack.domain.texts import Said

LANGUAGES = {"en": "English", "hi": "हिन्दी"}
"""The languages there are, each by its own name."""

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
    """Return a text of the catalogues in the reader's language, with these values in it.

    As flask_babel does; the library looks for the catalogue at each text, and a page has hundreds.
    """
    said: str = _catalogue().gettext(text)
    return said % values if values else said


def ngettext(one: str, several: str, number: int, /, **values: object) -> str:
    """Return the text for this number of things, with it and these values in it."""
    said: str = _catalogue().ngettext(one, several, number)
    return said % {"num": number, **values}


def date(local: datetime, *, year: bool = False) -> str:
    """Return a day of the reader's calendar: `23 Nov`, or with its year `23 Nov 2026`."""
    locale = get_locale()
    month = locale.months["format"]["abbreviated"][local.month] if locale else f"{local:%b}"
    return f"{local.day} {month} {local.year}" if year else f"{local.day} {month}"


def ago(passed: timedelta) -> str:
    """Say how long ago something was, or, if less than nothing passed, how soon it will be."""
    if abs(passed) < timedelta(seconds=1):
        return str(gettext("now"))
    return str(format_timedelta(-passed, add_direction=True, threshold=1))


def translated(text: str) -> str:
    """Return a sentence that was made for everybody, such as an error's, in the reader's language.

    What is in no catalogue stays as it is.
    """
    if isinstance(text, Said):
        values = {name: translated(it) for name, it in text.values.items() if isinstance(it, str)}
        return str(gettext(text.template, **{**text.values, **values}))
    return str(gettext(text)) if text else ""


def speak(app: Flask) -> None:
    """Have the pages' texts come from the catalogues."""
    Babel(
        app,
        default_translation_directories=str(CATALOGUES),
        locale_selector=current_language,
    )
    app.jinja_env.globals.update(
        _=lambda text, /, **values: _filled(_catalogue().gettext(text), values),
        ngettext=lambda one, several, number, /, **values: _filled(
            _catalogue().ngettext(one, several, number), {"num": number, **values}
        ),
    )


def _filled(text: str, values: Mapping[str, object]) -> Markup:
    """Return a text of a catalogue as HTML with these values in it, which are escaped."""
    said = Markup(text)  # noqa: S704  # our own words
    return said % values if values or "%" in text else said


def _catalogue() -> Any:
    found = g.get("catalogue") if g else NullTranslations()
    if found is None:
        found = g.catalogue = get_domain().get_translations()
    return found
