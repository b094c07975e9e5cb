"""The examples of the client's README run, in their order, against a server with a simulator."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from obdtrack_client import CallOptions, Client, OutcomeUnknown

from obdtrack.notifications.signing import new_secret, signed
from tests.end_to_end.conftest import Installation

ROOT = Path(__file__).parents[2]
README = ROOT / "clients/python/README.md"


def test_the_examples_of_the_readme_run(
    served: Installation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret, key = new_secret(), str(served.session.headers["Authorization"]).split(" ")[1]
    monkeypatch.setenv("CALLS_URL", served.url)
    monkeypatch.setenv("CALLS_KEY", key)
    monkeypatch.setenv("CALLS_SECRET", secret)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "customers.csv").write_text("Phone,Order\n+918867135012,order-10\n12,order-11\n")
    names: dict[str, Any] = {}
    printed: list[str] = []
    for example in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL):
        exec(compile(example, README.name, "exec"), names)
        printed.append(capsys.readouterr().out)
    first, _, listed, looked_up, events, _, campaign = printed
    assert re.fullmatch(r"completed True \d+ \d+\.\d+\n", first)
    assert "('order-9', " in listed
    assert re.search("busy|^$", looked_up)
    assert "call.completed completed\n" in events
    assert campaign.startswith("1 [(3, 'Phone', 'too short")
    assert "running" in campaign
    assert key not in "".join(printed)

    body = b'{"id": "7", "type": "call.busy", "time": "2026-11-23T11:57:41Z", "data": null}'
    assert names["receive"](signed("7", datetime.now(UTC), body, [secret]), body) == 204
    assert names["receive"](signed("7", datetime.now(UTC), body, [new_secret()]), body) == 400


def test_what_a_timeout_left_open_is_found_out_and_the_phone_rings_once(
    served: Installation,
) -> None:
    key = str(served.session.headers["Authorization"]).split(" ")[1]
    wanted: CallOptions = {"flow_id": "23", "reference": "late"}
    with pytest.raises(OutcomeUnknown) as told:
        Client(served.url, key, timeout=0.3).place("+918867135031", **wanted)
    client = Client(served.url, key)
    call = client.place("+918867135031", **wanted, idempotency_key=told.value.key)
    assert call.status in {"queued", "completed"}
    assert [one.id for one in client.calls(reference="late")] == [call.id]
    rang = requests.get(f"{served.provider_url}/simulator/calls", timeout=10).json()
    assert str(rang).count("8867135031") == 1
