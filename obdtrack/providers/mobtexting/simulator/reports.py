"""Writing the report of one dialling, in the default body or as a customer composed it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from obdtrack.providers.mobtexting.simulator.calls import Dialling, SimulatedCall
from obdtrack.providers.mobtexting.simulator.config import wire_time
from obdtrack.providers.mobtexting.simulator.scenarios import ReportShape

_PICKED_UP = frozenset({"ANSWER", "COMPLETED"})


class Message(NamedTuple):
    """An HTTP request to a webhook, all but the address and the secret."""

    method: str
    query: Mapping[str, str]
    body: bytes
    content_type: str | None


def reports_of(call: SimulatedCall, dialling: Dialling) -> list[Message]:
    """Return what is posted for one dialling: every word of it, as often as the fate says."""
    write = _WRITERS[call.fate.shape]
    messages = [write(_record(call, dialling, word)) for word in dialling.words]
    return [message for message in messages for _ in range(call.fate.copies)]


def _record(call: SimulatedCall, dialling: Dialling, word: str) -> dict[str, Any]:
    """Return all that a report can tell, by the names of the provider's placeholders."""
    flow_id = call.order.flow_id
    return {
        "id": call.id,
        "bridge": int(call.order.bridge),
        "from": int(call.order.bridge),
        "to": int(call.to),
        "source": "OBD",
        "mid": call.mid,
        "flow_id": int(flow_id) if flow_id and flow_id.isdecimal() else flow_id,
        "start_at": wire_time(dialling.started_at),
        "end_at": wire_time(dialling.ended_at),
        "duration": str(dialling.duration_seconds),
        "status": word,
        "recording_url": call.recording_url if word in _PICKED_UP else "",
        "dtmf": call.fate.dtmf,
    }


def _default_body(record: Mapping[str, Any]) -> str:
    """Write the documented body, which knows neither `id` nor `dtmf`."""
    shown = {key: value for key, value in record.items() if key not in ("id", "dtmf")}
    return json.dumps(shown, indent=1)


def _as_json(record: Mapping[str, Any]) -> Message:
    return Message("POST", {}, _default_body(record).encode(), "application/json")


def _as_trailing_comma(record: Mapping[str, Any]) -> Message:
    body = _default_body(record).removesuffix("\n}") + ",\n}"
    return Message("POST", {}, body.encode(), "application/json")


def _as_get(record: Mapping[str, Any]) -> Message:
    query = {"call_id": record["id"], "to": str(record["to"]), "message_status": record["status"]}
    times = {key: record[key] for key in ("start_at", "end_at")}
    return Message("GET", query | times, b"", None)


def _as_form(record: Mapping[str, Any]) -> Message:
    keys = ("id", "to", "status", "start_at", "end_at", "duration", "dtmf", "recording_url")
    body = urlencode({key: record[key] for key in keys})
    return Message("POST", {}, body.encode(), "application/x-www-form-urlencoded")


_WRITERS: Mapping[ReportShape, Callable[[Mapping[str, Any]], Message]] = {
    ReportShape.JSON: _as_json,
    ReportShape.TRAILING_COMMA: _as_trailing_comma,
    ReportShape.GET: _as_get,
    ReportShape.FORM: _as_form,
}
