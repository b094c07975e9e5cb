"""What the provider says about calls, in the words of both generations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

from obdtrack.providers.mobtexting.simulator.call_store import LoggedCall
from obdtrack.providers.mobtexting.simulator.calls import SimulatedCall
from obdtrack.providers.mobtexting.simulator.config import Generation, wire_time
from obdtrack.providers.mobtexting.simulator.scenarios import Listing

QUEUED = "queued"
CHARGES = "0.5000"
STRANGER = "919999900000"

Body = dict[str, Any]


def accepted_body(calls: Sequence[SimulatedCall], generation: Generation) -> Body:
    """Return the success body for `calls`, which may be none; each is listed as its fate says."""
    entry = _ENTRIES[generation]
    listed = [_LISTINGS[call.fate.listing](entry(call)) for call in calls]
    data = [one for entries in listed for one in entries]
    if generation == "2024":
        return {"status": "OK", "message": "Calls queued successfully", "data": data}
    count = sum(max(1, len(entries)) for entries in listed)
    return {"status": 200, "message": f"{count} numbers accepted for delivery.", "data": data}


def _entry_2019(call: SimulatedCall) -> Body:
    return {
        "id": call.id,
        "mobile": call.to,
        "charges": CHARGES,
        "customid": "",
        "customid1": "",
        "iso_code": None,
        "submitted_at": wire_time(call.placed_at),
    }


def _entry_2024(call: SimulatedCall) -> Body:
    return {
        "id": call.id,
        "channel": "outgoing",
        "caller_id": call.order.bridge,
        "mobile": call.to,
        "flow_id": call.order.flow_id,
        "credits": 1,
        "created_at": call.placed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "foreign_id": None,
        "options": None,
        "status": QUEUED,
    }


_ENTRIES: Mapping[Generation, Callable[[SimulatedCall], Body]] = {
    "2019": _entry_2019,
    "2024": _entry_2024,
}


_LISTINGS: Mapping[Listing, Callable[[Body], list[Body]]] = {
    Listing.PLAIN: lambda entry: [entry],
    Listing.UNLISTED: lambda _: [],
    Listing.WITH_STRANGER: lambda entry: [entry, entry | {"id": str(uuid4()), "mobile": STRANGER}],
    Listing.WITHOUT_MOBILE: lambda entry: [
        {key: value for key, value in entry.items() if key != "mobile"}
    ],
}


def status_body(entries: Sequence[LoggedCall]) -> Body:
    """Return the answer to a question after calls; each is told in the words it was accepted in."""
    rows = [_ROWS[entry.call.generation](entry) for entry in entries]
    return {"status": 200, "message": "OK", "data": rows}


def status_word(entry: LoggedCall) -> str:
    """Return the provider's word for where a call stands."""
    return QUEUED if entry.last is None else entry.last.words[-1]


def _row_2019(entry: LoggedCall) -> Body:
    call, last = entry
    return {
        "id": call.id,
        "mobile": call.to,
        "caller_id": call.order.bridge,
        "duration": last and f"{timedelta(seconds=last.duration_seconds)!s:0>8}",
        "pulsing": "30",
        "status": status_word(entry),
        "charges": CHARGES,
        "dtmf": call.fate.dtmf or None,
        "location": "IN",
        "provider": "RJ",
        "start_at": last and wire_time(last.started_at),
        "end_at": last and wire_time(last.ended_at),
    }


def _row_2024(entry: LoggedCall) -> Body:
    call, last = entry
    return {
        "id": call.id,
        "channel": "outgoing",
        "from": call.order.bridge,
        "to": call.to,
        "created_at": wire_time(call.placed_at),
        "foreign_id": "",
        "status": status_word(entry),
        "start_at": wire_time(last.started_at) if last else "",
        "end_at": wire_time(last.ended_at) if last else "",
        "dtmf": call.fate.dtmf,
    }


_ROWS: Mapping[Generation, Callable[[LoggedCall], Body]] = {"2019": _row_2019, "2024": _row_2024}
