"""What these tests tell the application, and how they look into its database."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from obdtrack.access import audit
from obdtrack.access.keys import create_key
from obdtrack.calls.polling.check import check_call
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database import Store
from obdtrack.store.schema import TABLES
from obdtrack.store.sqlite import SqliteStore
from tests.conftest import Caller
from tests.factories import (
    NUMBER,
    SECRET,
    ScriptedProvider,
    accepted,
    call_log,
    log_row,
)

OTHER = "+919988776655"
DIGITS = NUMBER[1:]
NATIONAL = DIGITS[2:]
SPACED = "+91 88671 35001"

on_sqlite = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)

WRITTEN = [text.encode() for text in (DIGITS, NATIONAL, SPACED, "88671-35001", quote(SPACED))]
WRITTEN.append(DIGITS.encode("utf-16-le"))


def tell_everything(caller: Caller, services: Services, provider: ScriptedProvider) -> str:
    """Bring the number into every place it can come to; returns the id of its call."""
    provider.on_send = lambda request: replace(
        accepted()(request), body=json.dumps({"data": [{"mobile": int(DIGITS)}]}).encode()
    )
    about = {"reference": f"for {SPACED}", "metadata": {"phone": int(DIGITS), "of": [SPACED]}}
    body = {"to": NUMBER, "flow_id": "23", "name": f"otp-{NATIONAL}", **about}
    call = caller.post("/calls", body, **{"Idempotency-Key": f"otp-{DIGITS}"}).json
    caller.report(callerid=int(DIGITS), note=f"tel:{SPACED}")
    caller.report(to=f"0{NATIONAL}", mid="of-nobody")
    caller.deliver("", query_string={"mid": "x", "to": SPACED}, method="GET")
    caller.deliver(f"id=unknown%3A1&to={quote(SPACED)}&phone=%2B{DIGITS}")
    caller.deliver(f'{{"to": "{NATIONAL[:5]}-{NATIONAL[5:]}"'.encode() + b"\xff\xfe")
    caller.deliver(DIGITS.encode("utf-16-le"))
    caller.deliver("{}", headers={"Authorization": f"Bearer {SECRET}", "User-Agent": DIGITS})
    provider.on_find = lambda **_: call_log(log_row(to=int(DIGITS), dtmf="1"))
    check_call(models.Call.get().id, services)
    opt_out(caller)
    return str(call["id"])


def opt_out(caller: Caller, number: str = NUMBER) -> None:
    """The provider tells that a number does not want to be called."""
    body = {"id": "u-1", "receiver": number[1:], "type": "all", "value": "*",
            "created_at": "2026-11-20T12:59:01.000000Z", "status": "1"}  # fmt: skip
    response = caller.deliver(json.dumps({"event": "voice:unsubscription", "payload": body}))
    assert response.status_code == 200


def with_scopes(app: Flask, services: Services, *scopes: str, name: str = "boss") -> Caller:
    """A caller whose key has these scopes."""
    return Caller(app.test_client(), create_key(name, scopes, services))


def trace(action: str) -> list[Any]:
    """The audit's entries with this action, newest first."""
    return [row for row in audit.newest(1000) if row.action == action]


def rows(store: Store) -> dict[str, int]:
    """How many rows each table has that has any."""
    with store.connection_context():
        counted = {table._meta.table_name: table.select().count() for table in TABLES}
    return {name: count for name, count in counted.items() if count}


def everything(store: Store) -> bytes:
    """All that is stored: every byte of SQLite's files, or every row as PostgreSQL writes it."""
    if isinstance(store, SqliteStore):
        path = Path(store.database)
        found = sorted(path.parent.glob(f"{path.name}*"))
        # By another process: closing one of these files here would drop the locks SQLite holds.
        return subprocess.check_output(["cat", *found])
    with store.connection_context():
        texts = [
            store.execute_sql(f'SELECT t::text FROM "{table._meta.table_name}" t').fetchall()
            for table in TABLES
        ]
        bodies = store.execute_sql(
            "SELECT body FROM deliveries UNION ALL SELECT body FROM responses"
        )
        raw = b"\n".join(bytes(body or b"") for (body,) in bodies.fetchall())
    return "\n".join(row for rows in texts for (row,) in rows).encode() + raw


def leave_no_files(store: Store) -> None:
    """Have PostgreSQL's files hold nothing of what other tests have stored and deleted."""
    with store.connection_context():
        names = ", ".join(table._meta.table_name for table in TABLES)
        store.execute_sql(f"TRUNCATE {names}")


def files_of(store: Store) -> dict[str, bytes]:
    """What PostgreSQL has on disk of each table, index and overflow table of its own."""
    with store.connection_context():
        store.execute_sql("CHECKPOINT")
        ((folder,),) = store.execute_sql("SHOW data_directory").fetchall()
        kept = store.execute_sql(
            "SELECT relname, pg_relation_filepath(oid) FROM pg_class"
        ).fetchall()
    return {
        name: b"".join(file.read_bytes() for file in Path(folder).glob(f"{path}*"))
        for name, path in kept
        if path
    }
