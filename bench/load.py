"""What is sent, and how: requests about call n by wrk, over keep-alive connections."""

import json
import math
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

SCRIPT = Path(__file__).with_name("load.lua")
PLACE, CALLBACK = "/api/v1/calls", "/webhooks/mobtexting"
CALL = '{"to": "+9188{8}", "flow_id": "23", "name": "benchmark", "interval": 5}'
SUBMIT = "/api/v1/submissions"
LIST = f"""{{"to": [{", ".join(f'"+9188{{6}}{n:02}"' for n in range(100))}], "flow_id": "23"}}"""
"""A hundred numbers, which no other n has."""
MID = "00000000-0000-4000-8000-{12}"
"""A submission's id at the provider. All about call n follows from n: `{12}` is its 12 digits."""

Calls = tuple[int, int, str]
"""The calls to send requests about, each once: the first, how many, and `placed` or `random`."""


def filled_in(template: str, n: int) -> str:
    """Return a template with call n in it, as load.lua does."""
    return re.sub(r"{(\d+)}", lambda mark: f"{n % 10 ** int(mark[1]):0{mark[1]}}", template)


def report(start: datetime | None = None, status: str = "ANSWER") -> str:
    """Return a template of the provider's default report: 16 seconds from start, or from now.

    Times more than a day outside a call's life would not be believed.
    """
    start = start or datetime.now(UTC)
    end = start + timedelta(seconds=16)
    return f"""{{
 "bridge": 918068280000,\n "from": 918068280000,\n "to": 9188{{8}},\n "source": "OBD",
 "mid": "{MID}",\n "flow_id": 23,\n "start_at": "{start:%F %T}",\n "end_at": "{end:%F %T}",
 "duration": "16",\n "status": "{status}",
 "recording_url": "https://recordings.example/{MID}.wav"\n}}"""


def request(path: str, secret: str, body: str = "") -> str:
    """Return a template of a whole HTTP request."""
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += f"User-Agent: Go-http-client/1.1\r\nAuthorization: Bearer {secret}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(filled_in(body, 0))}\r\n"
    return f"{head}\r\n{body}"


def drive(
    ports: Sequence[int], template: str, calls: Calls, connections: int, seconds: int
) -> dict[str, float]:
    """Send the template about these calls for `seconds`.

    Each port gets its share of the calls and connections; what is under way at the end is not
    waited for. Returns how many were `sent`, `answered` and `refused` (with 400 or more), the
    `rate` a second, `p50 ms` and `p99 ms`. Raises ClickException if the calls do not last.
    """
    (first, count, order), threads = calls, len(ports)
    # Steps of the golden ratio come to each once, and to none near the one before.
    steps = range(int(count // threads * 0.618) if order == "random" else 1, count)
    stride = next(step for step in steps if math.gcd(step, count // threads) == 1)
    with tempfile.NamedTemporaryFile("w", newline="") as file:
        file.write(template)
        file.flush()
        command = f"wrk -t{threads} -c{connections} -d{seconds} --timeout 60 -s {SCRIPT} "
        command += (
            f"http://127.0.0.1:{ports[0]}/ -- {file.name} {first} {count // threads} {stride}"
        )
        env = os.environ | {"BENCH_PORTS": str(ports)}
        done = subprocess.run(command.split(), env=env, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout[done.stdout.rindex(b'{"sent"') :])
    if found["sent"] > count:
        raise click.ClickException(f"{count} calls did not last for {seconds} s")
    return found
