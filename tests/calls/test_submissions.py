"""One request to the provider for several numbers: each is a call, and stands on its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from obdtrack.access.audit import operator
from obdtrack.access.keys import create_key
from obdtrack.calls import responses
from obdtrack.calls.placing.recover import recover_interrupted
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.rebuild import rebuild
from obdtrack.domain.submission import AcceptedNumber, Failure, SendResponse
from obdtrack.privacy import retention
from obdtrack.privacy.erasure import erase
from obdtrack.privacy.export import export
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import (
    MID,
    Clock,
    ScriptedProvider,
    accepted_list,
    call_log,
    log_row,
)

NUMBERS = ["+918867135001", "+918867135002", "+918867135003"]
KEY = {"Idempotency-Key": "list-7"}


def place(caller: Caller, *numbers: Any, **body: Any) -> Any:
    wanted = {"to": list(numbers) or NUMBERS, "flow_id": "23", **body}
    response = caller.post("/submissions", wanted)
    assert response.status_code == 201, response.json
    return response.json


def statuses(submission: Any) -> list[tuple[str, str | None]]:
    return [(call["status"], call["reason"]) for call in submission["calls"]]


def again(caller: Caller, submission: Any) -> Any:
    return caller.get(f"/submissions/{submission['id']}").json


def test_three_numbers_are_one_request_and_three_calls(
    caller: Caller, provider: ScriptedProvider
) -> None:
    named = {"to": NUMBERS[1], "reference": "order-8", "metadata": {"row": 2}}
    placed = place(caller, NUMBERS[0], named, "+91 88671 35003")
    (sent,) = provider.lists
    assert [request.to for request in sent] == NUMBERS
    assert [call["provider_id"] for call in placed["calls"]] == [f"{MID}:{n}" for n in (1, 2, 3)]
    assert [call["reference"] for call in placed["calls"]] == [None, "order-8", None]
    assert placed["calls"][1]["metadata"] == {"row": 2}
    assert {call["submission_id"] for call in placed["calls"]} == {placed["id"]}
    assert again(caller, placed) == placed


def test_one_number_in_a_list_is_the_same_as_one_call(
    caller: Caller, provider: ScriptedProvider
) -> None:
    placed = place(caller, NUMBERS[0])
    assert statuses(placed) == [("queued", None)]
    assert (len(provider.sent), provider.lists) == (1, [])
    assert caller.get(f"/calls/{MID}").json["id"] == placed["calls"][0]["id"]


def test_its_response_is_stored_once_and_belongs_to_all(caller: Caller) -> None:
    placed = place(caller)
    assert placed["response"]["http_status"] == 200
    rows = [responses.of_call(UUID(call["id"])) for call in placed["calls"]]
    assert len({row.id for (row,) in rows}) == models.ResponseRow.select().count() == 1


@pytest.mark.parametrize(
    ("numbers", "field", "wrong"),
    [
        ([NUMBERS[0], NUMBERS[1], "+91 88671-35001"], "to.2", "one at 0"),
        ([NUMBERS[0], "nobody"], "to.1.to", "Not a phone number"),
        ([NUMBERS[0], {"to": NUMBERS[1], "ref": "x"}], "to.1.ref", "Unknown field"),
        ([], "to", "1 to 100 numbers; this has 0"),
        ([f"+918867135{n:03}" for n in range(101)], "to", "this has 101"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_by_its_place(
    caller: Caller, provider: ScriptedProvider, numbers: list[Any], field: str, wrong: str
) -> None:
    refused = caller.post("/submissions", {"to": numbers, "flow_id": "23"})
    assert refused.status_code == 422
    assert wrong in " ".join(refused.json["errors"][field])
    assert provider.sent == []


def opt_out(number: str) -> None:
    models.OptOutRow.insert(number=number, recorded_at=0).execute()


def test_one_number_on_the_list_of_opt_outs_stops_all_and_is_named(
    caller: Caller, provider: ScriptedProvider, services: Services
) -> None:
    with services.store.write():
        opt_out(NUMBERS[1])
    refused = caller.post("/submissions", {"to": NUMBERS, "flow_id": "23"})
    assert (refused.status_code, list(refused.json["errors"])) == (409, ["to.1"])
    assert "1 of the 3 numbers do not want to be called" in refused.json["detail"]
    assert models.Call.select().count() == len(provider.sent) == 0


def test_with_skip_it_is_left_out_and_the_others_are_called(
    caller: Caller, provider: ScriptedProvider, services: Services
) -> None:
    with services.store.write():
        opt_out(NUMBERS[1])
    provider.on_send_list = accepted_list()
    placed = place(caller, skip=True)
    assert statuses(placed) == [("queued", None), ("skipped", "opted-out"), ("queued", None)]
    assert [request.to for request in provider.sent] == [NUMBERS[0], NUMBERS[2]]
    assert placed["calls"][2]["provider_id"] == f"{MID}:2"
    assert rebuild(services, check=True) == (3, (), 0)


def test_if_all_are_left_out_nothing_is_sent_and_nothing_awaited(
    caller: Caller, provider: ScriptedProvider, services: Services
) -> None:
    with services.store.write():
        opt_out(NUMBERS[0])
        opt_out(NUMBERS[1])
    placed = place(caller, *NUMBERS[:2], skip=True, variables={"otp": "1"})
    assert {status for status, _ in statuses(placed)} == {"skipped"}
    assert (provider.sent, placed["response"]) == ([], None)
    assert placed["settled_at"] is not None
    assert models.Submission.get().variables_encrypted is None


def test_the_guard_looks_at_each_number(
    app: Flask, services: Services, provider: ScriptedProvider
) -> None:
    guarded = replace(services, settings=replace(services.settings, duplicate_guard_seconds=30))
    app.extensions["obdtrack"] = guarded
    caller = Caller(app.test_client(), create_key("guarded", ["read", "place"], guarded))
    place(caller, *NUMBERS[:2])
    refused = caller.post("/submissions", {"to": NUMBERS[1:], "flow_id": "23"})
    assert (refused.status_code, list(refused.json["errors"])) == (409, ["to.0"])
    placed = place(caller, *NUMBERS[1:], skip=True)
    assert statuses(placed)[0] == ("skipped", "called-recently")
    assert caller.place(to=NUMBERS[0]).status_code == 409
    assert len(provider.sent) == 3


def test_the_same_key_and_list_again_place_nothing(
    caller: Caller, provider: ScriptedProvider
) -> None:
    body = {"to": NUMBERS, "flow_id": "23"}
    first = caller.post("/submissions", body, **KEY)
    repeated = caller.post("/submissions", body, **KEY)
    assert (repeated.status_code, repeated.data) == (201, first.data)
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert repeated.headers["Location"] == first.headers["Location"]
    assert len(provider.lists) == 1
    for other in ({**body, "to": NUMBERS[::-1]}, {**body, "skip": True}):
        assert caller.post("/submissions", other, **KEY).status_code == 422


def test_the_list_is_shown_again_if_its_response_was_never_stored(
    caller: Caller, services: Services
) -> None:
    body = {"to": NUMBERS, "flow_id": "23"}
    first = caller.post("/submissions", body, **KEY)
    with services.store.write():
        models.IdempotencyKey.update(body=None).execute()
    assert caller.post("/submissions", body, **KEY).json == first.json


def test_those_not_accepted_and_those_not_listed_are_told_apart(
    caller: Caller, provider: ScriptedProvider, services: Services
) -> None:
    provider.on_send_list = accepted_list(only=(1, 3), accepted=2)
    assert statuses(place(caller))[1] == ("rejected", "not-accepted")
    provider.on_send_list = accepted_list("80fa87e0-9df9-4327-bc80-a561c48703d8", only=(1, 3))
    unlisted = place(caller, *(number.replace("135", "235") for number in NUMBERS))
    assert statuses(unlisted)[1] == ("unknown", "not-listed")
    assert rebuild(services, check=True) == (6, (), 0)


def test_what_the_response_lists_besides_is_noted_and_nobodys(
    caller: Caller, provider: ScriptedProvider
) -> None:
    def with_stranger(requests: Any) -> SendResponse:
        found = accepted_list()(requests)
        stranger = AcceptedNumber(f"{MID}:9", "+918867135999", None, None)
        return found._replace(numbers=(*found.numbers, stranger))

    provider.on_send_list = with_stranger
    placed = place(caller)
    assert placed["notes"] == [
        {"provider_id": f"{MID}:9", "number": "+9188•••••999", "why": "not ours"}
    ]
    caller.report(id=f"{MID}:9", mid=None, to=918867135999)
    assert caller.only_delivery()["outcome"] == "unmatched"


@pytest.mark.parametrize(("accepted", "before"), [(None, "unknown"), (2, "rejected")])
def test_a_report_of_a_number_that_was_not_listed_finds_it_by_the_submission(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    accepted: int | None,
    before: str,
) -> None:
    provider.on_send_list = accepted_list(only=(1, 3), accepted=accepted)
    placed = place(caller)
    assert statuses(placed)[1][0] == before
    caller.report(to=int(NUMBERS[1][1:]), id=f"{MID}:2")
    assert statuses(again(caller, placed))[1] == ("completed", None)
    assert rebuild(services, check=True) == (3, (), 0)


def test_one_id_for_two_numbers_leaves_the_second_unknown(
    caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send_list = lambda requests: SendResponse(
        numbers=tuple(AcceptedNumber(f"{MID}:1", one.to, None, None) for one in requests),
        http_status=200,
        body=b"{}",
    )
    told = statuses(place(caller, *NUMBERS[:2]))
    assert told == [("queued", None), ("unknown", "id-given-twice")]


def test_reports_that_come_early_are_held_and_joined_to_each_number(
    caller: Caller, provider: ScriptedProvider
) -> None:
    def report_first(requests: Any) -> SendResponse:
        caller.report(to=int(NUMBERS[1][1:]))
        caller.report(id=f"{MID}:3", mid=None, to=None, status="BUSY", duration="0")
        return accepted_list()(requests)

    provider.on_send_list = report_first
    told = [status for status, _ in statuses(place(caller))]
    assert told == ["queued", "completed", "busy"]


def test_the_submissions_id_with_a_number_names_a_call_and_alone_names_none(
    caller: Caller, services: Services
) -> None:
    placed = place(caller)
    caller.report(to=int(NUMBERS[2][1:]))
    caller.report(to=None)
    assert [status for status, _ in statuses(again(caller, placed))] == [
        "queued", "queued", "completed",
    ]  # fmt: skip
    newest = caller.get("/deliveries").json["data"][0]
    assert "3 calls of this submission may be meant" in newest["reason"]
    assert rebuild(services, check=True) == (3, (), 0)


# Unknown


def unknown(caller: Caller, provider: ScriptedProvider, clock: Clock, **body: Any) -> Any:
    provider.on_send_list = lambda _: SendResponse(Failure.TIMEOUT)
    placed = place(caller, **body)
    assert statuses(placed) == [("unknown", "timeout")] * 3
    clock.forward(minutes=1)
    return placed


def rows_of(*places: int) -> list[Any]:
    return [
        log_row(
            id=f"{MID}:{n}", to=int(NUMBERS[n - 1][1:]), created_at="2026-11-23 12:00:00",
            start_at="2026-11-23 12:00:05", end_at="2026-11-23 12:00:20",
        )
        for n in places
    ]  # fmt: skip


def look_up(services: Services) -> None:
    check_due(services, 10, lambda _: None)


def test_unknown_numbers_are_looked_for_by_one_question_each_on_its_own_evidence(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    placed = unknown(caller, provider, clock)
    provider.on_find_on = lambda _: call_log(*rows_of(1, 3))
    look_up(services)
    assert [question["numbers"] for question in provider.asked] == [NUMBERS]
    now = again(caller, placed)
    assert [status for status, _ in statuses(now)] == ["completed", "unknown", "completed"]
    kinds = [event["kind"] for event in events_of(caller, now["calls"][1])]
    assert kinds == ["submission", "response", "check"]
    assert rebuild(services, check=True) == (3, (), 0)


def events_of(caller: Caller, call: Any) -> list[Any]:
    found: list[Any] = caller.get(f"/calls/{call['id']}/events").json["data"]
    return found


def test_a_day_in_pages_is_read_to_its_end(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    placed = unknown(caller, provider, clock)
    pages = {1: call_log(*rows_of(1))._replace(next_page=2), 2: call_log(*rows_of(2))}
    provider.on_find_on = pages.__getitem__
    look_up(services)
    assert [question["page"] for question in provider.asked] == [1, 2]
    told = [status for status, _ in statuses(again(caller, placed))]
    assert told == ["completed", "completed", "unknown"]


def test_where_the_day_cannot_be_read_each_number_is_asked_for(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    placed = unknown(caller, provider, clock)
    provider.on_find_on = lambda _: StatusResponse(Failure.ANSWER_TOO_LARGE, http_status=200)
    provider.on_find = lambda to, **_: call_log(*rows_of(NUMBERS.index(to) + 1))
    look_up(services)
    asked_by_number = [question["to"] for question in provider.asked if "to" in question]
    assert asked_by_number == NUMBERS[:1]  # the day was tried a moment ago; the rest come later
    assert statuses(again(caller, placed))[0] == ("completed", None)


def test_a_number_erased_meanwhile_is_not_brought_back(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    unknown(caller, provider, clock)

    def erased_meanwhile(_: int) -> StatusResponse:
        erase(NUMBERS[1], operator(), services)
        return call_log(*rows_of(1, 2, 3))

    provider.on_find_on = erased_meanwhile
    look_up(services)
    kinds = [row.kind for row in models.ResponseRow.select()]
    assert kinds == ["send"]


@pytest.fixture
def admin(app: Flask, services: Services) -> Caller:
    return Caller(app.test_client(), create_key("admin", ["read", "place", "admin"], services))


def test_one_decision_settles_all_that_are_unknown(
    admin: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    placed = unknown(admin, provider, clock)
    one = placed["calls"][0]["id"]
    admin.post(f"/calls/{one}/resolve", {"action": "not-placed"})
    path = f"/submissions/{placed['id']}/resolve"
    provider.on_send_list = accepted_list()
    new = admin.post(path, {"action": "place-again", "note": "asked"}).json
    assert statuses(new) == [("queued", None)] * 2
    assert [call["retry_of"] for call in new["calls"]] == [c["id"] for c in placed["calls"][1:]]
    assert statuses(again(admin, placed)) == [
        ("rejected", "declared-not-placed"), ("unresolved", "placed-again"),
        ("unresolved", "placed-again"),
    ]  # fmt: skip
    assert admin.post(path, {"action": "not-placed"}).status_code == 409
    assert len(provider.lists) == 2


def test_values_of_variables_stay_until_the_last_is_decided(
    admin: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    placed = unknown(admin, provider, clock, variables={"otp": "123456"})
    kept = []
    for call in placed["calls"]:
        kept.append(models.Submission.get().variables_encrypted is not None)
        admin.post(f"/calls/{call['id']}/resolve", {"action": "not-placed"})
    assert kept == [True] * 3
    assert models.Submission.get().variables_encrypted is None


def test_a_process_that_dies_leaves_every_number_unknown(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    def die(_: object) -> SendResponse:
        raise SystemExit

    provider.on_send_list = die
    with pytest.raises(SystemExit):
        place(caller)
    clock.forward(minutes=3)
    assert recover_interrupted(services) == 3
    assert {call.status for call in models.Call.select()} == {"unknown"}


# People


def test_erasing_one_number_touches_no_other_call(
    caller: Caller, provider: ScriptedProvider, services: Services
) -> None:
    answer = accepted_list()
    body = ",".join(NUMBERS).encode()
    provider.on_send_list = lambda requests: answer(requests)._replace(body=body)
    placed = place(caller)
    before = again(caller, placed)
    erase(NUMBERS[1], operator(), services)
    after = again(caller, placed)
    assert [after["calls"][n] for n in (0, 2)] == [before["calls"][n] for n in (0, 2)]
    assert after["calls"][1]["status"] == "unresolved"
    kept = after["response"]["body"]
    assert [number in kept for number in NUMBERS] == [True, False, True]


@pytest.mark.parametrize(("said", "kept"), [("hello", True), ("call 88671 35002", False)])
def test_what_all_hear_is_kept_for_the_others_unless_it_names_the_erased_number(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    clock: Clock,
    said: str,
    kept: bool,
) -> None:
    unknown(caller, provider, clock, variables={"text": said})
    erase(NUMBERS[1], operator(), services)
    assert (models.Submission.get().variables_encrypted is not None) is kept


def test_the_export_of_one_number_holds_no_other(
    caller: Caller, provider: ScriptedProvider, services: Services
) -> None:
    answer = accepted_list()
    body = ",".join(NUMBERS).encode()
    provider.on_send_list = lambda requests: answer(requests)._replace(body=body)
    place(caller)
    (call,) = export(NUMBERS[1], operator(), services)["calls"]
    (stored,) = call["answers"]
    assert NUMBERS[1] in stored["body"]
    assert NUMBERS[0] not in str(call)
    assert NUMBERS[2] not in str(call)


def test_the_response_stays_until_the_last_of_its_calls_is_forgotten(
    caller: Caller, services: Services
) -> None:
    first, *others = [UUID(call["id"]) for call in place(caller)["calls"]]
    left = []
    for ids in ([first], others):
        with services.store.write():
            retention._delete_calls(ids)
        tables = (models.Call, models.Submission, models.ResponseRow)
        left.append([table.select().count() for table in tables])
    assert left == [[2, 1, 1], [0, 0, 0]]


def test_who_may_not_see_numbers_sees_none_in_the_response(
    caller: Caller, reader: Caller, provider: ScriptedProvider
) -> None:
    answer = accepted_list()
    body = ",".join(NUMBERS).encode()
    provider.on_send_list = lambda requests: answer(requests)._replace(body=body)
    shown = str(again(reader, place(caller)))
    assert not any(number[1:] in shown for number in NUMBERS)


def test_a_provider_of_one_number_a_request_refuses_lists(
    app: Flask, services: Services, provider: ScriptedProvider
) -> None:
    caller = Caller(app.test_client(), create_key("tests", ["place"], services))
    provider.most_numbers = 1
    refused = caller.post("/submissions", {"to": NUMBERS, "flow_id": "23"})
    assert refused.status_code == 422
    assert "1 to 1 numbers; this has 3" in refused.json["errors"]["to"][0]


def test_outside_the_hours_the_whole_list_is_refused(
    app: Flask, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    settings = replace(services.settings, calling_window=(time(9), time(21)))
    app.extensions["obdtrack"] = replace(services, settings=settings)
    caller = Caller(app.test_client(), create_key("tests", ["place"], services))
    clock.forward(hours=10)
    refused = caller.post("/submissions", {"to": NUMBERS, "flow_id": "23", "skip": True})
    assert (refused.status_code, provider.sent) == (409, [])
