"""The steps of a new installation, each ticked by what is there, with what to do next for it."""

from __future__ import annotations

from typing import NamedTuple

from flask import url_for

from obdtrack.access.keys import PROGRAM_USES, Scope
from obdtrack.calls import search
from obdtrack.calls.search import CallFilter
from obdtrack.operations.doctor.result import Level
from obdtrack.operations.health import last_checked
from obdtrack.operations.system_status import last_report_at
from obdtrack.store import leases
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.privacy import Reader


class Step(NamedTuple):
    """One step; `to_do` is a sentence, whose commands stand between backticks.

    `link` leads to the page for it, and `word` names that.
    """

    done: bool
    title: str
    to_do: str
    link: str | None = None
    word: str = ""


def first_steps(reader: Reader) -> list[Step]:
    """Return all steps in their order, with links to what this reader may do."""
    checked = last_checked()
    fine = [n for n, it in checked.findings.items() if it.level is Level.OK] if checked else []
    has_report = last_report_at() is not None
    may_admin, may_place = reader.may(Scope.ADMIN), reader.may(Scope.PLACE)
    return [
        Step(
            "provider" in fine,
            _("The provider answers"),
            _("Set `OBDTRACK_PROVIDER_TOKEN`, start obdtrack again, and check it.")
            if may_admin
            else _("Whoever administers obdtrack checks it."),
            url_for("pages_health.index") if may_admin else None,
            _("Health and settings"),
        ),
        Step(
            "webhook" in fine or has_report,
            _("A webhook is registered"),
            _("Run `python -m obdtrack webhook register --url https://your-host`, and check it."),
            url_for("pages_health.index") if may_admin else None,
            _("Health and settings"),
        ),
        Step(
            has_report,
            _("A test report arrived"),
            _("Run `python -m obdtrack webhook test`, or send one from the page of deliveries."),
            url_for("pages_deliveries.index"),
            _("Deliveries"),
        ),
        Step(
            search.is_any(CallFilter()),
            _("The first call was placed"),
            _("Place one to your own phone."),
            url_for("pages_place.form") if may_place else None,
            _("Place a call"),
        ),
        Step(
            leases.counters([PROGRAM_USES])[PROGRAM_USES] > 0,
            _("The first program used the API"),
            _("Make a key: `python -m obdtrack keys create my-program --scope read,place`."),
            url_for("pages_keys.index" if may_admin else "pages_docs.docs"),
            _("Keys") if may_admin else _("API"),
        ),
    ]
