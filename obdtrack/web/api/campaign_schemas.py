"""What goes in and out over the REST API about campaigns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, post_load, validate

from obdtrack.campaigns.mapping import is_field
from obdtrack.campaigns.recipient_files import DELIMITERS
from obdtrack.campaigns.report import TABLES
from obdtrack.domain.calling_hours import CallType
from obdtrack.domain.campaign import (
    BOUNDS,
    PEOPLES,
    RETRIED,
    AtWindowEnd,
    CampaignPlan,
    CampaignState,
    RecipientStatus,
    Retries,
    StopIf,
    read_amount,
)
from obdtrack.domain.status import Status
from obdtrack.settings import read_window
from obdtrack.web.api.fields import Audio, Moment, Text, Token, Variables, WholeNumber
from obdtrack.web.api.schemas import TIME, PageQuerySchema, PageSchema

_DEFAULTS = CampaignPlan(bridge="")


class WindowText(fields.String):
    """Hours of the day, like `09:00-21:00`; loaded as two times."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            return read_window(super()._deserialize(value, attr, data, **kwargs))
        except ValueError:
            raise ValidationError("Must be two different times of day, like 09:00-21:00.") from None


class Amount(fields.Field[Decimal]):
    """Money as exact decimal text."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Decimal:
        try:
            return read_amount(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


def _number(name: str, description: str, **more: Any) -> fields.Integer:
    """Return a field for a number of a plan; its bounds are checked with the rest of the plan."""
    least, most = BOUNDS[name]
    metadata = {"description": description, "minimum": least, "maximum": most, **more}
    return fields.Integer(strict=True, metadata=metadata)


class RetriesSchema(Schema):
    """Calling again by ourselves: a new call for each."""

    on = fields.List(
        fields.String(),
        metadata={
            "description": f"After which statuses, of {', '.join(RETRIED)}. Default: all these."
        },
    )
    times = _number("retries.times", "How often at most.", default=Retries().times)
    wait_minutes = _number(
        "retries.wait_minutes", "Minutes between two calls.", default=Retries().wait_minutes
    )

    @post_load
    def made(self, data: dict[str, Any], **_: Any) -> Retries:
        """Return it as the plan has it."""
        return Retries(**{**data, "on": tuple(data.get("on", RETRIED))})


class StopIfSchema(Schema):
    """When a campaign pauses by itself."""

    failed_percent = _number("stop_if.failed_percent", "So many percent failed.", default=50)
    of_last = _number("stop_if.of_last", "Of so many calls, the newest.", default=20)
    minimum = _number("stop_if.minimum", "Once there are so many calls.", default=5)

    @post_load
    def made(self, data: dict[str, Any], **_: Any) -> StopIf:
        """Return it as the plan has it."""
        return StopIf(**data)


class PlanSchema(Schema):
    """How a campaign calls. What is left out keeps its value, or has the default."""

    bridge = WholeNumber(
        metadata={
            "description": "The calling number. Default: the setting OBDTRACK_BRIDGE.",
            "examples": ["+918068280000"],
        }
    )
    flow_id = Token(
        64,
        allow_none=True,
        metadata={"description": "Id of an IVR flow. Either this or `audio`.", "examples": ["23"]},
    )
    audio = Audio(
        2000,
        allow_none=True,
        metadata={
            "description": "An audio file's id, or its http(s) URL. Either this or `flow_id`."
        },
    )
    variables = Variables(
        keys=fields.String(),
        values=fields.String(),
        metadata={
            "description": "Values for the flow's placeholders where a recipient has none. Stored "
            "encrypted; only names are shown.",
            "examples": [{"shop": "Anand Stores"}],
        },
    )
    per_minute = _number("per_minute", "Calls a minute at most.", default=_DEFAULTS.per_minute)
    max_in_flight = _number(
        "max_in_flight",
        "Calls that have not ended, at most.",
        default=_DEFAULTS.max_in_flight,
    )
    numbers_per_request = _number(
        "numbers_per_request",
        "Numbers in one request to the provider, where they share all variables.",
        default=1,
    )
    interval = fields.Integer(
        strict=True,
        metadata={"description": "Minutes between redials of an unanswered call; 0: none."},
    )
    retries = fields.Nested(RetriesSchema, allow_none=True)
    start_at = Moment(allow_none=True, metadata={"type": "string", **TIME})
    end_at = Moment(allow_none=True, metadata={"type": "string", **TIME})
    calling_window = WindowText(
        allow_none=True,
        metadata={
            "description": "Hours by the clock of OBDTRACK_CALLING_WINDOW_TIMEZONE, within those "
            "that the settings allow.",
            "examples": ["10:00-18:30"],
        },
    )
    at_window_end = fields.String(
        validate=validate.OneOf(list(AtWindowEnd)),
        metadata={"description": "What happens to those not called when the hours end."},
    )
    budget = Amount(
        allow_none=True,
        metadata={
            "type": "string",
            "description": "What the calls may cost, as exact decimal text.",
            "examples": ["1500.00"],
        },
    )
    stop_if = fields.Nested(StopIfSchema, allow_none=True, metadata={"description": "null: never."})
    call_type = fields.String(
        allow_none=True,
        validate=validate.OneOf(list(CallType)),
        metadata={"description": "The hours in which it may call depend on it."},
    )


def _name(**options: Any) -> Text:
    description = "Unique among campaigns and names of calls; all its calls have it as `name`."
    metadata = {"description": description, "examples": ["diwali"]}
    return Text(100, metadata=metadata, **options)


class CreateCampaignSchema(PlanSchema):
    """A campaign to create, as a draft."""

    name = _name(required=True)


class EditCampaignSchema(PlanSchema):
    """What to change of a campaign; `name` only before it was started."""

    name = _name()


class TotalsSchema(Schema):
    """How many recipients, and how many calls by status."""

    class Meta:
        include = dict.fromkeys(map(str, Status), fields.Integer())

    ready = fields.Integer(metadata={"description": "Will be called once it is started."})
    invalid = fields.Integer()
    duplicate = fields.Integer()
    opted_out = fields.Integer()
    skipped = fields.Integer(metadata={"description": "Were not called; opted-out ones too."})
    scheduled = fields.Integer(metadata={"description": "Will be called."})
    sent = fields.Integer(metadata={"description": "Were called, or are being called."})


class ProgressSchema(Schema):
    """How far a campaign is, and what its calls came to."""

    calls = fields.Integer(metadata={"description": "Made so far, retries too."})
    waiting = fields.Integer(metadata={"description": "Calls that have not ended."})
    answered_percent = fields.String(
        allow_none=True, metadata={"description": "Of the calls that have ended."}
    )
    cost = fields.String(metadata={"description": "What is known of it; exact decimal text."})
    skipped = fields.Dict(metadata={"description": "Recipients that were not called, by reason."})
    per_minute = fields.Float(
        allow_none=True,
        metadata={"description": "Calls a minute in this half hour and the one before."},
    )
    estimated_end_at = fields.String(
        allow_none=True, metadata={"description": "If it goes on at this pace.", **TIME}
    )
    failures = fields.List(
        fields.Dict(),
        metadata={"description": "The newest, if it paused because too many calls failed."},
    )


class ZoneName(fields.String):
    """A time zone of the time zone database."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if value not in available_timezones():
            raise ValidationError("Must be a time zone like Asia/Kolkata.")
        return str(value)


