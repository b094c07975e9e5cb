"""The obvious receiver: Flask and peewee, one transaction for each report.

It writes into the product's tables, as durably, what a good day's work would write: it checks the
secret, finds the call, keeps the raw request, adds an event, and sets the status.
"""

import hmac
import os
from datetime import UTC, datetime
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from uuid_utils.compat import uuid7

from obdtrack.store.database import open_database
from obdtrack.store.models import Call, Delivery, EventRow

STATUSES = {"ANSWER": "completed", "BUSY": "busy", "NOANSWER": "no-answer", "CANCEL": "canceled"}

app = Flask(__name__)
secret = f"Bearer {os.environ['OBDTRACK_WEBHOOK_SECRETS']}"
database = open_database(os.environ["OBDTRACK_DATABASE_URL"])
database.timeout = 30  # many wait for SQLite's one writer


@app.get("/livez")
def livez() -> str:
    return "ok"


@app.post("/webhooks/mobtexting")
def receive() -> ResponseReturnValue:
    if not hmac.compare_digest(request.headers.get("Authorization", ""), secret):
        return jsonify(status="unauthorized"), 401
    report, now, mark = request.get_json(), datetime.now(UTC), uuid7()
    of_report = (Call.mid == report["mid"]) & (Call.to_number == f"+{report['to']}")
    with database.connection_context(), database.atomic():
        call = Call.get_or_none(of_report)
        raw: dict[str, Any] = {"method": request.method, "query": request.query_string.decode()}
        raw |= {"content_type": request.content_type or "", "body": request.get_data()}
        raw |= {"headers": {"user-agent": request.headers.get("User-Agent", "")}}
        found = {"outcome": "unmatched", "mid": report["mid"]}
        if call is not None:
            found = {"outcome": "matched", "call_id": call.id}
        Delivery.create(force_insert=True, id=mark, received_at=now, **raw, **found)
        if call is not None:
            start, end = (datetime.fromisoformat(f"{report[at]}Z") for at in ("start_at", "end_at"))
            status, length = STATUSES.get(report["status"], "failed"), int(report["duration"])
            fact = {"kind": "report", "source": "webhook", "status": status, "detail": report}
            fact |= {"occurred_at": end, "recorded_at": now, "delivery_id": mark}
            EventRow.create(force_insert=True, call=call, id=uuid7(), **fact)
            call.status, call.status_source, call.status_as_of = status, "webhook", end
            call.started_at, call.ended_at, call.duration_seconds = start, end, length
            call.answered, call.attempt_count = status == "completed", call.attempt_count + 1
            call.save(only=call.dirty_fields)
    return jsonify(status="ok")
