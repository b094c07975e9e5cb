"""The recipients of a campaign as they are listed, each with what became of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import peewee

from obdtrack.campaigns import totals
from obdtrack.domain.campaign import CampaignState, RecipientStatus
from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.domain.phone import masked
from obdtrack.domain.redaction import hide_within, mask_all
from obdtrack.domain.times import to_text
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, models
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


def of_numbers(numbers: Collection[str]) -> list[models.Recipient]:
    """List the rows of all campaigns that are to these numbers, or to what was erased so."""
    row = models.Recipient
    return list(row.select().where(row.to_number.in_(list(numbers))).order_by(row.id))


class PlannedCall(NamedTuple):
    """That a number stands in a campaign and is still to be called, or why it was not."""

    campaign: str
    state: str
    row: int
    reason: str | None


def planned_for(number: str, limit: int) -> list[PlannedCall]:
    """List the campaigns in which a number waits for a call or was left out, newest first."""
    row, campaign = models.Recipient, models.Campaign
    uncalled = row.status.in_([RecipientStatus.SCHEDULED, RecipientStatus.SKIPPED])
    query = (
        row.select(campaign.name, campaign.state, row.row, row.reason)
        .join(campaign, on=(campaign.id == row.campaign_id))
        .where((row.to_number == number) & uncalled)
        .order_by(row.id.desc())
        .limit(limit)
    )
    found: Any = query.tuples()
    return [PlannedCall(*one) for one in found]


def tell(event_type: EventType, recipient_ids: Collection[UUID], services: Services) -> None:
    """Put into the feed that it came to this with recipients, who stand so by now.

    Must run in the transaction in which it did.
    """
    if recipient_ids:
        services.tell(_events(event_type, recipient_ids, services.now()))


def _events(
    event_type: EventType, recipient_ids: Collection[UUID], now: datetime
) -> Iterator[FeedEvent]:
    found = bulk_sql.load(models.Recipient, "id", list(recipient_ids))
    for row, shown in zip(found, recipient_views(found, numbers_in_full=True), strict=True):
        yield FeedEvent(new_id(), event_type, now, row.id, row.campaign_id, shown)


def leave_out(to_number: str, reason: str, services: Services) -> int:
    """Skip whoever is still to be called at this number, and delete the values for all its rows.

    Within a transaction; returns how many were skipped. What else the transaction does about calls
    to the number comes after: whoever is being called meanwhile is seen then.
    """
    row = models.Recipient
    # Nobody else changes these rows from here on.
    row.update(variables_encrypted=None).where(row.to_number == to_number).execute()
    planned = (row.to_number == to_number) & (row.status == RecipientStatus.SCHEDULED)
    skipped = {
        one.id: one.campaign_id for one in row.select(row.id, row.campaign_id).where(planned)
    }
    changes = [(RecipientStatus.SKIPPED, reason, one) for one in skipped]
    bulk_sql.update(row, ("status", "reason"), ("id",), changes)
    key = totals.key_of(RecipientStatus.SKIPPED, reason)
    for campaign_id, count in sorted(Counter(skipped.values()).items()):
        totals.count(campaign_id, {RecipientStatus.SCHEDULED: -count, key: count})
    tell(EventType.CALL_SKIPPED, skipped, services)
    return len(skipped)


def forget_old(before: datetime, limit: int) -> int:
    """Delete rows of campaigns that ended before then, or were left as drafts, at most `limit`.

    With the last of them go their imports and totals, and the campaign itself once it has no calls.
    Returns how many rows went.
    """
    campaign = models.Campaign
    left = campaign.state.in_([CampaignState.DRAFT, CampaignState.CHECKED])
    old = (campaign.ended_at < before) | (left & (campaign.changed_at < before))
    for one in campaign.select(campaign.id).where(old).order_by(campaign.id):
        if gone := _forget(one.id, limit):
            return gone
    return 0


def _forget(campaign_id: UUID, limit: int) -> int:
    row, call = models.Recipient, models.Call
    some = row.select(row.id).where(row.campaign_id == campaign_id).limit(limit)
    gone = int(row.delete().where(row.id.in_([one.id for one in some])).execute())
    if gone == limit:
        return gone
    for model in (models.RecipientImport, models.CampaignTotal):
        theirs = model._meta.fields["campaign_id"] == campaign_id
        gone += int(model.delete().where(theirs).execute())
    if not call.select().where(call.campaign_id == campaign_id).exists():
        gone += int(models.Campaign.delete().where(models.Campaign.id == campaign_id).execute())
    return gone


def recipient_views(
    found: Sequence[models.Recipient], *, numbers_in_full: bool
) -> list[dict[str, Any]]:
    """Return recipients as the API shows them; one that was sent has its call's status."""
    call = models.Call
    ids = [row.call_id for row in found if row.status == RecipientStatus.SENT and row.call_id]
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
