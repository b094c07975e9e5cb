"""Tables of a campaign to download: who was called with what result, and its hours in figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from obdtrack.access.audit import record_download
from obdtrack.access.keys import Scope
from obdtrack.campaigns.report import Line, lines
from obdtrack.domain.campaign import RecipientStatus
from obdtrack.domain.redaction import hide
from obdtrack.statistics import questions
from obdtrack.web.api.campaigns import found
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.pages.campaign_figures import hour_lines
from obdtrack.web.pages.filters import read_filter, refusal
from obdtrack.web.pages.labels import reason_text, status_look
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.preferences import current_zone
from obdtrack.web.pages.tables import Cell, TableColumn, TableFile, file_name, table_response
from obdtrack.web.pages.template_helpers import reader
from obdtrack.web.pages.totals import period_of

blueprint = Blueprint("pages_campaign_tables", __name__)

_ROWS: dict[str, Callable[[], str]] = {
    RecipientStatus.SCHEDULED: lambda: _("Still to be called"),
    RecipientStatus.SKIPPED: lambda: _("Not called"),
    RecipientStatus.INVALID: lambda: _("Invalid row"),
    RecipientStatus.DUPLICATE: lambda: _("Row given twice"),
}


@blueprint.get("/campaigns/<uuid:campaign_id>/recipients.csv", defaults={"form": "csv"})
@blueprint.get("/campaigns/<uuid:campaign_id>/recipients.xlsx", defaults={"form": "xlsx"})
@needs(Scope.READ)
def recipients(campaign_id: UUID, form: str) -> Response:
    """Return each row of a campaign's lists with the result of its newest call."""
    campaign, zone = found(str(campaign_id)), current_zone().info
    in_full = reader().sees_numbers
    rows = lines(campaign, "recipient", zone, services(), numbers_in_full=in_full)
    return _table("recipients", campaign.name, _recipient_columns(), rows, form)


@blueprint.get("/campaign-hours.csv", defaults={"form": "csv"})
@blueprint.get("/campaign-hours.xlsx", defaults={"form": "xlsx"})
@needs(Scope.READ)
def hours(form: str) -> Response:
    """Return what the page of a campaign shows hour by hour."""
    made, zone = services(), current_zone()
    chosen = read_filter(request.args, zone, made.now(), made.encryption)
    if chosen.wrong:
        raise refusal(chosen.wrong)
    name = chosen.wanted.name or ""
    period = period_of(chosen, made.now())
    rows = hour_lines(questions.by_hour_of_day(name, period, zone.shift(made.now())))
    return _table("hours", name, _hour_columns(), rows, form)


def _table(
    what: str, name: str, columns: list[TableColumn], rows: Iterable[Any], form: str
) -> Response:
    made, zone = services(), current_zone()
    today = f"{zone.local(made.now()):%Y-%m-%d}"
    file = TableFile(file_name("campaign", hide(name), what, today), columns, zone.info)
    noted = {"form": form, "campaign": name}
    return table_response(
        file, rows, form, record_download(f"campaign-{what}", noted, current_access(), made)
    )


def _recipient_columns() -> list[TableColumn]:
    return [
        TableColumn(_("Row"), _of("row")),
        TableColumn(_("Number"), _of("to")),
        TableColumn(_("Reference"), _of("reference")),
        TableColumn(_("Result"), _result),
        TableColumn(_("Why"), lambda line: reason_text(line["reason"])),
        TableColumn(_("Calls"), _of("calls")),
        TableColumn(_("Newest call"), _called_at, of_times=True),
        TableColumn(_("Talk time (s)"), _of("duration_seconds")),
        TableColumn(_("Cost"), lambda line: line["charges"] and Decimal(line["charges"])),
        TableColumn(_("Call id"), lambda line: line["call_id"] and str(line["call_id"])),
    ]


def _hour_columns() -> list[TableColumn]:
    return [
        TableColumn(_("Hour"), lambda line: line.name, of_times=True),
        TableColumn(_("Placed"), lambda line: line.placed),
        TableColumn(_("Ended"), lambda line: line.ended),
        TableColumn(_("Answered"), lambda line: line.answered),
        TableColumn(
            _("Answered, percent of ended"),
            lambda line: None if line.percent is None else Decimal(f"{line.percent:.1f}"),
        ),
        TableColumn(_("Cost"), lambda line: line.cost),
    ]


def _of(name: str) -> Callable[[Line], Cell]:
    return lambda line: line[name]


def _result(line: Line) -> str:
    said = _ROWS.get(line["status"]) if line["call_id"] is None else None
    return said() if said else status_look(line["status"]).word


def _called_at(line: Line) -> datetime | None:
    return datetime.fromisoformat(line["called_at"]) if line["called_at"] else None
