"""How many recipients of a campaign stand where; counted in the transaction that moves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from obdtrack.domain.campaign import CampaignState, RecipientStatus
from obdtrack.domain.status import Status
from obdtrack.statistics import questions
from obdtrack.store import bulk_sql, models

OPTED_OUT = "opted-out"
"""The reason of a recipient that was skipped because its owner does not want to be called."""

_NOT_STARTED = (CampaignState.DRAFT, CampaignState.CHECKED)


def key_of(status: str, reason: str | None = None) -> str:
    """Return what a recipient counts as: its status, with the reason if it was skipped."""
    return f"{status}/{reason}" if status == RecipientStatus.SKIPPED and reason else status


def count(campaign_id: UUID, changes: Mapping[str, int]) -> None:
    """Add to the totals of a campaign, by what `key_of` returns; within a transaction.

    A campaign's totals are one row for each key, written in one order, so that two writers never
    hold what the other waits for.
    """
    rows = [(campaign_id, key, by) for key, by in sorted(changes.items()) if by]
    bulk_sql.add_up(models.CampaignTotal, ("campaign_id", "status"), ("recipients",), rows)


def stored(campaign_id: UUID) -> Counter[str]:
    """Return how many recipients there are, by what `key_of` returns."""
    columns = ("status", "recipients")
    found = bulk_sql.fetch(
        models.CampaignTotal, columns, "campaign_id", [campaign_id], order="status"
    )
    return Counter({status: number for status, number in found if number})


def stored_of(campaign_ids: Collection[UUID]) -> dict[UUID, Counter[str]]:
    """Return what `stored` does for each of these campaigns."""
    row, found = models.CampaignTotal, {one: Counter[str]() for one in campaign_ids}
    for one in row.select().where(row.campaign_id.in_(list(campaign_ids))):
        found[one.campaign_id][one.status] = one.recipients
    return found


def done_of(recipients: Mapping[str, int]) -> tuple[int, int]:
    """Return for how many recipients all is decided, and how many there are that may be called."""
    skipped = sum(n for key, n in recipients.items() if key.startswith(RecipientStatus.SKIPPED))
    done = skipped + recipients.get(RecipientStatus.SENT, 0)
    return done, done + recipients.get(RecipientStatus.SCHEDULED, 0)


def totals_of(campaign: models.Campaign) -> dict[str, Any]:
    """Return a campaign's `totals` as the API shows them: recipients, then calls by status.

    Before it is started they are as its check found them, if it was checked.
    """
    recipients, calls = stored(campaign.id), Counter[str]()
    for figure in questions.totals(campaign.name, None):
        calls[figure.status] += figure.calls
    planned = recipients[RecipientStatus.SCHEDULED]
    waits = campaign.state not in _NOT_STARTED
    checked = {} if waits else campaign.checked or {}
    skipped = sum(n for key, n in recipients.items() if key.startswith(RecipientStatus.SKIPPED))
    return {
        "ready": 0 if waits else checked.get("ready", planned),
        "invalid": recipients[RecipientStatus.INVALID],
        "duplicate": recipients[RecipientStatus.DUPLICATE],
        "opted_out": checked.get(
            "opted_out", recipients[key_of(RecipientStatus.SKIPPED, OPTED_OUT)]
        ),
        "skipped": skipped,
        "scheduled": planned if waits else 0,
        "sent": recipients[RecipientStatus.SENT],
        **{status.value: calls[status] for status in Status if status is not Status.SKIPPED},
    }
