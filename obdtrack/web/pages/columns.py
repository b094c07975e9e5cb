"""Which columns lists of calls have: the reader's choice, which a cookie keeps."""

from __future__ import annotations

from collections.abc import Iterable

from flask import request
from werkzeug.wrappers import Response

from obdtrack.web.http.browser_security import is_tls
from obdtrack.web.pages.language import N_, gettext

COLUMNS = {
    "name": N_("Campaign or reference"),
    "why": N_("Why"),
    "talk": N_("Talk time"),
    "cost": N_("Cost"),
    "caller": N_("Caller"),
    "attempts": N_("Attempts"),
    "flow": N_("Flow"),
    "placed": N_("Placed"),
    "ended": N_("Ended"),
    "known": N_("Known from"),
}
"""What a list may show beside status and number, in this order, with its headings."""

USUAL = ("name", "why", "talk", "cost", "caller", "placed", "known")
_COOKIE = "obdtrack_columns"
_YEAR = 365 * 24 * 3600


def chosen_columns() -> list[str]:
    """Return the names of the columns, in the order of the list."""
    kept = request.cookies.get(_COOKIE)
    wanted = USUAL if kept is None else kept.split(".")
    return [name for name in COLUMNS if name in wanted]


def column_words() -> dict[str, str]:
    """Return the headings of all columns, in the reader's language."""
    return {name: gettext(heading) for name, heading in COLUMNS.items()}


def keep_columns(response: Response, names: Iterable[str]) -> None:
    """Keep these columns; those that there are not are left out."""
    kept = ".".join(name for name in names if name in COLUMNS)
    response.set_cookie(
        _COOKIE, kept, max_age=_YEAR, httponly=True, samesite="Lax", secure=is_tls(request)
    )