class ReasonSchema(Schema):
    """Why a campaign is started, paused, resumed or stopped."""

    why = Text(
        500,
        metadata={
            "description": "Why; kept in the audit beside who and when.",
            "examples": ["as agreed with the shop"],
        },
    )


class ReportQuerySchema(Schema):
    """Which table of a campaign is returned."""

    by = fields.String(load_default="recipient", validate=validate.OneOf(list(TABLES)))
    zone = ZoneName(
        load_default="UTC",
        metadata={"description": "On whose clocks times are.", "examples": ["Asia/Kolkata"]},
    )


class FindingsSchema(Schema):
    """What a check found; figures of calls, numbers of recipients."""

    at = fields.String(metadata=TIME)
    ready = fields.Integer(metadata={"description": "Would be called."})
    invalid = fields.Integer()
    duplicate = fields.Integer()
    opted_out = fields.Integer()
    called_recently = fields.Integer(
        metadata={"description": "Within OBDTRACK_DUPLICATE_GUARD_SECONDS, by the same flow."}
    )
    outside_hours = fields.Integer(
        metadata={"description": "For whom the calling hours, or `end_at`, would end too early."}
    )
    estimated_end_at = fields.String(allow_none=True, metadata=TIME)
    charges_of_a_call = fields.String(
        allow_none=True,
        metadata={"description": "Of the newest answered one from this bridge with this flow."},
    )
    estimated_cost = fields.String(
        allow_none=True, metadata={"description": "If each is answered at once; null: unknown."}
    )
    over_budget = fields.Boolean()


class CampaignSchema(Schema):
    """A campaign: its plan, where it stands, and how many of its recipients stand where."""

    id = fields.UUID()
    name = fields.String()
    state = fields.String(validate=validate.OneOf(list(CampaignState)))
    reason = fields.String(
        allow_none=True, metadata={"description": "Why it stands so, if nobody decided it."}
    )
    allowed = fields.List(
        fields.String(validate=validate.OneOf(list(PEOPLES))),
        metadata={"description": "What may be done with it now."},
    )
    bridge = fields.String()
    flow_id = fields.String(allow_none=True)
    audio = fields.String(allow_none=True)
    variables = fields.List(fields.String(), metadata={"description": "Names only."})
    per_minute = fields.Integer()
    max_in_flight = fields.Integer()
    numbers_per_request = fields.Integer()
    interval = fields.Integer()
    retries = fields.Dict(allow_none=True)
    start_at = fields.String(allow_none=True, metadata=TIME)
    end_at = fields.String(allow_none=True, metadata=TIME)
    calling_window = fields.String(allow_none=True)
    at_window_end = fields.String(validate=validate.OneOf(list(AtWindowEnd)))
    budget = fields.String(allow_none=True)
    stop_if = fields.Dict(allow_none=True)
    call_type = fields.String(allow_none=True)
    totals = fields.Nested(TotalsSchema)
    checked = fields.Nested(
        FindingsSchema,
        allow_none=True,
        metadata={"description": "What the last check found; null: it was changed since."},
    )
    progress = fields.Nested(ProgressSchema)
    created_at = fields.String(metadata=TIME)
    changed_at = fields.String(metadata=TIME)
    started_at = fields.String(allow_none=True, metadata=TIME)
    ended_at = fields.String(allow_none=True, metadata=TIME)


