"""What is sent, and how: requests about call n by wrk, over keep-alive connections."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

SCRIPT, REPORT = (Path(__file__).with_name(name) for name in ("load.lua", "report.json"))
PATIENCE_SECONDS = 15  # for what is under way when no more is sent
PLACE = "/api/v1/calls"
CALL = '{"to": "+9188{8}", "flow_id": "23", "name": "benchmark"}'
MID = "00000000-0000-4000-8000-{12}"
"""A submission's id at the provider. All about call n follows from n: `{12}` is its 12 digits."""

# The calls to send requests about, each once: the first, how many, and `placed` or `random`.
Calls = tuple[int, int, str]


def filled(template: str, n: int) -> str:
    """Return a template with call n in it, as load.lua does."""
    return template.replace("{12}", f"{n:012}").replace("{8}", f"{n % 10**8:08}")


def report(start: datetime | None = None, status: str = "ANSWER") -> str:
    """Return a template of the provider's default report: 16 seconds from start, or from now.

    Times more than a day outside a call's life would not be believed.
    """
    start = start or datetime.now(UTC)
    body = REPORT.read_text().replace("{status}", status).replace("{start}", f"{start:%F %T}")
    return body.replace("{end}", f"{start + timedelta(seconds=16):%F %T}")


def request(path: str, secret: str, body: str = "") -> str:
    """Return a template of a whole HTTP request."""
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += f"User-Agent: Go-http-client/1.1\r\nAuthorization: Bearer {secret}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(filled(body, 0))}\r\n"
    return f"{head}\r\n{body}"


def drive(
    ports: Sequence[int], template: str, calls: Calls, connections: int, seconds: float
) -> dict[str, float]:
    """Send the template about these calls to all ports for `seconds`; wait for all responses.

    Returns how many were `sent`, `answered`, `refused` (with 400 or more) and `broken`, the `rate`
    a second while they were sent, and `p50` and `p99` in ms. Raises ClickException if the calls do
    not last: repeats would be cheaper than new reports.
    """
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk makes the load: apt install wrk, or brew install wrk.")
    with tempfile.NamedTemporaryFile("w", newline="") as file:
        file.write(template)
        file.flush()
        limit = f"{int(seconds) + PATIENCE_SECONDS}s"
        command = f"wrk -t{len(ports)} -c{connections} -d{limit} --timeout {limit} -s {SCRIPT} "
        command += f"http://127.0.0.1:{ports[0]}/ -- {file.name} {seconds} {connections}"
        words = [*command.split(), *map(str, calls)]
        env = os.environ | {"BENCH_PORTS": ",".join(map(str, ports))}
        done = subprocess.run(words, env=env, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout[done.stdout.rindex(b'{"sent"') :])
    if found.pop("exhausted"):
        raise click.ClickException(f"{calls[1]} calls did not last for {seconds:g} s")
    return found
