"""A list becomes recipients of a campaign: once, whatever happens on the way."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from werkzeug.test import TestResponse

from obdtrack.access import audit
from obdtrack.campaigns import imports
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.web.api.campaign_schemas import RecipientSchema
from tests.conftest import Caller

ON_SQLITE = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
"""For what is refused whichever the database is."""
LIST = "Phone,Name\n918867135001,Asha\n12345,Ravi\n+91 88671 35001,Mira\n918867135002,Uma\n"
HOW = {"to": "Phone", "variables.name": "Name"}


@pytest.fixture
def campaign(caller: Caller) -> Any:
    return caller.post("/campaigns", {"name": "diwali", "flow_id": "23"}).json


def send(
    caller: Caller, body: str | bytes = LIST, kind: str = "text/csv", **query: Any
) -> TestResponse:
    return caller.client.post(
        "/api/v1/campaigns/diwali/recipients",
        data=body,
        headers={**caller.headers, "Content-Type": kind},
        query_string={**HOW, **query},
    )


def numbers(count: int) -> str:
    lines = (f"+9188671{number:05},N{number}" for number in range(count))
    return "Phone,Name\n" + "\n".join(lines) + "\n"


def stand(state: str) -> None:
    models.Campaign.update(state=state).execute()


@pytest.mark.usefixtures("campaign")
def test_what_came_of_each_row_is_said_and_stored(caller: Caller, reader: Caller) -> None:
    made = send(caller)
    assert made.status_code == 201
    came = made.json
    assert [came[name] for name in ("rows", "ready", "invalid", "duplicate")] == [4, 2, 1, 1]
    bad = {"row": 3, "column": "Phone", "value": "12345", "reason": "too short"}
    twin = {
        "row": 4,
        "column": "Phone",
        "value": "+918867135001",
        "reason": "the same number as row 2",
    }
    assert (came["errors"], came["duplicates"]) == ([bad], [twin])
    totals = caller.get("/campaigns/diwali").json["totals"]
    assert [totals[name] for name in ("ready", "invalid", "duplicate")] == [2, 1, 1]
    rows = caller.get("/campaigns/diwali/recipients").json["data"]
    assert rows == RecipientSchema(many=True).dump(rows)
    assert [(row["row"], row["status"], row["to"]) for row in rows] == [
        (4, "duplicate", "+918867135001"),
        (3, "invalid", None),
        (2, "scheduled", "+918867135001"),
        (5, "scheduled", "+918867135002"),
    ]
    shown = reader.get("/campaigns/diwali/recipients", status="invalid").json["data"]
    assert [error["value"] for error in shown[0]["errors"]] == ["••345"]
    assert "8867135" not in reader.get("/campaigns/diwali/recipients").text


@pytest.mark.usefixtures("campaign")
def test_the_same_file_again_is_the_same_import(caller: Caller, services: Services) -> None:
    first, again = send(caller), send(caller)
    assert again.status_code == 201
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    other = send(caller, default_country="IN")
    assert (other.json["ready"], other.json["duplicate"]) == (0, 3)
    assert other.json["duplicates"][0]["reason"] == "the same number as row 2 of an earlier file"
    with services.store.connection_context():
        assert models.Recipient.select().count() == 8
        imported = [row for row in audit.newest(9) if row.action == "recipients-imported"]
        assert [row.detail["ready"] for row in imported] == [0, 2]


@pytest.mark.usefixtures("campaign")
def test_values_of_variables_are_not_readable_and_the_others_are_not_kept(
    caller: Caller, services: Services
) -> None:
    send(caller)
    with services.store.connection_context():
        kept = {row.row: row.variables_encrypted for row in models.Recipient.select()}
        opened = {row: sealed and services.encryption.open(sealed) for row, sealed in kept.items()}
        assert opened == {2: {"name": "Asha"}, 3: None, 4: None, 5: {"name": "Uma"}}
        assert b"Asha" not in b"".join(sealed for sealed in kept.values() if sealed)


@pytest.mark.usefixtures("campaign")
def test_pages_of_recipients_have_each_once(caller: Caller, monkeypatch: Any) -> None:
    monkeypatch.setattr(imports, "BATCH", 3)
    send(caller, numbers(8))
    seen, cursor = [], {}
    while True:
        page = caller.get("/campaigns/diwali/recipients", limit="3", **cursor).json
        seen += [row["row"] for row in page["data"]]
        if not page["next_cursor"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == list(range(2, 10))


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize("batches", [0, 1, 2])
def test_an_import_that_died_half_way_goes_on_when_the_file_comes_again(
    caller: Caller, services: Services, monkeypatch: Any, batches: int
) -> None:
    class KilledError(BaseException):
        pass

    store, stored = imports._store, []

    def store_or_die(*args: Any) -> Any:
        if len(stored) == batches:
            raise KilledError
        stored.append(args)
        return store(*args)

    monkeypatch.setattr(imports, "BATCH", 3)
    monkeypatch.setattr(imports, "_store", store_or_die)
    with pytest.raises(KilledError):
        send(caller, numbers(8))
    monkeypatch.setattr(imports, "_store", store)
    with services.store.connection_context():
        made = models.RecipientImport.get()
        with pytest.raises(Exception, match="has not come to its end"):
            imports.require_complete(made.campaign_id)
    came = send(caller, numbers(8)).json
    assert (came["rows"], came["ready"], came["duplicate"]) == (8, 8, 0)
    with services.store.connection_context():
        found = Counter(row.to_number for row in models.Recipient.select())
        assert (len(found), found.total()) == (8, 8)
    assert caller.get("/campaigns/diwali").json["totals"]["ready"] == 8


@pytest.mark.usefixtures("campaign")
def test_of_two_requests_with_one_file_only_one_stores_a_row(
    caller: Caller, services: Services, monkeypatch: Any
) -> None:
    store, others = imports._store, []

    def meanwhile(kept: Any, read: Any, progress: Any, services: Services) -> Any:
        if not others:
            others.append(store(kept, read, progress, services))
        return store(kept, read, progress, services)

    monkeypatch.setattr(imports, "_store", meanwhile)
    assert send(caller).status_code == 409
    monkeypatch.setattr(imports, "_store", store)
    assert send(caller).json["ready"] == 2
    with services.store.connection_context():
        assert models.Recipient.select().count() == 4


def test_it_is_imported_only_into_what_may_be_edited_and_checked_is_a_draft_again(
    caller: Caller, services: Services, campaign: Any
) -> None:
    for count, (state, after) in enumerate((("checked", "draft"), ("paused", "paused")), 1):
        with services.store.connection_context():
            stand(state)
        assert send(caller, numbers(count)).status_code == 201
        assert caller.get(f"/campaigns/{campaign['id']}").json["state"] == after
    with services.store.connection_context():
        stand("running")
    refused = send(caller, numbers(3))
    assert refused.status_code == 409
    assert "pause, stop" in refused.json["detail"]
    assert send(caller, numbers(2)).headers["Idempotent-Replayed"] == "true"


@pytest.mark.usefixtures("campaign")
def test_a_campaign_that_is_started_meanwhile_takes_no_more(
    caller: Caller, services: Services, monkeypatch: Any
) -> None:
    store = imports._store

    def store_then_start(*args: Any) -> Any:
        progress = store(*args)
        stand("running")
        return progress

    monkeypatch.setattr(imports, "BATCH", 3)
    monkeypatch.setattr(imports, "_store", store_then_start)
    assert send(caller, numbers(8)).status_code == 409
    with services.store.connection_context():
        assert models.Recipient.select().count() == 3


@pytest.mark.usefixtures("campaign")
def test_a_preview_shows_the_guess_and_stores_nothing(caller: Caller, services: Services) -> None:
    body = "Mobile,Shop\n918867135001,Anand\n"
    path = "/api/v1/campaigns/diwali/recipients?preview=true"
    headers = {**caller.headers, "Content-Type": "text/csv"}
    shown = caller.client.post(path, data=body, headers=headers)
    assert shown.status_code == 200
    assert shown.json["mapping"] == {"to": "Mobile"}
    assert shown.json["unused_columns"] == ["Shop"]
    assert [row["to"] for row in shown.json["first"]] == ["+918867135001"]
    with services.store.connection_context():
        assert not models.RecipientImport.select().exists()


@ON_SQLITE
@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"to": "Telephone"}, 422, "to"),
        ({"variables.1st": "Name"}, 422, "variables.1st"),
        ({"speed": "1"}, 422, "speed"),
        ({"default_country": "in"}, 422, "default_country"),
        ({"default_country": "ZZ"}, 422, "default_country"),
        ({"delimiter": "dot"}, 422, "delimiter"),
        ({"kind": "application/json"}, 415, None),
        ({"body": "Phone\n" + "\n" * 9}, 422, "file"),
        ({"body": "Phone," + "x" * 201 + "\n918867135001,1\n"}, 422, "file"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    caller: Caller, changes: dict[str, Any], status: int, field: str | None
) -> None:
    refused = send(caller, **changes)
    assert refused.status_code == status
    assert list(refused.json.get("errors", {})) == ([field] if field else [])


@ON_SQLITE
@pytest.mark.usefixtures("campaign")
def test_a_list_that_is_too_long_is_refused_before_it_is_stored(
    caller: Caller, services: Services, monkeypatch: Any
) -> None:
    monkeypatch.setattr("obdtrack.campaigns.recipient_files.MOST_ROWS", 7)
    assert list(send(caller, numbers(8)).json["errors"]) == ["file"]
    monkeypatch.setattr("obdtrack.web.api.campaigns.MOST_BYTES", 50)
    assert send(caller, numbers(7)).status_code == 413
    with services.store.connection_context():
        assert not models.Recipient.select().exists()


@pytest.mark.usefixtures("campaign")
def test_the_column_of_numbers_is_guessed_if_only_the_others_were_named(caller: Caller) -> None:
    made = send(caller, to=None)
    assert made.json["mapping"] == HOW


@ON_SQLITE
@pytest.mark.usefixtures("campaign")
def test_a_reader_imports_nothing(reader: Caller) -> None:
    assert send(reader).status_code == 403
