"""The language that pages speak: the reader's choice, else what the browser prefers."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, request
from flask_babel import Babel

LANGUAGES = {"en": "English", "hi": "हिन्दी"}
"""The languages there are, each by its own name."""

CATALOGUES = Path(__file__).parent.parent / "translations"


def N_(text: str) -> str:  # noqa: N802  # the name that translators' tools and programmers know
    """Mark a text of a table for the catalogues; it is translated where it is shown."""
    return text


def current_language() -> str:
    """Return `en` or `hi`."""
    choice = request.args.get("lang") or request.cookies.get("obdtrack_language")
    if choice in LANGUAGES:
        return choice
    return request.accept_languages.best_match(LANGUAGES) or "en"


def speak(app: Flask) -> None:
    """Have the pages' texts come from the catalogues."""
    Babel(
        app,
        default_translation_directories=str(CATALOGUES),
        locale_selector=current_language,
    )
