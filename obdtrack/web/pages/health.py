"""Health and settings: what the checks find, some figures, and the settings as they were read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time, timedelta
from typing import Any, NamedTuple

import humanize
from flask import Blueprint, Response, flash, redirect, url_for
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.notifications.alarms import open_alarms
from obdtrack.operations.doctor.result import CheckResult, Level
from obdtrack.operations.health import ASKING, Checked, Health, check_now, last_checked, worst
from obdtrack.operations.system_status import CAP
from obdtrack.settings import PREFIX, Settings, origin
from obdtrack.version import VERSION
from obdtrack.web.http.auth import ask_main_store, current_access, needs, services
from obdtrack.web.http.probes import Watch
from obdtrack.web.pages.labels import Look
from obdtrack.web.pages.language import N_
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.template_helpers import live

LEVELS: dict[Level, tuple[str, str, str]] = {
    Level.OK: (N_("Fine"), "check", "good"),
    Level.SKIPPED: (N_("Not checked"), "question", "miss"),
    Level.WARNING: (N_("Warning"), "question", "doubt"),
    Level.PROBLEM: (N_("Problem"), "alert", "bad"),
}

CHECKED: dict[str, str] = {
    "settings": N_("Settings"),
    "database": N_("Database"),
    "migrations": N_("Schema"),
    "disk space": N_("Disk space"),
    "SQLite": N_("SQLite"),
    "read replica": N_("Read replica"),
    "provider": N_("Provider"),
    "webhook": N_("Webhook"),
    "clock": N_("Clock"),
    "time zone": N_("The provider's time zone"),
    "reports": N_("Reports"),
    "backlog": N_("Backlog"),
}

WORK: dict[str, str] = {
    "poll": N_("Polls of the provider"),
    "campaign": N_("Campaigns"),
    "destination": N_("Destinations"),
    "telling": N_("Alarms to be told"),
    "clock": N_("Comparing clocks"),
    "alarms": N_("Looking for trouble"),
    "rejoin": N_("Joining late reports"),
    "retention": N_("Deleting what is old"),
    "partitions": N_("Tidying the tables"),
}

GROUPS: dict[str, tuple[str, ...]] = {
    N_("Storage"): ("database_", "read_database", "retention_", "events_", "idempotency_"),
    N_("Provider"): ("provider_", "bridge", "currency", "poll_", "redials"),
    N_("Webhook"): ("webhook_",),
    N_("Calling"): ("suppression", "calling_", "call_type", "closed_", "duplicate_"),
    N_("Server"): ("host", "port", "proxy_", "trusted_", "public_", "log_", "jobs", "insecure"),
    N_("Secrets"): ("secret_key",),
    N_("Alarms and notifications"): ("alarm", "smtp_", "heartbeat_", "destinations_"),
    N_("Others"): ("",),
}
"""The settings by what their names begin with; the last takes what is new."""


class Line(NamedTuple):
    """A finding as it is shown, with where the calls or deliveries meant are listed."""

    name: str
    look: Look
    found: CheckResult
    link: str | None


class Setting(NamedTuple):
    """A setting as it was read: its variable, its value in words, and where it came from."""

    name: str
    value: str
    origin: str | None


def make_blueprint(watch: Watch) -> Blueprint:
    """Return the routes of the page, which shows what `watch` finds."""
    blueprint = Blueprint("pages_health", __name__)

    @blueprint.get("/health")
    @needs(Scope.READ)
    def index() -> Response:
        """Show how the installation is; its settings are for admins."""
        ask_main_store()
        return live("health.html", **_shown(watch.health.get(), last_checked()))

    @blueprint.post("/health/check")
    @needs(Scope.ADMIN)
    def check() -> Redirect:
        """Run the checks that ask the network."""
        check_now(current_access(), services())
        flash(_("The provider, the webhook and the clock were checked just now."))
        return redirect(url_for("pages_health.index"), 303)

    return blueprint


def _shown(health: Health, checked: Checked | None) -> dict[str, Any]:
    asked = checked.findings if checked else {}
    found = {**health.findings, **asked}
    return {
        "health": health,
        "checked": checked,
        "worst": _look(worst(found)),
        "lines": [_line(name, found[name]) for name in CHECKED if name in found],
        "unchecked": [_(CHECKED[name]) for name in ASKING if name not in asked],
        "alarms": open_alarms(),
        "size": humanize.naturalsize(health.size, binary=True),
        "work": [(_(WORK[kind]), due) for kind, due in health.tasks.items() if due.length],
        "CAP": CAP,
        "version": VERSION,
        "settings": list(_grouped(services().settings))
        if Scope.ADMIN in current_access().scopes
        else [],
    }


def _look(level: Level) -> Look:
    word, shape, tone = LEVELS[level]
    return Look(_(word), shape, tone, "")


def _line(name: str, found: CheckResult) -> Line:
    kind, _sep, query = (found.about or "").partition("?")
    page = {"calls": "pages_calls.index", "deliveries": "pages_deliveries.index"}.get(kind)
    link = f"{url_for(page)}?{query}&period=any" if page else None
    return Line(_(CHECKED[name]), _look(found.level), found, link)


def _grouped(settings: Settings) -> Iterator[tuple[str, list[Setting]]]:
    fields = type(settings).__dataclass_fields__
    left = [name for name in fields if fields[name].init and name != "extra"]
    for title, beginnings in GROUPS.items():
        names = [name for name in left if name.startswith(beginnings)]
        left = [name for name in left if name not in names]
        if names:
            yield _(title), [_setting(name, settings) for name in names]


def _setting(name: str, settings: Settings) -> Setting:
    value, variable = getattr(settings, name), PREFIX + name.upper()
    if not type(settings).__dataclass_fields__[name].repr:
        return Setting(variable, _("set") if value else _("not set"), origin(name))
    return Setting(variable, said(value), origin(name))


def said(value: Any) -> str:
    """Return a setting's value as one would write it."""
    for kind, words in _WORDS:
        if isinstance(value, kind):
            return words(value)
    return str(value)


def _length(length: timedelta) -> str:
    """Return a length of time as settings write it, like 90s, 15m, 6h or 2d."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


_WORDS: Sequence[tuple[type | tuple[type, ...], Callable[[Any], str]]] = (
    (type(None), lambda _none: _("not set")),
    (bool, lambda value: _("yes") if value else _("no")),
    (timedelta, _length),
    (time, lambda value: f"{value:%H:%M}"),
    (Mapping, lambda value: ", ".join(f"{k}={v}" for k, v in value.items()) or _("not set")),
    (tuple, lambda value: ", ".join(said(one) for one in value) or _("not set")),
    (str, lambda value: value or _("not set")),
)
