"""`audit`: show who did what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from obdtrack.access import audit
from obdtrack.access.audit import Action, AuditFilter
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, show
from obdtrack.domain.times import to_text
from obdtrack.privacy.person import entries_about, number_meant
from obdtrack.store import models


@click.command(epilog=examples("audit --limit 100", "audit --number +918867135001 --json"))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Entries.")
@click.option("--before", type=click.UUID, help="Show entries older than this id.")
@click.option("--about", help="Only what was done to a key, a call or a delivery: its id.")
@click.option("--number", help="Only about a phone number: who saw it, among others.")
@click.option("--who", help="Only what was done with the key of this name.")
@click.option(
    "--what", type=click.Choice(list(Action)), metavar="ACTION", help="Only this, like signed-in."
)
@json_option
def command(
    limit: int,
    before: UUID | None,
    about: str | None,
    number: str | None,
    who: str | None,
    what: str | None,
    as_json: bool,
) -> None:
    """Show who did what: keys, numbers seen, decisions.

    Newest first; with --json each entry is one line.
    """
    services = open_services()
    wanted = entries_about(number_meant(number), services) if number else AuditFilter(about)
    rows = map(_view, audit.newest(limit, before, wanted=wanted._replace(actor=who, action=what)))
    columns = ("recorded_at", "actor", "action", "subject", "detail")
    show(rows, columns, as_json, "The audit has no such entry.", as_lines=True)


def _view(row: models.Audit) -> dict[str, Any]:
    return {
        "id": row.id,
        "recorded_at": to_text(row.recorded_at),
        "actor": row.actor,
        "key_id": row.key_id,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
    }
