"""What goes in and out over the REST API; the API document is made from these."""

from __future__ import annotations

from typing import Any

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    validate,
    validates,
    validates_schema,
)

from obdtrack.domain.calling_hours import CallType
from obdtrack.domain.facts import FACTS, Fact, FactKind
from obdtrack.domain.feed import PATTERNS, EventType
from obdtrack.domain.status import Outcome, Source, Status
from obdtrack.providers.base import most_numbers
from obdtrack.web.api.fields import (
    Audio,
    Choices,
    Count,
    Cursor,
    IdempotencyKeyText,
    Metadata,
    Moment,
    Number,
    SoughtNumber,
    Text,
    Token,
    Variables,
    WholeNumber,
)
from obdtrack.web.http.auth import services

MAX_PAGE = 200
MAX_EVENTS = 500
TIME = {"format": "date-time", "examples": ["2026-11-23T06:27:39Z"]}


class _NumberSchema(Schema):
    """A number to call, and what the caller keeps beside it."""

    to = Number(
        required=True,
        metadata={
            "description": "Number to call, with country code, in any usual spelling.",
            "examples": ["+918867135001"],
        },
    )
    reference = Text(
        200, metadata={"description": "Your own key for this call.", "examples": ["order-7"]}
    )
    metadata = Metadata(metadata={"description": "Any small JSON object, returned unchanged."})


class _ListedNumber(fields.Field[dict[str, Any]]):
    """One number of a list: a text, or an object where something is kept beside it."""

    _schema = _NumberSchema()

    def __init__(self) -> None:
        text = {"type": "string"}
        named = {"to": text, "reference": {**text, "minLength": 1, "maxLength": 200}}
        beside = {
            "type": "object",
            "required": ["to"],
            "additionalProperties": False,
            "properties": {**named, "metadata": {"type": "object"}},
        }
        super().__init__(metadata={"anyOf": [text, beside]})

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> dict[str, Any]:
        given = {"to": value} if isinstance(value, str) else value
        loaded: dict[str, Any] = self._schema.load(given)
        return loaded


class _RequestSchema(Schema):
    """What is heard, when, and who calls: the same for all calls of one request."""

    bridge = WholeNumber(
        metadata={
            "description": "The calling number. Default: the setting OBDTRACK_BRIDGE.",
            "examples": ["+918068280000"],
        }
    )
    flow_id = Token(
        64,
        metadata={"description": "Id of an IVR flow. Either this or `audio`.", "examples": ["23"]},
    )
    audio = Audio(
        2000,
        metadata={
            "description": "An audio file's id, or its http(s) URL. Either this or `flow_id`."
        },
    )
    name = Text(100, metadata={"description": "Campaign the call belongs to.", "examples": ["otp"]})
    interval = fields.Integer(
        strict=True,
        load_default=0,
        metadata={"description": "Minutes between redials of an unanswered call; 0: none."},
    )
    webhook_id = Token(
        100, metadata={"description": "Webhook that gets the reports. Default: the setting."}
    )
    variables = Variables(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={
            "description": "Values for the flow's placeholders. Only their names are stored.",
            "examples": [{"otp": "123456"}],
        },
    )
    call_type = fields.String(
        validate=validate.OneOf(list(CallType)),
        metadata={"description": "The hours in which it may ring depend on it."},
    )

    @validates("interval")
    def offered(self, minutes: int, **_: Any) -> None:
        """Only the provider knows how soon it can dial again."""
        known = services().provider.intervals
        if minutes not in known:
            raise ValidationError(f"Must be one of {', '.join(map(str, known))} (minutes).")

    @validates_schema
    def one_of_flow_and_audio(self, data: dict[str, Any], **_: Any) -> None:
        """Exactly one of the two says what the called person hears (the provider's API page)."""
        if ("flow_id" in data) == ("audio" in data):
            raise ValidationError("Give exactly one of flow_id and audio.", "flow_id")


class PlaceCallSchema(_RequestSchema, _NumberSchema):
    """One call to place."""


class PlaceSubmissionSchema(_RequestSchema):
    """Calls to place by one request to the provider."""

    to = fields.List(
        _ListedNumber(),
        required=True,
        metadata={
            "minItems": 1,
            "description": "Numbers to call, each as text or as an object with `to`, `reference` "
            "and `metadata`.",
            "examples": [["+918867135001", {"to": "+918867135002", "reference": "order-8"}]],
        },
    )
    skip = fields.Boolean(
        truthy={True},
        falsy={False},
        load_default=False,
        metadata={
            "description": "Whether numbers that may not be called (on the do-not-call list, or "
            "called moments ago) are left out; else the whole list is refused."
        },
    )

    @validates_schema
    def as_many_as_the_provider_takes(self, data: dict[str, Any], **_: Any) -> None:
        """Only the provider knows how many it takes; nobody is called twice by one request."""
        numbers, most = data["to"], most_numbers(services().provider)
        if not 1 <= len(numbers) <= most:
            wrong = f"Must have 1 to {most} numbers; this has {len(numbers)}."
            raise ValidationError(wrong, "to")
        places: dict[str, int] = {}
        twice: dict[int, list[str]] = {}
        for place, listed in enumerate(numbers):
            if (first := places.setdefault(listed["to"], place)) != place:
                twice[place] = [f"The same number as the one at {first}; each may stand once."]
        if twice:
            raise ValidationError({"to": twice})


