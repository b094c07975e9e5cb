"""What the API shows, typed: fields have the API's names, and what is new there is left out.

Numbers are E.164 text (masked unless the key sees them), times aware UTC, money `Decimal`. A field
that the server did not send is None or empty, so older and newer servers are understood. No `repr`
shows more than ids and statuses: these objects end up in logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

WAITING = frozenset({"submitting", "unknown", "queued"})
FINAL = frozenset(
    {"completed", "busy", "no-answer", "canceled", "failed", "rejected", "unresolved", "skipped"}
)

_TOLD = ("id", "number", "row", "status", "state", "type")


@dataclass(frozen=True, kw_only=True, repr=False)
class Received:
    """An object of the API."""

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> Self:
        """Return it as the API's JSON has it.

        Raises TypeError, ValueError or ArithmeticError if it is not what the API promises.
        """
        known: dict[str, Any] = _hints(cls)  # type: ignore[arg-type]  # a class can be hashed
        return cls(**{name: _read(known[name], shown[name]) for name in known if name in shown})

    def __repr__(self) -> str:
        told = [f"{name}={getattr(self, name)!r}" for name in _TOLD if hasattr(self, name)]
        return f"{type(self).__name__}({', '.join(told)})"


@cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


def _read(hint: Any, value: Any) -> Any:
    """Return a JSON value as the type that a field has."""
    if value is None:
        return None
    if isinstance(hint, UnionType):
        hint = next(one for one in get_args(hint) if one is not type(None))
    if hint is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if hint is Decimal:
        return Decimal(value)
    if get_origin(hint) is tuple:
        return tuple(_read(get_args(hint)[0], one) for one in value)
    if is_dataclass(hint) and isinstance(hint, type) and issubclass(hint, Received):
        return hint.read(value)
    return value


@dataclass(frozen=True, kw_only=True, repr=False)
class Facts(Received):
    """What was reported of a dialling; None: not known."""

    provider_status: str | None = None
    answered: bool | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    billable_seconds: int | None = None
    charges: Decimal | None = None
    dtmf: str | None = None
    hangup_by: str | None = None
    recording_url: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Attempt(Facts):
    """One dialling of a call."""

    number: int
    status: str | None = None
    reason: str | None = None
    source: str | None = None
    conflict: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class WaitingReport(Received):
    """A report of the call's number that could not be matched to any call."""

    id: str
    received_at: datetime | None = None
    provider_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Call(Facts):
    """A call, its outcome, and how that is known."""

    id: str
    to: str
    status: str
    reason: str | None = None
    status_source: str | None = None
    status_as_of: datetime | None = None
    next_check_at: datetime | None = None
    reference: str | None = None
    provider: str | None = None
    provider_id: str | None = None
    provider_message: str | None = None
    submission_id: str | None = None
    bridge: str | None = None
    flow_id: str | None = None
    audio: str | None = None
    name: str | None = None
    interval: int | None = None
    call_type: str | None = None
    campaign_id: str | None = None
    retry_of: str | None = None
    created_at: datetime | None = None
    submitted_at: datetime | None = None
    conflict: bool = False
    needs_attention: bool = False
    opted_out_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    variables: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    waiting_reports: tuple[WaitingReport, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether the status says how it ended; with an `interval` it may be redialled yet."""
        return self.status in FINAL


@dataclass(frozen=True, kw_only=True, repr=False)
class Submission(Received):
    """One request to the provider, and the calls it asked for, in the list's order."""

    id: str
    calls: tuple[Call, ...] = ()
    created_at: datetime | None = None
    settled_at: datetime | None = None
    bridge: str | None = None
    flow_id: str | None = None
    audio: str | None = None
    name: str | None = None
    interval: int | None = None
    webhook_id: str | None = None
    call_type: str | None = None
    variables: tuple[str, ...] = ()
    notes: tuple[Mapping[str, Any], ...] = ()
    response: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Event(Received):
    """Something that happened. `id` is the same for ever, wherever the event is sent.

    `data` is what it is about as the API shows it, None if it was deleted since; `changed` has
    earlier values of what is otherwise now, None if they are not known.
    """

    id: str
    type: str
    time: datetime
    subject: str | None = None
    source: str | None = None
    dataschema: str | None = None
    data: Mapping[str, Any] | None = None
    changed: Mapping[str, Any] | None = None

    @property
    def call(self) -> Call | None:
        """The call as it stood then; None if the event is about something else."""
        is_call = (self.dataschema or "").startswith("urn:obdtrack:call:")
        return Call.read(self.data) if is_call and self.data is not None else None


@dataclass(frozen=True, kw_only=True, repr=False)
class Findings(Received):
    """What a check of a campaign found."""

    at: datetime | None = None
    ready: int = 0
    invalid: int = 0
    duplicate: int = 0
    opted_out: int = 0
    called_recently: int = 0
    outside_hours: int = 0
    estimated_end_at: datetime | None = None
    charges_of_a_call: Decimal | None = None
    estimated_cost: Decimal | None = None
    over_budget: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Progress(Received):
    """How far a campaign is, and what its calls came to."""

    calls: int = 0
    waiting: int = 0
    answered_percent: Decimal | None = None
    cost: Decimal | None = None
    skipped: Mapping[str, int] | None = None
    per_minute: float | None = None
    estimated_end_at: datetime | None = None
    failures: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class FirstRequest(Received):
    """A request to the provider, as it will be sent."""

    method: str
    path: str
    body: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Campaign(Received):
    """A campaign: its plan, where it stands, how many recipients and calls stand where."""

    id: str
    name: str
    state: str
    reason: str | None = None
    allowed: tuple[str, ...] = ()
    bridge: str | None = None
    flow_id: str | None = None
    audio: str | None = None
    variables: tuple[str, ...] = ()
    per_minute: int | None = None
    max_in_flight: int | None = None
    numbers_per_request: int | None = None
    interval: int | None = None
    retries: Mapping[str, Any] | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    calling_window: str | None = None
    at_window_end: str | None = None
    budget: Decimal | None = None
    stop_if: Mapping[str, Any] | None = None
    call_type: str | None = None
    totals: Mapping[str, int] | None = None
    checked: Findings | None = None
    progress: Progress | None = None
    first_requests: tuple[FirstRequest, ...] = ()
    created_at: datetime | None = None
    changed_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class RowProblem(Received):
    """A cell of a list that is wrong; `row` as a spreadsheet shows it, None within one row."""

    column: str | None = None
    value: str | None = None
    reason: str | None = None
    row: int | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Import(Received):
    """What came of a list of recipients; the same list again returns it again."""

    id: str
    campaign_id: str | None = None
    rows: int = 0
    ready: int = 0
    invalid: int = 0
    duplicate: int = 0
    mapping: Mapping[str, Any] | None = None
    unused_columns: tuple[str, ...] = ()
    empty_cells: Mapping[str, int] | None = None
    empty_rows: int = 0
    sheets_not_read: tuple[str, ...] = ()
    errors: tuple[RowProblem, ...] = ()
    duplicates: tuple[RowProblem, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class Recipient(Received):
    """A row of a campaign's list: whom to call, or why not."""

    id: str
    status: str
    reason: str | None = None
    import_id: str | None = None
    row: int | None = None
    to: str | None = None
    reference: str | None = None
    metadata: Mapping[str, Any] | None = None
    due_at: datetime | None = None
    tries: int = 0
    call_id: str | None = None
    errors: tuple[RowProblem, ...] = ()
