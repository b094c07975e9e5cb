"""What goes in and out over the REST API about destinations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from obdtrack.domain.destination import DestinationState, NotificationStatus
from obdtrack.domain.feed import PATTERNS, EventType, Numbers
from obdtrack.domain.status import Status
from obdtrack.errors import Code, ObdtrackError
from obdtrack.notifications.log import MOST_COUNTED
from obdtrack.web.api.fields import Moment, Text
from obdtrack.web.api.schemas import TIME, PageQuerySchema, PageSchema
from obdtrack.web.http.errors import by_field

_UP_TO = f"At most {MOST_COUNTED:,} are counted."


class FilterSchema(Schema):
    """Of which calls a destination is told; each that is given must fit."""

    class Meta:
        unknown = RAISE

    campaign_id = fields.UUID(metadata={"description": "Only what happens in this campaign."})
    reference_prefix = Text(200, metadata={"description": "Only calls whose reference begins so."})
    status = fields.List(
        fields.String(validate=validate.OneOf(list(Status))),
        validate=validate.Length(1),
        metadata={"description": "Only events after which the call stands so."},
    )

    @post_load
    def made(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return it as JSON has it."""
        if "campaign_id" in data:
            data["campaign_id"] = str(data["campaign_id"])
        if "status" in data:
            data["status"] = list(dict.fromkeys(data["status"]))
        return data


class Types(fields.List[str]):
    """Which types of events are meant: each by its name, or all about one thing, like `call.*`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.String(validate=validate.OneOf(PATTERNS)), **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        given = value if isinstance(value, list) else []
        if wrong := [one for one in given if one not in PATTERNS]:
            raise ValidationError(f"There is no type {str(wrong[0])[:40]!r}: see the feed's.")
        return list(dict.fromkeys(super()._deserialize(value, attr, data, **kwargs)))


def _url(**options: Any) -> Text:
    description = "Where notifications are posted: https, on a public address."
    metadata = {"description": description, "examples": ["https://shop.example/obdtrack"]}
    return Text(2000, metadata=metadata, **options)


class EditDestinationSchema(Schema):
    """What to change of a destination; what is left out keeps its value."""

    url = _url()
    types = Types(metadata={"description": "Types of events, like `call.*`; empty: all."})
    filter = fields.Nested(FilterSchema)
    numbers = fields.String(
        validate=validate.OneOf(list(Numbers)),
        metadata={"description": "How much of phone numbers is sent. Default: masked."},
    )


class CreateDestinationSchema(EditDestinationSchema):
    """A destination to create."""

    url = _url(required=True)


def destination_values(
    url: str, *, types: Sequence[str], numbers: str, **chosen: Any
) -> dict[str, Any]:
    """Return what somebody typed or picked as `CreateDestinationSchema` loads it.

    `chosen` are parts of the filter; those that are empty are left out. Raises ObdtrackError
    (invalid) with what is wrong by field.
    """
    wanted = {name: value for name, value in chosen.items() if value}
    given = {"url": url, "types": types, "numbers": numbers, "filter": wanted}
    try:
        loaded: dict[str, Any] = CreateDestinationSchema().load(given)
    except ValidationError as error:
        raise ObdtrackError(
            Code.INVALID, "Some fields are invalid.", fields=by_field(error.messages)
        ) from None
    return loaded


class DestinationSchema(Schema):
    """A URL that is told what happens, and how far that is."""

    id = fields.UUID()
    url = fields.String()
    types = fields.List(fields.String(), metadata={"description": "Empty: all."})
    filter = fields.Dict()
    numbers = fields.String(validate=validate.OneOf(list(Numbers)))
    state = fields.String(validate=validate.OneOf(list(DestinationState)))
    reason = fields.String(
        allow_none=True, metadata={"description": "Why it is disabled, which nobody asked for."}
    )
    created_at = fields.String(metadata=TIME)
    changed_at = fields.String(metadata=TIME)
    delivered_at = fields.String(
        allow_none=True, metadata={"description": "When it last took a notification.", **TIME}
    )
    failing_since = fields.String(
        allow_none=True, metadata={"description": "null: the last try was taken.", **TIME}
    )
    old_secret_until = fields.String(
        allow_none=True,
        metadata={"description": "Until when the secret before the last one signs, too.", **TIME},
    )
    behind = fields.Integer(
        metadata={"description": "Events of the feed it has not come to, wanted or not."}
    )
    pending = fields.Integer(
        metadata={"description": f"Notifications to be sent, or tried again. {_UP_TO}"}
    )
    failed = fields.Integer(
        metadata={"description": f"Notifications not tried again by themselves. {_UP_TO}"}
    )


class SecretDestinationSchema(DestinationSchema):
    """A destination with its secret, which is shown this once."""

    secret = fields.String(
        metadata={"description": "Signs all it is sent: `whsec_` and 32 bytes in base64."}
    )


class ReplayedDestinationSchema(DestinationSchema):
    """A destination that is sent things again."""

    replayed = fields.Integer(
        metadata={"description": "So many had failed; those never sent are in `behind`."}
    )


class TestSchema(Schema):
    """What came of a test; nothing of it is kept."""

    delivered = fields.Boolean()
    duration_ms = fields.Integer()
    http_status = fields.Integer(allow_none=True)
    failure = fields.String(
        allow_none=True, metadata={"description": "Why it was not taken, in a sentence."}
    )
    response = fields.String(
        allow_none=True, metadata={"description": "The first 1,000 bytes of the response."}
    )


class DestinationPageSchema(PageSchema):
    """All destinations, oldest first; one page holds them."""

    data = fields.List(fields.Nested(DestinationSchema))


class RecoverQuerySchema(Schema):
    """From when on all is sent that was not delivered."""

    since = Moment(required=True, metadata={"type": "string", **TIME})


class NotificationQuerySchema(PageQuerySchema):
    """Which notifications of a destination to list."""

    status = fields.String(validate=validate.OneOf(list(NotificationStatus)))


class NotificationSchema(Schema):
    """One event on its way to a destination, and what became of the last try."""

    id = fields.UUID()
    event_id = fields.UUID(
        metadata={"description": "The event's id, and `webhook-id` at every try."}
    )
    type = fields.String(validate=validate.OneOf(list(EventType)))
    subject = fields.UUID(allow_none=True, metadata={"description": "Of a call: its id."})
    status = fields.String(validate=validate.OneOf(list(NotificationStatus)))
    tries = fields.Integer()
    created_at = fields.String(metadata=TIME)
    tried_at = fields.String(allow_none=True, metadata=TIME)
    next_try_at = fields.String(allow_none=True, metadata=TIME)
    duration_ms = fields.Integer(allow_none=True)
    http_status = fields.Integer(allow_none=True)
    failure = fields.String(
        allow_none=True, metadata={"description": "Why it was not taken, in a sentence."}
    )
    response = fields.String(
        allow_none=True, metadata={"description": "The first 1,000 bytes of the response."}
    )


class NotificationPageSchema(PageSchema):
    """Some notifications of a destination, newest first."""

    data = fields.List(fields.Nested(NotificationSchema))
