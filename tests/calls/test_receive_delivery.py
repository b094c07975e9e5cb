"""A batch of reports on its way to the tables: nothing of it is lost, and no secret kept."""

from __future__ import annotations

from typing import Any

import pytest

from obdtrack.calls.placing.place import place_call
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.process import without_secrets
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain.fold import CallState
from obdtrack.domain.poll_schedule import Plan, plan
from obdtrack.domain.status import Outcome
from obdtrack.services import Services, new_id
from tests.factories import (
    PROVIDER,
    ScriptedProvider,
    accepted,
    call_request,
    raw_delivery,
    with_settings,
)


def test_a_fault_of_ours_keeps_every_report_of_the_batch(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan_short_calls(state: CallState, **options: Any) -> Plan:
        if state.duration_seconds == 16:
            raise KeyError("a fault of ours")
        return plan(state, **options)

    monkeypatch.setattr("obdtrack.calls.journal.plan", plan_short_calls)
    for mid in ("m1", "m2"):
        provider.on_send = accepted(mid)
        place_call(call_request(), None, services)
    bodies = [raw_delivery(mid="m1", duration="16"), raw_delivery(mid="m2", duration="3")]
    batch = [InboundRequest(new_id(), services.now(), raw, PROVIDER) for raw in bodies]
    outcomes = [received.outcome for received in receive_deliveries(batch, services)]
    assert outcomes == [Outcome.FAILED, Outcome.MATCHED]
    with services.store.connection_context():
        assert len(deliveries.newest(3)) == 2


@pytest.mark.parametrize(
    "spelled", ["a/secret+of=ours%d", "a\\/secret+of=ours%d", "a%2Fsecret%2Bof%3Dours%25d"]
)
def test_our_secrets_are_not_kept_however_they_are_spelled(
    services: Services, spelled: str
) -> None:
    informed = with_settings(services, webhook_token="a/secret+of=ours%d")
    stored = InboundRequest(
        new_id(),
        services.now(),
        raw_delivery()._replace(query=spelled, body=spelled.encode()),
        PROVIDER,
    )
    kept = without_secrets(stored, informed).raw
    assert (kept.query, kept.body) == ("removed", b"removed")


def test_a_short_validation_key_is_taken_out_only_where_it_stands_under_its_name(
    services: Services,
) -> None:
    informed = with_settings(services, webhook_token="7142")
    body = b'{"validation_key": "7142", "challenge": "71425", "to": 918867142001, "x": "7142"}'
    raw = raw_delivery()._replace(query="token=7142&token=71429&duration=7142", body=body)
    stored = InboundRequest(new_id(), services.now(), raw, PROVIDER)
    kept = without_secrets(stored, informed).raw
    assert kept.query == "token=removed&token=71429&duration=7142"
    assert kept.body == body.replace(b'"7142", "ch', b'"removed", "ch')


def test_a_short_validation_key_is_taken_out_of_a_multipart_form(services: Services) -> None:
    informed = with_settings(services, webhook_token="7142")
    part = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n7142\r\n'
    body = part % b"validation_key" + part % b"duration"
    stored = InboundRequest(new_id(), services.now(), raw_delivery()._replace(body=body), PROVIDER)
    kept = without_secrets(stored, informed).raw
    assert kept.body == body.replace(b"7142", b"removed", 1)
