"""The journal: whatever changes a call goes through it, whole or not at all."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

import obdtrack
from obdtrack.calls import queries
from obdtrack.calls.journal import open_journal
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain.events import Event
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.services import CallChange, Services, new_id
from obdtrack.store import models
from tests.factories import NUMBER, PROVIDER, ScriptedProvider, accepted, call_request, raw_delivery

PRODUCT = Path(obdtrack.__file__).parent
WRITERS = {"obdtrack.calls.writes"}
MAY_WRITE = {"calls/journal.py"}
"""Who names the functions that write."""
FORGETTING = {"privacy/retention_rows.py", "privacy/mentions.py", "operations/move.py"}
"""What deletes, erases in or copies whole tables, whatever they hold."""


def told(services: Services) -> tuple[Services, list[CallChange]]:
    """Services whose journal tells a list of every change."""
    heard: list[CallChange] = []
    return replace(services, listeners=(lambda changes, _: heard.extend(changes),)), heard


def append(services: Services, call_id: UUID, event: Event, then: Exception | None = None) -> None:
    """Append an event in a unit of its own, which ends by `then`."""
    with open_journal(services) as journal:
        journal.calls([call_id])
        journal.append(call_id, event)
        if then is not None:
            raise then


def only_call() -> UUID:
    call_id: UUID = models.Call.get().id
    return call_id


def test_whoever_listens_is_told_of_every_change_of_a_call(
    services: Services, provider: ScriptedProvider
) -> None:
    services, heard = told(services)
    provider.on_send = accepted()
    call_id = place_call(call_request(), None, services)
    twice = [InboundRequest(new_id(), services.now(), raw_delivery(), PROVIDER) for _ in range(2)]
    receive_deliveries(twice, services)
    changes = [(c.before and str(c.before.status), str(c.state.status)) for c in heard]
    assert changes == [
        (None, "submitting"),
        ("submitting", "queued"),
        ("queued", "completed"),
    ]
    assert {change.call_id for change in heard} == {call_id}
    kinds = [Kind.SUBMISSION, Kind.RESPONSE, Kind.REPORT]
    assert [event.kind for event in queries.history([call_id])[call_id]] == kinds
    assert [len(change.path) for change in heard] == [1, 1, 1]


def test_what_a_listener_raises_undoes_the_change(
    services: Services, provider: ScriptedProvider
) -> None:
    place_call(call_request(), None, services)

    def refuse(_: Sequence[CallChange], __: Services) -> None:
        raise RuntimeError("no room")

    call_id, before = only_call(), models.Call.get().status
    event = Event(new_id(), Kind.CHECK, Source.POLL, services.now())
    with pytest.raises(RuntimeError):
        append(replace(services, listeners=(refuse,)), call_id, event)
    assert event not in queries.history([call_id])[call_id]
    assert models.Call.get().status == before


def test_of_a_unit_that_fails_nothing_is_written(
    services: Services, provider: ScriptedProvider
) -> None:
    place_call(call_request(), None, services)
    call_id, events = only_call(), queries.history([only_call()])[only_call()]
    decided = Event(new_id(), Kind.RESOLUTION, Source.PERSON, services.now(), Status.REJECTED, "x")
    with pytest.raises(KeyError):
        append(services, call_id, decided, then=KeyError())
    assert queries.history([call_id])[call_id] == events
    assert rebuild(services, check=True).different == ()


def test_an_event_that_cannot_be_folded_is_not_added(
    services: Services, provider: ScriptedProvider
) -> None:
    place_call(call_request(), None, services)
    call_id = only_call()
    broken = Event(
        new_id(), Kind.REPORT, Source.WEBHOOK, services.now(), Status.BUSY,
        detail={"started_at": "not a time"},
    )  # fmt: skip
    with open_journal(services) as journal:
        journal.calls([call_id])
        journal.read([call_id])
        with pytest.raises(ValueError):
            journal.append(call_id, broken)
    assert broken.id not in {event.id for event in queries.history([call_id])[call_id]}


def test_a_report_and_a_decision_in_one_unit_are_both_kept(
    services: Services, provider: ScriptedProvider
) -> None:
    place_call(call_request(), None, services)
    call_id, now = only_call(), services.now()
    report = Event(new_id(), Kind.REPORT, Source.WEBHOOK, now, Status.BUSY)
    check = Event(new_id(), Kind.CHECK, Source.POLL, now)
    with open_journal(services) as journal:
        journal.calls([call_id])
        journal.read([call_id])  # its row stands for its history
        journal.append(call_id, report)
        journal.seen_again(call_id, report)
        journal.append(call_id, check)
        assert journal.state(call_id).status is Status.BUSY
    kept = {event.id: event for event in queries.history([call_id])[call_id]}
    assert kept[report.id].times_seen == 2
    assert kept.keys() >= {report.id, check.id}
    assert rebuild(services, check=True).figures == 0


@pytest.mark.parametrize("ends", [False, True])
def test_one_more_poll_is_for_a_call_that_still_waits(
    services: Services, provider: ScriptedProvider, ends: bool
) -> None:
    place_call(call_request(), None, services)
    call_id, late = only_call(), services.now() + timedelta(days=30)
    with open_journal(services, now=late) as journal:
        journal.calls([call_id])
        check = Event(new_id(), Kind.CHECK, Source.POLL, late)
        journal.append(call_id, check)
        journal.poll_at(call_id, late)
        if ends:
            journal.append(call_id, Event(new_id(), Kind.REPORT, Source.POLL, late, Status.BUSY))
    assert models.Call.get().next_check_at == (None if ends else late)


def test_nothing_but_the_journal_writes_calls_and_events() -> None:
    naming = {
        str(path.relative_to(PRODUCT))
        for path in PRODUCT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and {node.module, *(f"{node.module}.{name.name}" for name in node.names)} & WRITERS
    }
    assert naming == MAY_WRITE


def test_no_other_module_changes_the_tables_of_calls_and_events() -> None:
    changing = set()
    for path in PRODUCT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                words = ast.unparse(node.func) + "(" + ", ".join(map(ast.unparse, node.args[:1]))
                verb = node.func.attr in {"insert", "insert_many", "update", "delete", "add_up"}
                if verb and any(f"models.{name}" in words for name in ("Call", "EventRow")):
                    changing.add(str(path.relative_to(PRODUCT)))
    assert changing - FORGETTING == {"calls/writes.py"}


def test_the_number_called_is_not_what_a_listener_needs(
    services: Services, provider: ScriptedProvider
) -> None:
    services, heard = told(services)
    place_call(call_request(), None, services)
    assert heard
    assert NUMBER not in repr(heard)