class IdempotencySchema(Schema):
    """The caller's own key for the request."""

    key = IdempotencyKeyText(
        255,
        data_key="Idempotency-Key",
        metadata={
            "description": "Your own key for this request. The same key and body again return the "
            "stored response (`Idempotent-Replayed: true`) and place no call.",
            "examples": ["order-7-otp"],
        },
    )

    def load(self, data: Any, **options: Any) -> Any:
        """Return the key; of headers without one nothing has to be read."""
        return super().load(data, **options) if self.fields["key"].data_key in data else {}


class ResolveSchema(Schema):
    """A person's decision about a call whose outcome is unknown, or that needs attention."""

    action = fields.String(
        required=True,
        validate=validate.OneOf(["attach", "not-placed", "place-again", "seen"]),
        metadata={
            "description": "`attach`: it is the provider's `provider_id`; `not-placed`: no phone "
            "rang; `place-again`: place it now, as a new call that refers to this one; `seen`: a "
            "person has looked at it, and it needs no attention until more comes.",
            "examples": ["not-placed"],
        },
    )
    provider_id = Text(
        100,
        metadata={"description": "With `attach`: the provider's id."},
    )
    note = Text(500, metadata={"description": "Why; shown on the timeline."})

    @validates_schema
    def attach_needs_an_id(self, data: dict[str, Any], **_: Any) -> None:
        """Without an id there is nothing to attach, and elsewhere it would mean nothing."""
        if (data.get("action") == "attach") != ("provider_id" in data):
            raise ValidationError("Give it with `attach`, and only then.", "provider_id")


class SeenSchema(Schema):
    """That a person has looked at something."""

    note = Text(500, metadata={"description": "What came of it; kept in the audit."})


class AttachSchema(Schema):
    """A person's decision which call an unmatched report is about."""

    call_id = Text(
        100,
        required=True,
        metadata={
            "description": "The call's id, ours or the provider's.",
            "examples": ["70fa87e0-9df9-4327-bc80-a561c48703d8:1"],
        },
    )
    note = Text(500, metadata={"description": "Why; shown on the timeline."})


class ResolveAllSchema(Schema):
    """A person's decision about all calls of a submission whose outcome is unknown."""

    action = fields.String(
        required=True,
        validate=validate.OneOf(["not-placed", "place-again"]),
        metadata={
            "description": "`not-placed`: no phone rang; `place-again`: place them now, as new "
            "calls that refer to these.",
            "examples": ["not-placed"],
        },
    )
    note = Text(500, metadata={"description": "Why; shown on each timeline."})


_FIELDS: dict[FactKind, type[fields.Field[Any]]] = {
    FactKind.INTEGER: fields.Integer,
    FactKind.BOOLEAN: fields.Boolean,
}
"""How facts are written in JSON; those of other kinds are text."""


def _facts() -> dict[str, fields.Field[Any]]:
    """Return a field for each fact that can be reported of a dialling."""
    return {name: _fact(fact) for name, fact in FACTS.items()}


def _fact(fact: Fact) -> fields.Field[Any]:
    metadata: dict[str, Any] = {**TIME} if fact.kind is FactKind.TIME else {}
    if fact.description:
        metadata["description"] = fact.description
    if fact.example:
        metadata["examples"] = [fact.example]
    return _FIELDS.get(fact.kind, fields.String)(allow_none=True, metadata=metadata)


class AttemptSchema(Schema):
    """One dialling of a call."""

    class Meta:
        include = _facts()

    number = fields.Integer()
    status = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    source = fields.String(validate=validate.OneOf(list(Source)))
    conflict = fields.Boolean()


class WaitingReportSchema(Schema):
    """A report of the call's number that could not be matched to any call."""

    id = fields.UUID(metadata={"description": "Of its delivery."})
    received_at = fields.String(metadata=TIME)
    provider_id = fields.String(
        allow_none=True, metadata={"description": "What `attach` takes if it is this call's."}
    )
    reason = fields.String(allow_none=True)


