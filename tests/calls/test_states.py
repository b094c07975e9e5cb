"""The whole state of a call lies in its row: reading folds nothing, and shows what folding would.

That it agrees with folding is checked at the end of every test that uses `services` (conftest).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from obdtrack.calls import states
from obdtrack.calls.journal import open_journal
from obdtrack.calls.queries import STATE_COLUMNS
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.states import rest_of, state_row, states_of
from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.store.columns import dumps
from tests.conftest import Caller
from tests.domain.test_fold_order import a_response, of_any_kind, some_interval
from tests.factories import ScriptedProvider, claim, report, story
from tests.stored_states import wrongly_stored


def stored_and_read(state: CallState) -> CallState:
    """The state as it comes back from a row that holds it."""
    columns = dict(zip(STATE_COLUMNS, state_row(state), strict=True))
    call = models.Call(id=new_id(), state=json.loads(dumps(rest_of(state))), **columns)
    return states_of([call])[call.id]


@settings(deadline=None, max_examples=300)
@given(of_any_kind, some_interval, a_response)
def test_whatever_was_reported_a_state_is_read_as_it_was_folded(told, interval, response):
    state = fold(story(response, *told), interval)
    assert stored_and_read(state) == state


def test_attempts_that_differ_from_their_call_keep_all_that_is_theirs() -> None:
    first = report("BUSY", start=1, end=2, dtmf="1", charges="0.10", recording_url="https://a.b")
    state = fold(story(claim(Status.QUEUED), first, report("ANSWER", start=9)), 5)
    assert [attempt.dtmf for attempt in stored_and_read(state).attempts] == ["1", None]
    assert stored_and_read(state) == state


def shown(caller: Caller) -> list[Any]:
    """What every reader is shown of the one call."""
    call = caller.get("/calls").json["data"][0]
    return [
        call,
        caller.get(f"/calls/{call['id']}").json,
        caller.get(f"/calls/{call['id']}/events").json,
    ]


def forget_states() -> None:
    """Leave rows as an older version wrote them."""
    models.Call.update(state=None).execute()


def reported(caller: Caller) -> None:
    caller.place(interval=5)
    caller.report(status="BUSY", recording_url="https://recordings.example/1.wav")


def test_the_api_folds_nothing_to_read(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    reported(caller)

    def refuse(*_: object) -> CallState:
        raise AssertionError("folded to read")

    monkeypatch.setattr(states, "fold", refuse)
    call, alone, events = shown(caller)
    assert (call, len(events["data"])) == (alone, 3)
    assert call["attempts"][0]["recording_url"] == "https://recordings.example/1.wav"


def test_a_row_of_an_older_version_is_read_as_it_would_be_stored(caller: Caller) -> None:
    reported(caller)
    before = shown(caller)
    forget_states()
    assert shown(caller) == before


def test_the_next_event_of_a_call_fills_in_what_an_older_version_left_out(caller: Caller) -> None:
    reported(caller)
    forget_states()
    caller.report(start_at="2026-11-23 12:30:00", end_at="2026-11-23 12:31:00")
    assert models.Call.get().state is not None
    assert wrongly_stored() == []


def test_rebuild_fills_in_what_an_older_version_left_out_and_calls_it_no_difference(
    caller: Caller, services: Services
) -> None:
    reported(caller)
    forget_states()
    assert rebuild(services, check=True).different == ()
    assert models.Call.get().state is None
    assert rebuild(services, check=False).different == ()
    assert models.Call.get().state is not None


def test_what_the_provider_said_stays_with_a_call_that_it_did_not_take(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    broke = SendResponse(Failure.INSUFFICIENT_BALANCE, http_status=402, message="no credit")
    provider.on_send = lambda _: broke
    caller.place()
    (call,) = models.Call.select()
    with open_journal(services) as journal:
        journal.calls([call.id])
        journal.read([call.id])
        ringing = Event(new_id(), Kind.REPORT, Source.WEBHOOK, services.now())
        journal.append(call.id, ringing)
    (call,) = models.Call.select()
    state = states_of([call])[call.id]
    assert (state.report_count, state.provider_message) == (1, "no credit")
