"""`audit`: show who did what."""

from __future__ import annotations

import json
from uuid import UUID

import click

from obdtrack.access import audit
from obdtrack.access.pseudonym import person_number, pseudonym
from obdtrack.cli.opening import open_services
from obdtrack.domain.times import to_text
from obdtrack.store import models


@click.command(help="Show the audit log: keys, numbers seen and erased, decisions.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Entries.")
@click.option("--before", type=click.UUID, help="Show entries older than this id.")
@click.option("--about", help="Only what was done to a key, a call or a delivery: its id.")
@click.option("--number", help="Only what was done to a phone number.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def command(
    limit: int, before: UUID | None, about: str | None, number: str | None, as_json: bool
) -> None:
    """List entries, newest first: when, who, what, to what, and more."""
    services = open_services()
    subject = pseudonym(person_number(number), services.encryption) if number else about
    for row in audit.newest(limit, before, subject):
        click.echo(json.dumps(_as_json(row)) if as_json else _line(row))


def _line(row: models.Audit) -> str:
    detail = "  ".join(f"{name}={value}" for name, value in row.detail.items())
    line = f"{to_text(row.recorded_at)}  {row.actor}  {row.action}  {row.subject}  {detail}"
    # A key's name is free text and must not steer the terminal.
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in line).rstrip()


def _as_json(row: models.Audit) -> dict[str, object]:
    return {
        "id": str(row.id),
        "recorded_at": to_text(row.recorded_at),
        "actor": row.actor,
        "key_id": str(row.key_id) if row.key_id else None,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
    }
