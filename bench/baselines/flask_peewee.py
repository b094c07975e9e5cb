"""The obvious receiver: Flask and peewee, one transaction for each report, the product's tables."""

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
app.get("/livez")(lambda: "ok")


@app.post("/webhooks/mobtexting")
def receive() -> ResponseReturnValue:
    if not hmac.compare_digest(request.headers.get("Authorization", ""), secret):
        return jsonify(status="unauthorized"), 401
    report, now, mark = request.get_json(), datetime.now(UTC), uuid7()
    with database.connection_context(), database.atomic():
        of_report = (Call.mid == report["mid"]) & (Call.to_number == f"+{report['to']}")
        call = Call.get_or_none(of_report)
        Delivery.create(
            force_insert=True, id=mark, received_at=now, method=request.method,
            query=request.query_string.decode(), content_type=request.content_type or "",
            headers={"user-agent": request.headers.get("User-Agent", "")}, body=request.get_data(),
            outcome="matched" if call else "unmatched", call_id=call and call.id,
            mid=None if call else report["mid"],
        )  # fmt: skip
        if call is not None:
            start, end = (datetime.fromisoformat(f"{report[at]}Z") for at in ("start_at", "end_at"))
            state: dict[str, Any] = {"status": STATUSES.get(report["status"], "failed")}
            EventRow.create(
                force_insert=True, call=call, id=uuid7(), kind="report", source="webhook", **state,
                occurred_at=end, recorded_at=now, delivery_id=mark, detail=report,
            )  # fmt: skip
            state |= {"status_source": "webhook", "status_as_of": end, "started_at": start}
            state |= {"ended_at": end, "duration_seconds": int(report["duration"])}
            state |= {"answered": report["status"] == "ANSWER"}
            Call.update(attempt_count=Call.attempt_count + 1, **state).where(of_report).execute()
    return jsonify(status="ok")
