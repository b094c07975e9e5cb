"""The recipients of a campaign as they are listed, each with what became of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import peewee

from obdtrack.domain.campaign import RecipientStatus
from obdtrack.domain.phone import masked
from obdtrack.domain.redaction import hide_within, mask_all
from obdtrack.domain.times import to_text
from obdtrack.store import models
from obdtrack.store.columns import to_microseconds

_DIGIT = re.compile(r"[0-9](?=(?:[^0-9]*[0-9]){3})")
"""A digit that is none of the last three."""


def page_of(
    campaign_id: UUID, limit: int, status: str | None = None, after: UUID | None = None
) -> list[models.Recipient]:
    """List recipients of a campaign, of a status or of all, at most `limit`, those after `after`.

    They come by status, then as they are due, then as they stand in the file.
    """
    row = models.Recipient
    query = row.select().where(row.campaign_id == campaign_id)
    order: list[Any] = [row.status, row.due_at, row.id]
    if status is not None:
        query, order = query.where(row.status == status), order[1:]
    if after is not None:
        last = row.get_or_none((row.id == after) & (row.campaign_id == campaign_id))
        if last is None:
            return []
        place = [last.status, to_microseconds(last.due_at), last.id.bytes][-len(order) :]
        query = query.where(peewee.Tuple(*order) > peewee.Tuple(*place))
    return list(query.order_by(*order).limit(limit))


def recipient_views(
    found: Sequence[models.Recipient], *, numbers_in_full: bool
) -> list[dict[str, Any]]:
    """Return recipients as the API shows them; one that was sent has its call's status."""
    call = models.Call
    ids = [row.call_id for row in found if row.call_id]
    calls = {one.id: one for one in call.select().where(call.id.in_(ids))} if ids else {}
    return [_view(row, calls.get(row.call_id), in_full=numbers_in_full) for row in found]


def _view(row: models.Recipient, call: models.Call | None, *, in_full: bool) -> dict[str, Any]:
    stands = call if call and row.status == RecipientStatus.SENT else row
    shown = {
        "id": row.id,
        "import_id": row.import_id,
        "row": row.row,
        "to": row.to_number,
        "reference": row.reference,
        "metadata": row.metadata,
        "status": stands.status,
        "reason": stands.reason,
        "due_at": to_text(row.due_at) if row.status == RecipientStatus.SCHEDULED else None,
        "tries": row.tries,
        "call_id": row.call_id,
        "errors": row.problem or [],
    }
    if in_full:
        return shown
    number = row.to_number
    if number:
        shown = {**hide_within(shown, number, others=False), "to": masked(number)}
    errors = [{**problem, "value": hidden_cell(problem["value"])} for problem in row.problem or []]
    return {**shown, "errors": errors}


def hidden_cell(value: str) -> str:
    """Return a cell that may hold a number, or most of one, with its last three digits at most."""
    return _DIGIT.sub("•", mask_all(value))