class FirstRequestSchema(Schema):
    """A request to the provider, as it will be sent."""

    method = fields.String()
    path = fields.String()
    body = fields.String()


class CheckedCampaignSchema(CampaignSchema):
    """A campaign that was checked, with the requests for its first recipients."""

    first_requests = fields.List(fields.Nested(FirstRequestSchema))


class CampaignPageSchema(PageSchema):
    """Some campaigns, newest first."""

    data = fields.List(fields.Nested(CampaignSchema))


class ProblemOfCellSchema(Schema):
    """A cell of a list that is wrong."""

    column = fields.String(allow_none=True, metadata={"description": "null: the whole row."})
    value = fields.String(metadata={"description": "Its beginning, if it is long."})
    reason = fields.String()


class ProblemOfRowSchema(ProblemOfCellSchema):
    """A cell of a list that is wrong, and where it stands."""

    row = fields.Integer(metadata={"description": "As a person sees it: a header is row 1."})


class ImportQuerySchema(Schema):
    """How a list of recipients is to be read.

    Also `variables.name=Name` and `metadata.x=X` say which columns are what."""

    to = fields.String(
        metadata={"description": "The column of the numbers.", "examples": ["Phone"]}
    )
    reference = fields.String(metadata={"description": "Column of your own keys."})
    default_country = fields.String(
        validate=validate.Regexp("^[A-Z]{2}$", error="Must be two capital letters, like IN."),
        metadata={"description": "Where numbers belong that have no country code, like IN."},
    )
    delimiter = fields.String(
        validate=validate.OneOf(list(DELIMITERS)),
        metadata={"description": "Needed only where cells may be separated by two."},
    )
    header = fields.Boolean(
        metadata={
            "description": "Whether its first row names the columns. Default: unless it holds a "
            "number to call."
        }
    )
    preview = fields.Boolean(
        load_default=False,
        metadata={"description": "Only show what the columns are taken for; stores nothing."},
    )

    @post_load
    def with_mapping(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return what columns are under `mapping`; anything else that is unknown is a slip."""
        mapping = {name: value for name, value in data.items() if is_field(name)}
        own = {name: value for name, value in data.items() if name not in mapping}
        if unknown := own.keys() - self.fields:
            raise ValidationError({name: ["Unknown field."] for name in sorted(unknown)})
        return {**own, "mapping": mapping}


class ImportSchema(Schema):
    """What came of an import; the same file again returns it again."""

    id = fields.UUID()
    campaign_id = fields.UUID()
    rows = fields.Integer()
    ready = fields.Integer()
    invalid = fields.Integer()
    duplicate = fields.Integer()
    mapping = fields.Dict(metadata={"description": "Which columns were taken for what."})
    unused_columns = fields.List(fields.String())
    empty_cells = fields.Dict(metadata={"description": "How many, by column."})
    empty_rows = fields.Integer()
    sheets_not_read = fields.List(fields.String())
    errors = fields.List(
        fields.Nested(ProblemOfRowSchema), metadata={"description": "The first 1,000."}
    )
    duplicates = fields.List(
        fields.Nested(ProblemOfRowSchema), metadata={"description": "The first 1,000."}
    )


class RecipientQuerySchema(PageQuerySchema):
    """Which recipients to list."""

    status = fields.String(
        validate=validate.OneOf(list(RecipientStatus)),
        metadata={"description": "`sent` are those that have a call, whatever its status."},
    )


class RecipientSchema(Schema):
    """A row of a campaign's list: whom to call, or why not; once sent, its newest call's status."""

    id = fields.UUID()
    import_id = fields.UUID()
    row = fields.Integer()
    to = fields.String(
        allow_none=True,
        metadata={"description": "Masked unless the key has the scope `place` or `pii`."},
    )
    reference = fields.String(allow_none=True)
    metadata = fields.Dict(allow_none=True)
    status = fields.String()
    reason = fields.String(allow_none=True)
    due_at = fields.String(allow_none=True, metadata=TIME)
    tries = fields.Integer(metadata={"description": "Calls there were so far."})
    call_id = fields.UUID(allow_none=True)
    errors = fields.List(fields.Nested(ProblemOfCellSchema))


class RecipientPageSchema(PageSchema):
    """Some recipients, by status, then as they are due."""

    data = fields.List(fields.Nested(RecipientSchema))