class CallSchema(Schema):
    """A call, its outcome, and how we know it."""

    class Meta:
        include = _facts()

    id = fields.UUID()
    reference = fields.String(allow_none=True)
    provider = fields.String(metadata={"examples": ["mobtexting"]})
    provider_id = fields.String(
        allow_none=True, metadata={"examples": ["70fa87e0-9df9-4327-bc80-a561c48703d8:1"]}
    )
    submission_id = fields.UUID()
    to = fields.String(
        metadata={"description": "Masked unless the key has the scope `place` or `pii`."}
    )
    bridge = fields.String()
    flow_id = fields.String(allow_none=True)
    audio = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    interval = fields.Integer()
    call_type = fields.String(allow_none=True, validate=validate.OneOf(list(CallType)))
    campaign_id = fields.UUID(allow_none=True)
    retry_of = fields.UUID(
        allow_none=True, metadata={"description": "The call that this one was made again for."}
    )
    status = fields.String(validate=validate.OneOf(list(Status)))
    reason = fields.String(allow_none=True)
    provider_message = fields.String(
        allow_none=True,
        metadata={
            "description": "What the provider's response said where the call is `rejected` or "
            "`unknown`; numbers in it are masked."
        },
    )
    status_source = fields.String(validate=validate.OneOf(list(Source)))
    status_as_of = fields.String(metadata=TIME)
    next_check_at = fields.String(allow_none=True, metadata=TIME)
    created_at = fields.String(metadata=TIME)
    submitted_at = fields.String(allow_none=True, metadata=TIME)
    conflict = fields.Boolean(
        metadata={
            "description": "Two reports of one attempt disagree, one names another number, or the "
            "provider gave the call's id to two calls."
        }
    )
    needs_attention = fields.Boolean(
        metadata={
            "description": "It is unknown, unresolved or in conflict, and no person has looked at "
            "it since."
        }
    )
    opted_out_at = fields.String(
        allow_none=True,
        metadata={
            "description": "Since when the number has been on the do-not-call list.",
            **TIME,
        },
    )
    attempts = fields.List(fields.Nested(AttemptSchema))
    variables = fields.List(fields.String(), metadata={"description": "Names only."})
    metadata = fields.Dict(allow_none=True)
    waiting_reports = fields.List(
        fields.Nested(WaitingReportSchema),
        metadata={
            "description": "Where one call is shown that can still be told its id: reports of its "
            "number that have no call."
        },
    )


class ResponseSchema(Schema):
    """What the provider's API returned, as it was stored."""

    id = fields.UUID()
    kind = fields.String()
    requested_at = fields.String(metadata=TIME)
    answered_at = fields.String(metadata=TIME)
    http_status = fields.Integer(allow_none=True)
    failure = fields.String(allow_none=True)
    message = fields.String(allow_none=True)
    body = fields.String(allow_none=True)


class SubmissionSchema(Schema):
    """One request to the provider, and the calls it asked for."""

    id = fields.UUID()
    created_at = fields.String(metadata=TIME)
    settled_at = fields.String(
        allow_none=True, metadata={"description": "Since when nothing more is awaited.", **TIME}
    )
    bridge = fields.String()
    flow_id = fields.String(allow_none=True)
    audio = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    interval = fields.Integer()
    webhook_id = fields.String(allow_none=True)
    call_type = fields.String(allow_none=True, validate=validate.OneOf(list(CallType)))
    variables = fields.List(fields.String(), metadata={"description": "Names only."})
    notes = fields.List(
        fields.Dict(),
        metadata={"description": "What the response listed that belongs to none of the calls."},
    )
    response = fields.Nested(
        ResponseSchema,
        allow_none=True,
        metadata={"description": "Null until it came, or if none came."},
    )
    calls = fields.List(fields.Nested(CallSchema), metadata={"description": "In the list's order."})


class EventSchema(Schema):
    """One line of a call's timeline."""

    id = fields.UUID()
    kind = fields.String()
    status = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    source = fields.String(validate=validate.OneOf(list(Source)))
    occurred_at = fields.String(
        allow_none=True, metadata={"description": "The provider's clock.", **TIME}
    )
    recorded_at = fields.String(metadata={"description": "Our clock.", **TIME})
    attempt = fields.Integer(allow_none=True)
    outside_hours = fields.Boolean(
        metadata={"description": "Whether its attempt rang outside the calling hours."}
    )
    delivery_id = fields.UUID(allow_none=True)
    times_seen = fields.Integer(metadata={"description": "How often this same fact arrived."})
    detail = fields.Dict()


class DeliverySchema(Schema):
    """One HTTP request that reached the callback, as received."""

    id = fields.UUID()
    received_at = fields.String(metadata=TIME)
    provider = fields.String(metadata={"description": "Whose callback it reached."})
    method = fields.String()
    query = fields.String()
    headers = fields.Dict()
    content_type = fields.String()
    body = fields.String(
        metadata={"description": "As text; bytes that are not UTF-8 appear as U+FFFD."}
    )
    outcome = fields.String(validate=validate.OneOf(list(Outcome)))
    reason = fields.String(allow_none=True)
    call_id = fields.UUID(allow_none=True)


