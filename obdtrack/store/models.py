"""The tables and their columns; what they are indexed by is in `schema`.

Text has no length here: the edges bound it, and only one of the two databases would.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Metadata,
    Model,
    SmallIntegerField,
    TextField,
)

from obdtrack.store.columns import BytesField, IdField, JsonField, MomentField

ASKED: ContextVar[Any] = ContextVar("asked", default=None)
"""The store that is asked now, if it is not the one that the tables are bound to."""


class AskedOrBound(Metadata):
    """A table's properties, among them the store that its questions go to."""

    @property
    def database(self) -> Any:
        """The store to ask: each query takes it when it is made."""
        asked = ASKED.get()
        return self._bound if asked is None else asked

    @database.setter
    def database(self, bound: Any) -> None:
        self._bound = bound


class Table(Model):
    """What all tables share."""

    class Meta:
        model_metadata_class = AskedOrBound
        legacy_table_names = False


class ApiKey(Table):
    """A program's or a person's right to ask; only the key's SHA-256 is kept.

    `owner_id` is the first key of the same caller, null for the first itself. `ended_sessions` has
    the ids of those that were signed out, each with the time when its cookie is too old anyway.
    `made_by` is whoever made it, null for keys of earlier versions.
    """

    id = IdField(primary_key=True)
    name = TextField()
    digest = TextField(unique=True)
    scopes = JsonField()
    created_at = MomentField()
    last_used_at = MomentField(null=True)
    revoked_at = MomentField(null=True)
    owner_id = IdField(null=True)
    ended_sessions = JsonField(null=True)
    made_by = TextField(null=True)
    expires_at = MomentField(null=True)

    class Meta:
        table_name = "api_keys"


class Submission(Table):
    """One request to place calls, stored before it leaves.

    It may leave until `send_until`, by the clock that all processes share, unless it is settled.
    `notes` say what of the provider's response belongs to none of its calls.
    """

    id = IdField(primary_key=True)
    created_at = MomentField()
    settled_at = MomentField(null=True)
    send_until = MomentField(null=True)
    bridge = TextField()
    flow_id = TextField(null=True)
    audio = TextField(null=True)
    name = TextField(null=True)
    interval = SmallIntegerField(default=0)
    webhook_id = TextField(null=True)
    call_type = TextField(null=True)
    variable_names = JsonField()
    variables_encrypted = BytesField(null=True)
    key_id = IdField(null=True)
    process_id = IdField(null=True)
    notes = JsonField(null=True)

    class Meta:
        table_name = "submissions"


class Call(Table):
    """One number of a submission, with the newest result of folding its events.

    The state columns can all be computed again from `events`; they stand here to be searched, and
    `state` holds what they leave out, so that nobody computes it to read it. It is null where an
    older version wrote the row.
    """

    id = IdField(primary_key=True)
    submission = ForeignKeyField(Submission, backref="calls", index=False)
    to_number = TextField()
    name = TextField(null=True)
    reference = TextField(null=True)
    metadata = JsonField(null=True)
    interval = SmallIntegerField(default=0)
    created_at = MomentField()
    submitted_at = MomentField(null=True)
    provider = TextField(constraints=[SQL("DEFAULT 'mobtexting'")])  # of all before there were two
    provider_id = TextField(null=True)
    mid = TextField(null=True)
    next_check_at = MomentField(null=True)
    status = TextField()
    reason = TextField(null=True)
    status_source = TextField()
    status_as_of = MomentField()
    answered = BooleanField(null=True)
    conflict = BooleanField(default=False)
    needs_attention = BooleanField(default=False, constraints=[SQL("DEFAULT false")])
    attempt_count = IntegerField(default=0)
    report_count = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    started_at = MomentField(null=True)
    ended_at = MomentField(null=True)
    duration_seconds = IntegerField(null=True)
    charges = TextField(null=True)
    billable_seconds = IntegerField(null=True)
    state = JsonField(null=True)
    campaign_id = IdField(null=True)
    retry_of = IdField(null=True)
    fingerprint = TextField(null=True)

    class Meta:
        table_name = "calls"


class EventRow(Table):
    """One line of a call's timeline. Rows of one call lie side by side on disk."""

    call = ForeignKeyField(Call, backref="events", index=False)
    id = IdField()
    kind = TextField()
    source = TextField()
    status = TextField(null=True)
    reason = TextField(null=True)
    occurred_at = MomentField(null=True)
    recorded_at = MomentField()
    delivery_id = IdField(null=True)
    response_id = IdField(null=True)
    detail = JsonField()
    times_seen = IntegerField(default=1)

    class Meta:
        table_name = "events"
        primary_key = CompositeKey("call", "id")


