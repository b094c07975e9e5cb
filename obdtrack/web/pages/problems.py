"""What every page says while something is wrong, as far as one question tells."""

from __future__ import annotations

from collections.abc import Mapping

from obdtrack.notifications.alarms import open_alarms
from obdtrack.store.database_errors import unusable
from obdtrack.web.http.probes import Watch
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.language import ngettext


def problem(watch: Watch) -> str | None:
    """Return a sentence about what is wrong now; None if nothing is.

    Whether reports can be stored is known from whoever asked last: a page does not try it.
    """
    ready: Mapping[str, str | None] = watch.ready.known() or {}
    try:
        alarms = open_alarms()
    except Exception as error:
        if unusable(error) is None:
            raise
        return str(_("The database cannot be used."))
    if alarms:
        told: str = ngettext(
            "%(num)d alarm is open: %(title)s.",
            "%(num)d alarms are open, the newest: %(title)s.",
            len(alarms),
            title=alarms[0].detail["title"],
        )
        return told
    return str(_("Reports cannot be stored now.")) if any(ready.values()) else None
