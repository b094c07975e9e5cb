"""Calls and deliveries that need attention are one list and one number, which people empty."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from obdtrack.access.keys import create_key
from obdtrack.calls import attention, search
from obdtrack.calls.journal import open_journal
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.search import CallFilter
from obdtrack.domain.events import Event
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.domain.times import to_text
from obdtrack.services import Services, new_id
from tests.conftest import Caller
from tests.factories import MID, Clock, ScriptedProvider, accepted


@pytest.fixture
def admin(caller: Caller, services: Services) -> Caller:
    return Caller(caller.client, create_key("Asha", ["read", "place", "admin"], services))


@pytest.fixture
def unknown(caller: Caller, provider: ScriptedProvider) -> dict[str, Any]:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call: dict[str, Any] = caller.place().json
    provider.on_send = accepted()
    return call


@pytest.fixture
def disputed(caller: Caller, provider: ScriptedProvider) -> dict[str, Any]:
    """A call of which two reports say different ends."""
    provider.on_send = accepted()
    call: dict[str, Any] = caller.place().json
    for status in ("ANSWER", "BUSY"):
        caller.report(status=status)
    return call


def waiting(services: Services) -> tuple[int, int]:
    with services.store.connection_context():
        return attention.count(services.now(), 100)


def seen(admin: Caller, call: dict[str, Any], note: str = "") -> Any:
    body = {"action": "seen", **({"note": note} if note else {})}
    return admin.post(f"/calls/{call['id']}/resolve", body)


def test_unknown_calls_and_conflicts_need_attention_until_somebody_has_looked(
    caller: Caller, admin: Caller, services: Services, unknown: Any, disputed: Any
) -> None:
    assert waiting(services) == (2, 0)
    listed = caller.get("/calls", needs_attention="true").json["data"]
    assert [call["id"] for call in listed] == [disputed["id"], unknown["id"]]
    for call in (unknown, disputed):
        assert seen(admin, call, "asked the customer").json["needs_attention"] is False
    assert waiting(services) == (0, 0)
    assert caller.get("/calls", needs_attention="true").json["data"] == []
    (event,) = [
        event
        for event in caller.get(f"/calls/{disputed['id']}/events").json["data"]
        if event["kind"] == "review"
    ]
    assert event["detail"] == {"by": "Asha", "note": "asked the customer"}


def test_what_was_looked_at_stays_so_when_it_is_rebuilt(
    admin: Caller, services: Services, unknown: Any, disputed: Any
) -> None:
    for call in (unknown, disputed):
        seen(admin, call)
    rebuild(services, check=False)
    assert waiting(services) == (0, 0)


def test_a_new_contradiction_needs_attention_again(
    caller: Caller, admin: Caller, services: Services, disputed: Any
) -> None:
    seen(admin, disputed)
    caller.report(status="BUSY", duration="99")
    assert waiting(services) == (0, 0)
    caller.report(status="NOANSWER")
    assert waiting(services) == (1, 0)


def test_a_report_that_says_no_end_does_not_bring_an_unresolved_call_back(
    caller: Caller, admin: Caller, services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted()
    call = caller.place().json
    with open_journal(services) as journal:
        journal.calls([UUID(call["id"])])
        ended = Event(
            new_id(), Kind.DEADLINE, Source.SYSTEM, services.now(), Status.UNRESOLVED, "no-report"
        )
        journal.append(UUID(call["id"]), ended)
    assert waiting(services) == (1, 0)
    seen(admin, call)
    caller.report(status="queued", start_at="", end_at="")
    again = caller.get(f"/calls/{call['id']}").json
    assert (again["status"], again["needs_attention"]) == ("unresolved", False)


def test_what_was_not_believed_is_its_calls_conflict_and_counted_once(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted()
    caller.place()
    caller.report(to=919845012012)
    assert caller.only_delivery()["outcome"] == "unmatched"
    clock.forward(minutes=11)
    assert waiting(services) == (1, 0)


def test_who_comes_too_late_is_told_who_recorded_what_and_when(
    admin: Caller, services: Services, clock: Clock, unknown: Any
) -> None:
    path = f"/calls/{unknown['id']}/resolve"
    admin.post(path, {"action": "not-placed"})
    late = admin.post(path, {"action": "place-again"})
    assert late.status_code == 409
    when = f"{clock.now:%Y-%m-%dT%H:%M:%S}"
    assert late.json["detail"].startswith("Asha recorded at ")
    assert when in late.json["detail"]
    assert late.json["detail"].endswith(" that no phone rang; nothing was changed.")


def test_what_needs_no_attention_cannot_be_looked_at(
    caller: Caller, admin: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted()
    response = seen(admin, caller.place().json)
    assert response.status_code == 409
    assert response.json["detail"] == "This call needs no attention."


def test_a_delivery_without_a_call_needs_attention_once_its_call_should_have_come(
    caller: Caller, admin: Caller, services: Services, clock: Clock
) -> None:
    caller.report(mid=MID)
    assert waiting(services) == (0, 0)
    clock.forward(minutes=11)
    assert waiting(services) == (0, 1)
    path = f"/deliveries/{caller.only_delivery()['id']}/seen"
    assert admin.post(path, {"note": "a test of the provider's"}).status_code == 200
    assert waiting(services) == (0, 0)
    again = admin.post(path, {})
    assert again.status_code == 409
    assert again.json["detail"] == (
        f"Asha looked at it at {to_text(clock.now)}; nothing was changed."
    )
    assert admin.post(path.replace(path[12:48], unknown_id()), {}).status_code == 404


def unknown_id() -> str:
    return "0193573f-0f3e-7b0c-8000-000000000000"


def test_nobody_counts_beyond_what_was_asked(
    caller: Caller, provider: ScriptedProvider, services: Services
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    for place in range(3):
        caller.place(to=f"+91886713500{place}")
    with services.store.connection_context():
        assert attention.count(services.now() + timedelta(0), 2).calls == 2
        assert len(search.newest(CallFilter(attention=True, statuses=("unresolved",)), 9)) == 0
