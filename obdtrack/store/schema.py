"""The whole schema: every table, and each index beside the question it answers."""

from __future__ import annotations

from peewee import SQL

from obdtrack.store.models import (
    Alarm,
    AlarmTelling,
    ApiKey,
    Audit,
    Call,
    Campaign,
    CampaignName,
    CampaignTotal,
    ClockMark,
    Counter,
    Delivery,
    Destination,
    EventRow,
    FeedRow,
    IdempotencyKey,
    Lease,
    Notification,
    OptOutRow,
    RateLimit,
    Recipient,
    RecipientImport,
    ResponseRow,
    Statistic,
    Submission,
    Table,
    Task,
)

WAITS_FOR_A_PERSON = (
    "reviewed_at IS NULL AND outcome IN ('unmatched', 'unreadable', 'failed')"
    " AND (call_id IS NULL OR outcome = 'failed')"
)
"""Of deliveries; one that has a call and was not believed is that call's conflict."""


def _index(
    model: type[Table], *columns: str, unique: bool = False, where: str | None = None
) -> None:
    """Add an index whose name tells its table and columns."""
    name = "_".join((model._meta.table_name, *columns))
    fields = [getattr(model, column) for column in columns]
    index = model.index(*fields, unique=unique, name=name)
    model.add_index(index.where(SQL(where)) if where else index)


_index(Call, "provider_id", "provider", unique=True)  # a report's call; GET /calls/{provider id}
_index(Call, "mid", "to_number")  # a report without the call's id
_index(Call, "to_number", "id")  # calls of one number, newest first
_index(Call, "reference", "id", where="reference IS NOT NULL")  # the caller's own reference
_index(Call, "name", "id", where="name IS NOT NULL")  # a campaign's calls
_index(Call, "status", "id")  # calls by status; submissions in flight at a start
_index(Call, "reason", "id", where="reason IS NOT NULL")  # calls that failed for a reason
_index(Delivery, "outcome", "id")  # the inbox by outcome
_index(Delivery, "call_id", where="call_id IS NOT NULL")  # raw reports of one call
_index(Delivery, "provider_id", where="provider_id IS NOT NULL")  # who waits for this id
_index(Delivery, "mid", where="mid IS NOT NULL")  # who waits for this submission
_index(Delivery, "to_number", where="to_number IS NOT NULL")  # reports of a number that wait
_index(ResponseRow, "call_id")  # what the provider answered about one call
_index(ResponseRow, "submission_id", where="submission_id IS NOT NULL")  # ... to one request
_index(Call, "fingerprint", "created_at", where="fingerprint IS NOT NULL")  # the guard
_index(Task, "kind", "due_at")  # what is due, the first due first
_index(IdempotencyKey, "created_at")  # which keys are too old
_index(IdempotencyKey, "call_id")  # the keys of an erased call

# Calls by the last four digits of their number, newest first.
Call.add_index(
    Call.index(SQL("(substr(to_number, length(to_number) - 3))"), Call.id, name="calls_ending_id")
)
# Calls and requests a person should look at.
Call.add_index(Call.index(Call.id, name="calls_attention").where(SQL("needs_attention")))
Call.add_index(Call.index(Call.id, name="calls_conflict").where(SQL("conflict")))
Delivery.add_index(
    Delivery.index(Delivery.id, name="deliveries_attention").where(SQL(WAITS_FOR_A_PERSON))
)
_index(Call, "created_at")  # where among the ids a time begins
_index(CampaignName, "slot", "name")  # names of calls, the most recent first
_index(Call, "campaign_id", "id", where="campaign_id IS NOT NULL")  # calls of a campaign
_index(RecipientImport, "campaign_id", "digest", unique=True)  # a file that was read already
_index(Recipient, "campaign_id", "status", "due_at", "id")  # who is called next
_index(Recipient, "campaign_id", "to_number")  # whether a number stands in the list twice
_index(Recipient, "to_number", "id", where="to_number IS NOT NULL")  # what is planned for a number
_index(Recipient, "call_id", where="call_id IS NOT NULL")  # whose call this is
_index(Call, "submission")  # the other calls of a submission whose calls are deleted
_index(Audit, "subject", "id")  # what was done to one key, call or number
_index(Audit, "person", "id", where="person IS NOT NULL")  # who saw this number
_index(Audit, "actor", "id")  # what somebody did
_index(Audit, "action", "id")  # who did such a thing
_index(Audit, "recorded_at")  # where among the ids a time begins
_index(OptOutRow, "recorded_at", "number")  # who opted out, newest first
_index(Audit, "once", unique=True, where="once IS NOT NULL")  # whether it is noted already
_index(FeedRow, "subject", "position", where="subject IS NOT NULL")  # what happened to one call
_index(FeedRow, "campaign_id", "position", where="campaign_id IS NOT NULL")  # ... in a campaign
_index(Notification, "destination_id", "status", "due_at")  # what is sent next; what failed
_index(Notification, "destination_id", "subject", "position", where="status = 'pending'")  # first
_index(Notification, "destination_id", "position", unique=True)  # whether one is made already
_index(Notification, "destination_id", "id")  # a destination's log, newest first
_index(Notification, "created_at")  # what is too old
_index(Alarm, "rule", "subject", unique=True, where="ended_at IS NULL")  # open alarms
_index(AlarmTelling, "target_id", where="end_told_at IS NULL")  # what somebody is to be told

TABLES: tuple[type[Table], ...] = (
    ApiKey, Submission, Call, EventRow, Delivery, ResponseRow, IdempotencyKey, Lease, RateLimit,
    Counter, ClockMark, OptOutRow,
    Statistic, CampaignName, Audit, Task,
    Campaign, RecipientImport, Recipient, CampaignTotal,
    FeedRow, Destination, Notification, Alarm, AlarmTelling,
)  # fmt: skip
"""Every table, in the order in which they refer to each other."""
