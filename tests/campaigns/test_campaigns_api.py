"""Campaigns over the REST API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Caller

ON_SQLITE = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
"""For what is refused whichever the database is."""
BODY = {"name": "diwali", "flow_id": "23", "variables": {"shop": "Anand"}, "budget": "1500.50"}


def edit(caller: Caller, path: str, **changes: Any) -> Any:
    return caller.client.patch(f"/api/v1{path}", json=changes, headers=caller.headers)


def test_a_campaign_is_created_as_a_draft_and_found_by_id_and_name(caller: Caller) -> None:
    made = caller.post("/campaigns", BODY)
    assert made.status_code == 201
    shown = made.json
    assert (shown["state"], shown["variables"], shown["budget"]) == ("draft", ["shop"], "1500.50")
    assert shown["allowed"] == ["edit", "check", "stop"]
    assert shown["stop_if"] == {"failed_percent": 50, "of_last": 20, "minimum": 5}
    assert shown["totals"]["ready"] == shown["totals"]["no-answer"] == 0
    assert caller.get(f"/campaigns/{shown['id']}").json == shown
    assert caller.client.get(made.headers["Location"], headers=caller.headers).json == shown
    assert caller.get("/campaigns/diwali").json == shown
    assert caller.get("/campaigns").json["data"] == [shown]


@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"budget": 1500.5}, "budget"),
        ({"calling_window": "9-9"}, "calling_window"),
        ({"retries": {"on": ["unknown"], "times": 1}}, "retries.on"),
        ({"retries": {"times": 9}}, "retries.times"),
        ({"stop_if": {"failed_percent": 0}}, "stop_if.failed_percent"),
        ({"start_at": "2026-11-23"}, "start_at"),
        ({"per_minute": "60"}, "per_minute"),
        ({"flow_id": None}, "flow_id"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    caller: Caller, changes: dict[str, Any], field: str
) -> None:
    refused = caller.post("/campaigns", {**BODY, **changes})
    assert (refused.status_code, list(refused.json["errors"])) == (422, [field])
    assert caller.get("/campaigns").json["data"] == []


def test_a_part_of_a_plan_is_changed_and_the_rest_stays(caller: Caller) -> None:
    caller.post("/campaigns", {**BODY, "retries": {}})
    changed = edit(caller, "/campaigns/diwali", audio="7", flow_id=None, retries=None)
    assert changed.status_code == 200
    shown = changed.json
    assert (shown["audio"], shown["flow_id"], shown["retries"]) == ("7", None, None)
    assert (shown["budget"], shown["variables"]) == ("1500.50", ["shop"])
    assert edit(caller, "/campaigns/diwali", flow_id="23").status_code == 422
    assert edit(caller, "/campaigns/holi", per_minute=1).status_code == 404


@ON_SQLITE
def test_reading_is_not_writing(caller: Caller, reader: Caller) -> None:
    caller.post("/campaigns", BODY)
    assert reader.get("/campaigns/diwali").status_code == 200
    assert reader.post("/campaigns", {**BODY, "name": "holi"}).status_code == 403
    assert edit(reader, "/campaigns/diwali", per_minute=1).status_code == 403
