"""Events of the feed as others get them: CloudEvents 1.0 in JSON, with numbers as far as allowed.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from obdtrack.calls import opt_outs
from obdtrack.calls.representation import call_view
from obdtrack.calls.states import from_snapshot
from obdtrack.domain.feed import Numbers
from obdtrack.domain.phone import masked
from obdtrack.domain.redaction import DOTS, hide_within, in_texts
from obdtrack.domain.times import to_text
from obdtrack.store import bulk_sql, models

SOURCE = "/obdtrack"
"""What the ids of events are unique within."""

_NUMBERS = ("to", "number")
"""Where the data of what is no call has a person's number."""


def envelopes(rows: Sequence[models.FeedRow], numbers: Numbers) -> list[dict[str, Any]]:
    """Return events, JSON-ready, with as much of numbers as `numbers` says.

    `data` is the call, or what else it is about, as the API shows it; where a call stood then, and
    not where it stands now. It is null if the call has been deleted since.
    """
    calls = _calls_of([row.subject for row in rows if isinstance(row.data, list)])
    out = opt_outs.of_numbers({call.to_number for call in calls.values()})
    return [_envelope(row, calls, out, numbers) for row in rows]


def _envelope(
    row: models.FeedRow, calls: Mapping[UUID, models.Call], out: Mapping[str, Any], numbers: Numbers
) -> dict[str, Any]:
    in_full, changed, data = numbers is Numbers.FULL, row.changed or {}, row.data
    if isinstance(data, list):
        call = calls.get(row.subject)
        number = call.to_number if call else None
        data = call and call_view(
            call,
            from_snapshot(data),
            numbers_in_full=in_full,
            opted_out_at=out.get(call.to_number),
        )
    else:
        shown = {name: data[name] for name in _NUMBERS if data and data.get(name)}
        number = next(iter(shown.values()), None)
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
        "dataschema": f"urn:obdtrack:{row.type.partition('.')[0]}:1",
        "data": data,
        "changed": changed,
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