class PageQuerySchema(Schema):
    """Which page of a list."""

    limit = Count(
        load_default=50,
        validate=validate.Range(1, MAX_PAGE),
        metadata={"description": "Rows per page."},
    )
    cursor = Cursor(metadata={"description": "`next_cursor` of the previous page."})


class EventQuerySchema(PageQuerySchema):
    """Which events of a call to list; nearly every timeline is shorter than a page."""

    limit = Count(
        load_default=MAX_EVENTS,
        validate=validate.Range(1, MAX_EVENTS),
        metadata={"description": "Events per page."},
    )


class CallQuerySchema(PageQuerySchema):
    """Which calls to list."""

    statuses = Choices(
        Status,
        data_key="status",
        metadata={"description": "Any of these; repeat the parameter or separate by commas."},
    )
    to = SoughtNumber(
        metadata={
            "description": "The number called, in any usual spelling, or its last four digits. "
            "With the scope `place` or `pii` also without its country code: all that end in it."
        }
    )
    name = Text(100)
    reference = Text(200)
    attention = fields.Boolean(
        data_key="needs_attention",
        validate=validate.Equal(True),
        metadata={"description": "`true`: only those that need a person's attention."},
    )
    created_after = Moment(metadata={"type": "string", "format": "date-time"})
    created_before = Moment(metadata={"type": "string", "format": "date-time"})

    @validates_schema
    def begins_before_it_ends(self, data: dict[str, Any], **_: Any) -> None:
        """A period that ends before it begins is a slip, not a wish for nothing."""
        after, before = data.get("created_after"), data.get("created_before")
        if after and before and before < after:
            raise ValidationError("Must not be earlier than created_after.", "created_before")


class DeliveryQuerySchema(PageQuerySchema):
    """Which deliveries to list."""

    outcomes = Choices(
        Outcome,
        data_key="outcome",
        metadata={"description": "Any of these; repeat the parameter or separate by commas."},
    )


class PageSchema(Schema):
    """What every page of a list has."""

    next_cursor = fields.String(allow_none=True)


class CallPageSchema(PageSchema):
    """Some calls, newest first."""

    data = fields.List(fields.Nested(CallSchema))


class FeedQuerySchema(Schema):
    """Which events to read, and for how long to wait for one."""

    after = fields.String(
        metadata={
            "description": "`next_cursor` of the previous response; `latest`: only what happens "
            "from now on. Default: from the oldest event that is kept."
        }
    )
    types = Choices(
        PATTERNS,
        metadata={"description": "Any of these, as `call.*`; repeat the parameter or use commas."},
    )
    call_id = fields.UUID(metadata={"description": "Only what happened to this call."})
    campaign_id = fields.UUID(metadata={"description": "Only what happened in this campaign."})
    limit = Count(
        load_default=100,
        validate=validate.Range(1, MAX_EVENTS),
        metadata={"description": "Events per page."},
    )
    wait = Count(
        load_default=0,
        validate=validate.Range(0, 30),
        metadata={"description": "Seconds to wait for an event if there is none yet."},
    )


class FeedEventSchema(Schema):
    """Something that happened, as a CloudEvent (version 1.0)."""

    specversion = fields.Constant("1.0")
    id = fields.UUID(metadata={"description": "The same for ever, wherever the event is sent."})
    source = fields.String()
    type = fields.String(metadata={"enum": list(EventType)})
    time = fields.String(metadata=TIME)
    subject = fields.UUID(
        allow_none=True, metadata={"description": "Id of the call or of what else it is about."}
    )
    datacontenttype = fields.String()
    dataschema = fields.String()
    data = fields.Raw(
        allow_none=True,
        metadata={
            "description": "What it is about as the API shows it, a call as it stood then; null if "
            "it has been deleted since."
        },
    )
    changed = fields.Dict(
        allow_none=True,
        metadata={
            "description": "Earlier values of what is otherwise now; null if they are not known."
        },
    )


class FeedPageSchema(Schema):
    """Some events, oldest first; go on from `next_cursor`, also after a page without any."""

    data = fields.List(fields.Nested(FeedEventSchema))
    next_cursor = fields.String()


class EventPageSchema(PageSchema):
    """A call's timeline, oldest first."""

    data = fields.List(fields.Nested(EventSchema))


class DeliveryPageSchema(PageSchema):
    """Some deliveries, newest first."""

    data = fields.List(fields.Nested(DeliverySchema))


class ProblemSchema(Schema):
    """An error (RFC 9457). `errors` holds what is wrong, by field."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    code = fields.String()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    request_id = fields.String()
