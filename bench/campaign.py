"""A campaign of 10,000 numbers, one and a hundred in a request, against a program's single calls.

The provider, a stub, accepts at once. All take turns, each on a fresh database. A campaign's rate
is that of its numbers from the first intention to the last stored response.
"""

import json
import time
from typing import Any

import click
import requests

from bench.databases import Databases, filled
from bench.load import CALL, PLACE, drive, request
from bench.measure import OPTIONS, WARM_SECONDS, measured, publish, standings
from bench.product import MAKE_KEY, PATIENCE_SECONDS, PROMPT, run, serving

NUMBERS, OLD, SINGLE, CONNECTIONS = 10_000, 1_000, "single calls", 8
TOGETHER = (1, 100)
NEW = (67_000_000, 30_000_000, "placed")
PLAN = {"flow_id": "23", "per_minute": 600_000, "max_in_flight": NUMBERS, "stop_if": None}
LASTED = "SELECT max(settled_at) - min(created_at) FROM submissions WHERE created_at > {since}"
SENT = "SELECT count(*) FROM calls WHERE status = 'queued' AND campaign_id IS NOT NULL"


@click.command(help=__doc__, params=[*OPTIONS])
def command(seconds: int, rounds: int, database: str) -> None:
    """Measure in turn, every other round in reverse."""
    found = []
    with filled(database, OLD) as databases, serving("", command=PROMPT) as stub:
        key = run(databases.template, *MAKE_KEY)
        for number in range(1, rounds + 1):
            for together in (0, *TOGETHER)[:: 1 if number % 2 else -1]:
                name = f"{together} in a request" if together else SINGLE
                figures = (
                    _campaign(databases, key, stub.port, together)
                    if together
                    else _single_calls(databases, key, stub.port, seconds)
                )
                found.append(measured("numbers", name, number, figures))
    publish("campaign", standings(found, {("rate", SINGLE): ""}), numbers=NUMBERS, seconds=seconds)


def _single_calls(databases: Databases, key: str, provider: int, seconds: int) -> dict[str, float]:
    with serving(databases.fresh(), provider=provider) as server:
        (first, count, order), template = NEW, request(PLACE, key, CALL)
        drive([server.port], template, (0, first, order), CONNECTIONS, WARM_SECONDS)
        used = server.cpu()
        load = drive([server.port], template, (first, count, order), CONNECTIONS, seconds)
        return load | {"CPU µs": (server.cpu() - used) / load["answered"] * 1e6}


def _campaign(databases: Databases, key: str, provider: int, together: int) -> dict[str, float]:
    url = databases.fresh()
    with serving(url, provider=provider) as server:

        def post(path: str, kind: str = "application/json", body: str = "") -> Any:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": kind}
            address = f"http://127.0.0.1:{server.port}/api/v1/campaigns{path}"
            response = requests.post(address, data=body, headers=headers, timeout=PATIENCE_SECONDS)
            response.raise_for_status()
            return response.json()

        plan = json.dumps({"name": "race", "numbers_per_request": together, **PLAN})
        path = "/" + post("", body=plan)["id"]
        rows = "\n".join(["to", *(f"+9188{67_000_000 + n:08}" for n in range(NUMBERS))])
        post(f"{path}/recipients?to=to", "text/csv", rows)
        post(f"{path}/check")
        since, used = time.time_ns() // 1000, server.cpu()
        post(f"{path}/start")
        while databases.ask(url, SENT) < NUMBERS:
            time.sleep(0.1)
        used = server.cpu() - used
    each = databases.ask(url, LASTED.format(since=since)) / NUMBERS / 1e3
    return {"rate": 1e3 / each, "p50 ms": each, "p99 ms": each, "CPU µs": used / NUMBERS * 1e6}