class Delivery(Table):
    """One HTTP request that reached the callback, raw, and what became of it.

    The three match keys are filled only while the delivery waits for its call. `reviewed_at` is
    when a person looked at one that needed attention.
    """

    id = IdField(primary_key=True)
    received_at = MomentField()
    method = TextField()
    query = TextField()
    headers = JsonField()
    content_type = TextField()
    body = BytesField()
    outcome = TextField()
    reason = TextField(null=True)
    call_id = IdField(null=True)
    provider = TextField(constraints=[SQL("DEFAULT 'mobtexting'")])
    provider_id = TextField(null=True)
    mid = TextField(null=True)
    to_number = TextField(null=True)
    secret_fingerprint = TextField(null=True)
    reviewed_at = MomentField(null=True)

    class Meta:
        table_name = "deliveries"


class ResponseRow(Table):
    """One exchange with the provider's API: what was asked (no secrets) and what came back.

    It is about one call, or about a submission: the request to place its calls.
    """

    id = IdField(primary_key=True)
    call_id = IdField(null=True)
    submission_id = IdField(null=True)
    kind = TextField()
    requested_at = MomentField()
    responded_at = MomentField()
    http_status = SmallIntegerField(null=True)
    failure = TextField(null=True)
    message = TextField(null=True)
    body = BytesField(null=True)

    class Meta:
        table_name = "responses"


class IdempotencyKey(Table):
    """A caller's own name for one request: bound to its first body, and to its response."""

    owner_id = IdField()
    key = TextField()
    fingerprint = TextField()
    call_id = IdField()
    created_at = MomentField()
    http_status = SmallIntegerField(null=True)
    body = TextField(null=True)

    class Meta:
        table_name = "idempotency_keys"
        primary_key = CompositeKey("owner_id", "key")


class Lease(Table):
    """Something only one process may do or be, until the lease runs out."""

    name = TextField(primary_key=True)
    holder = IdField()
    expires_at = MomentField()

    class Meta:
        table_name = "leases"


class Task(Table):
    """Something to be done once it is due, by one process at a time, until the lease runs out.

    `subject` is the id of what it is about (a poll's call), and zero where a kind has one task.
    `tries` counts the failures since it last went well.
    """

    kind = TextField()
    subject = IdField()
    due_at = MomentField()
    tries = SmallIntegerField()
    leased_until = MomentField(null=True)

    class Meta:
        table_name = "tasks"
        primary_key = CompositeKey("kind", "subject")


class RateLimit(Table):
    """When the next request of a kind may leave, across all processes."""

    name = TextField(primary_key=True)
    next_at = MomentField()

    class Meta:
        table_name = "rate_limits"


class ClockMark(Table):
    """What a clock showed when somebody looked last.

    By `doubt_seconds` it has jumped ahead, and not long enough ago to be believed, `since` then.
    """

    name = TextField(primary_key=True)
    seen_at = MomentField()
    doubt_seconds = BigIntegerField()
    since = MomentField()

    class Meta:
        table_name = "clock_marks"


class Counter(Table):
    """A figure that only grows."""

    name = TextField(primary_key=True)
    value = BigIntegerField()

    class Meta:
        table_name = "counters"


class OptOutRow(Table):
    """A number whose owner does not want to be called.

    E.164, the digits of one that was reported without its country code, or an erased one's name.
    """

    number = TextField(primary_key=True)
    occurred_at = MomentField(null=True)
    recorded_at = MomentField()
    delivery_id = IdField(null=True)

    class Meta:
        table_name = "opt_outs"


class Audit(Table):
    """Who did what: keys made and revoked, numbers seen, erased and exported, decisions taken.

    Holds no phone number and no secret. Of entries with the same `once` only the first is stored.
    `person` is the pseudonym of the one number that it is about, if it is about one.
    """

    id = IdField(primary_key=True)
    recorded_at = MomentField()
    action = TextField()
    subject = TextField()
    actor = TextField()
    key_id = IdField(null=True)
    detail = JsonField()
    once = TextField(null=True)
    person = TextField(null=True)

    class Meta:
        table_name = "audit"


class Statistic(Table):
    """How many calls of a campaign stand where, by the half hour in which they were made.

    `name` is empty for all campaigns together, `slot` (half hours since 1970 UTC) -1 for all time.
    `cost` is in millionths, of those `priced` calls whose charges are known. Everything here can be
    counted again from `calls`; it stands here because counting a million rows takes too long.
    """

    name = TextField()
    slot = IntegerField()
    status = TextField()
    source = TextField()
    attempts = SmallIntegerField()
    calls = BigIntegerField()
    priced = BigIntegerField()
    cost = BigIntegerField()

    class Meta:
        table_name = "statistics"
        primary_key = CompositeKey("name", "slot", "status", "source", "attempts")


class CampaignName(Table):
    """A name that calls have, and the half hour of the newest of them."""

    name = TextField(primary_key=True)
    slot = IntegerField()

    class Meta:
        table_name = "campaign_names"


