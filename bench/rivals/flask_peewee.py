"""The obvious receiver: Flask and peewee, one transaction for each report.

It writes into the product's own tables, with the product's durability, and does what a good day's
work would do: check the secret, find the call, keep the raw request, add an event, set the status.
"""

from __future__ import annotations

import hmac
import os
from datetime import UTC, datetime

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from peewee import Database
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase
from uuid_utils.compat import uuid7

from obdtrack.store.models import Call, Delivery, EventRow
from obdtrack.store.schema import TABLES

_STATUSES = {
    "ANSWER": "completed",
    "BUSY": "busy",
    "NOANSWER": "no-answer",
    "CANCEL": "canceled",
    "CONGESTION": "failed",
    "CHANUNAVAIL": "failed",
}
_PRAGMAS = (
    ("journal_mode", "wal"),
    ("synchronous", "full"),
    ("foreign_keys", 1),
    ("busy_timeout", 30_000),
)


def _database(url: str) -> Database:
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:///")
        return PooledSqliteDatabase(
            path,
            pragmas=_PRAGMAS,
            lock_type="IMMEDIATE",
            max_connections=None,
            check_same_thread=False,
        )
    return PooledPostgresqlDatabase(url, max_connections=64, timeout=30, prefer_psycopg3=True)


app = Flask(__name__)
secret = f"Bearer {os.environ['BENCH_SECRET']}"
database = _database(os.environ["BENCH_DATABASE_URL"])
database.bind(TABLES, bind_refs=False, bind_backrefs=False)


@app.get("/livez")
def livez() -> str:
    return "ok"


@app.post("/webhooks/mobtexting")
def receive() -> ResponseReturnValue:
    if not hmac.compare_digest(request.headers.get("Authorization", ""), secret):
        return jsonify(status="unauthorized"), 401
    report = request.get_json()
    now = datetime.now(UTC)
    with database.connection_context(), database.atomic():
        call = Call.get_or_none(
            (Call.mid == report["mid"]) & (Call.to_number == f"+{report['to']}")
        )
        delivery = _store(report, call, now)
        if call is not None:
            _apply(report, call, delivery, now)
    return jsonify(status="ok")


def _store(report: dict[str, object], call: Call | None, now: datetime) -> Delivery:
    return Delivery.create(
        force_insert=True,
        id=uuid7(),
        received_at=now,
        method=request.method,
        query=request.query_string.decode(),
        headers={"user-agent": request.headers.get("User-Agent", "")},
        content_type=request.content_type or "",
        body=request.get_data(),
        outcome="matched" if call else "unmatched",
        call_id=call.id if call else None,
        mid=None if call else report["mid"],
    )


def _apply(report: dict[str, str], call: Call, delivery: Delivery, now: datetime) -> None:
    status = _STATUSES[report["status"]]
    ended = datetime.fromisoformat(report["end_at"]).replace(tzinfo=UTC)
    EventRow.create(
        force_insert=True,
        call=call,
        id=uuid7(),
        kind="report",
        source="webhook",
        status=status,
        occurred_at=ended,
        recorded_at=now,
        delivery_id=delivery.id,
        detail=report,
    )
    call.status = status
    call.status_source = "webhook"
    call.status_as_of = ended
    call.answered = status == "completed"
    call.started_at = datetime.fromisoformat(report["start_at"]).replace(tzinfo=UTC)
    call.ended_at = ended
    call.duration_seconds = int(report["duration"])
    call.attempt_count += 1
    call.save(only=call.dirty_fields)
