"""Events of the feed as others get them: CloudEvents 1.0 in JSON, with numbers as far as allowed.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson

from obdtrack.calls import opt_outs
from obdtrack.calls.representation import call_view
from obdtrack.calls.states import from_snapshot
from obdtrack.domain.facts import FACTS
from obdtrack.domain.feed import Numbers
from obdtrack.domain.fold import CallState
from obdtrack.domain.phone import masked
from obdtrack.domain.redaction import DOTS, hide_within, in_texts
from obdtrack.domain.status import Status
from obdtrack.domain.times import to_text
from obdtrack.store import bulk_sql, feed, models

SOURCE = "/obdtrack"
"""What the ids of events are unique within."""

_FIRST = frozenset({Status.SUBMITTING, Status.SKIPPED})
"""Where a call stands of which nothing has happened yet."""

_FIELDS = (
    "status", "reason", "status_source", "status_as_of", "conflict", "provider_message", *FACTS,
)  # fmt: skip
_values = attrgetter(*_FIELDS)

_NUMBERS = ("to", "number")
"""Where the data of what is no call has a person's number."""


def envelopes(rows: Sequence[models.FeedRow], numbers: Numbers) -> list[dict[str, Any]]:
    """Return events, JSON-ready, with as much of numbers as `numbers` says.

    `data` is the call, or what else it is about, as the API shows it; where a call stood then, and
    not where it stands now. It is null if the call has been deleted since, and `changed` is if the
    event before is not kept any more.
    """
    of_calls = [row for row in rows if isinstance(row.data, list)]
    earlier = feed.earlier(of_calls)
    calls = _calls_of([row.subject for row in of_calls])
    out = opt_outs.of_numbers({call.to_number for call in calls.values()})
    return [_envelope(row, earlier.get(row.position), calls, out, numbers) for row in rows]


def body_of(event: Mapping[str, Any]) -> bytes:
    """Return an event of `envelopes` as the body of a request: a CloudEvent in structured mode.

    No attribute of one may be an object; so `changed` stands among its data.
    """
    said = {name: value for name, value in event.items() if name != "changed"}
    if said.get("data") is not None:
        said["data"] = {**said["data"], "changed": event["changed"]}
    return orjson.dumps(said)


def _envelope(
    row: models.FeedRow,
    earlier: Any,
    calls: Mapping[UUID, models.Call],
    out: Mapping[str, Any],
    numbers: Numbers,
) -> dict[str, Any]:
    in_full, changed, data = numbers is Numbers.FULL, row.changed or {}, row.data
    kind = row.type.partition(".")[0]
    if isinstance(data, list):
        call, state = calls.get(row.subject), from_snapshot(data)
        number = call.to_number if call else None
        changed = _changed(earlier, state)
        data = call and call_view(
            call, state, numbers_in_full=in_full, opted_out_at=out.get(call.to_number)
        )
    else:
        shown = {name: data[name] for name in _NUMBERS if data and data.get(name)}
        number = next(iter(shown.values()), None)
        kind = "recipient" if kind == "call" else kind
        if number and not in_full:
            data = {
                **hide_within(data, number, others=False),
                **dict.fromkeys(shown, masked(number)),
            }
    if number and not in_full:
        changed = hide_within(changed, number)
    if number and numbers is Numbers.NONE:
        data, changed = (_without(part, masked(number)) for part in (data, changed))
    return {
        "specversion": "1.0",
        "id": row.id,
        "source": SOURCE,
        "type": row.type,
        "time": to_text(row.recorded_at),
        "subject": row.subject,
        "datacontenttype": "application/json",
        "dataschema": f"urn:obdtrack:{kind}:1",
        "data": data,
        "changed": changed,
    }


def _changed(earlier: Any, state: CallState) -> dict[str, Any] | None:
    """Return the earlier values, as JSON has them, of what stands otherwise now.

    `earlier` is the snapshot before, None if it is not kept; nothing was before a new call.
    """
    if earlier is None:
        return {} if state.status in _FIRST else None
    pairs = zip(_FIELDS, _values(from_snapshot(earlier)), _values(state), strict=True)
    return {
        name: to_text(was) if isinstance(was, datetime) else was
        for name, was, now in pairs
        if was != now
    }


def _without(part: Any, shown: str) -> Any:
    """Return JSON with what is left of a masked number taken out; where it stood alone is null."""
    if isinstance(part, Mapping):
        return {name: _without(value, shown) for name, value in part.items()}
    if part == shown:
        return None
    return in_texts(part, lambda text: text.replace(shown, DOTS))


def _calls_of(call_ids: Collection[UUID]) -> dict[UUID, models.Call]:
    """Return calls by their ids, each with its submission; those that were deleted are left out."""
    calls = bulk_sql.load(models.Call, "id", list(dict.fromkeys(call_ids)))
    wanted = list(dict.fromkeys(call.__data__["submission"] for call in calls))
    submissions = {one.id: one for one in bulk_sql.load(models.Submission, "id", wanted)}
    for call in calls:
        call.submission = submissions[call.__data__["submission"]]
    return {call.id: call for call in calls}