class Campaign(Table):
    """A list of numbers to be called and how, and where its execution stands.

    `plan` is all that can be edited; the values of its variables are kept encrypted beside it.
    `reason` says why it stands so if nobody decided it, `checked` what the last check found.
    `told_at` is when the feed had told of all recipients that they are to be called; None: not yet.
    """

    id = IdField(primary_key=True)
    name = TextField(unique=True)
    state = TextField()
    reason = TextField(null=True)
    plan = JsonField()
    variables_encrypted = BytesField(null=True)
    key_id = IdField(null=True)
    created_at = MomentField()
    changed_at = MomentField()
    started_at = MomentField(null=True)
    ended_at = MomentField(null=True)
    checked = JsonField(null=True)
    told_at = MomentField(null=True)

    class Meta:
        table_name = "campaigns"


class RecipientImport(Table):
    """A file of recipients that was read, known by a keyed hash of its content and mapping.

    `told_through` is the last of them of whom the feed has told.
    """

    id = IdField(primary_key=True)
    campaign_id = IdField()
    digest = TextField()
    created_at = MomentField()
    completed_at = MomentField(null=True)
    result = JsonField()
    told_through = IdField(null=True)

    class Meta:
        table_name = "recipient_imports"


class Recipient(Table):
    """One row of a campaign's file: whom to call, or why not.

    `scheduled` ones are called once they are due; `call_id` is the newest call of one that was
    `sent`, `tries` how many there were that were not refused. Of an invalid row `problem` has each
    bad cell: its column, value and reason.
    """

    id = IdField(primary_key=True)
    campaign_id = IdField()
    import_id = IdField()
    row = IntegerField()
    to_number = TextField(null=True)
    reference = TextField(null=True)
    metadata = JsonField(null=True)
    variables_encrypted = BytesField(null=True)
    status = TextField()
    reason = TextField(null=True)
    problem = JsonField(null=True)
    due_at = MomentField()
    tries = SmallIntegerField(default=0)
    call_id = IdField(null=True)

    class Meta:
        table_name = "recipients"


class CampaignTotal(Table):
    """How many recipients of a campaign have a status; counted in the transaction that sets it."""

    campaign_id = IdField()
    status = TextField()
    recipients = BigIntegerField()

    class Meta:
        table_name = "campaign_totals"
        primary_key = CompositeKey("campaign_id", "status")


class FeedRow(Table):
    """Something that happened, at its place in the one order in which everybody is told.

    `subject` is the id of the call (of a campaign's recipient that has none, the delivery, …) that
    it is about. Of a call `data` is where it stood then; what never changes is in its own row.
    `changed` has what was otherwise before. Rows come in only through `store/feed.py`.
    """

    position = BigAutoField()
    id = IdField()
    type = TextField()
    recorded_at = MomentField()
    subject = IdField(null=True)
    campaign_id = IdField(null=True)
    data = JsonField(null=True)
    changed = JsonField(null=True)

    class Meta:
        table_name = "feed"


class Destination(Table):
    """A user's URL that is told what happens; its secrets are kept encrypted.

    What the feed has up to `position` has been made into notifications, as far as it is wanted.
    `reason` says why it was disabled; `failing_since` is null while it takes what it is sent.
    """

    id = IdField(primary_key=True)
    url = TextField()
    types = JsonField()
    filter = JsonField()
    numbers = TextField()
    secret_encrypted = BytesField()
    old_secret_encrypted = BytesField(null=True)
    rotated_at = MomentField(null=True)
    state = TextField()
    reason = TextField(null=True)
    created_at = MomentField()
    changed_at = MomentField()
    position = BigIntegerField()
    failing_since = MomentField(null=True)
    delivered_at = MomentField(null=True)
    key_id = IdField(null=True)

    class Meta:
        table_name = "destinations"


class Notification(Table):
    """One event on its way to a destination, and what became of the last try."""

    id = IdField(primary_key=True)
    destination_id = IdField()
    position = BigIntegerField()
    event_id = IdField()
    type = TextField()
    subject = IdField(null=True)
    status = TextField()
    tries = SmallIntegerField(default=0)
    created_at = MomentField()
    due_at = MomentField()
    tried_at = MomentField(null=True)
    duration_ms = IntegerField(null=True)
    http_status = SmallIntegerField(null=True)
    failure = TextField(null=True)
    response = TextField(null=True)

    class Meta:
        table_name = "notifications"


class Alarm(Table):
    """Trouble that people are told of: by which rule, about what, since when, and until when."""

    id = IdField(primary_key=True)
    rule = TextField()
    subject = TextField()
    opened_at = MomentField()
    ended_at = MomentField(null=True)
    detail = JsonField()

    class Meta:
        table_name = "alarms"


class AlarmTelling(Table):
    """When somebody was told of an alarm last, and when that it is over."""

    alarm_id = IdField()
    target_id = IdField()
    told_at = MomentField(null=True)
    end_told_at = MomentField(null=True)

    class Meta:
        table_name = "alarm_tellings"
        primary_key = CompositeKey("alarm_id", "target_id")
