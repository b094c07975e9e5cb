"""Drives a server with wrk over keep-alive connections, every request about another call."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

SCRIPT = Path(__file__).with_name("load.lua")
PATIENCE = 15
"""Seconds given to what is under way when no more is sent."""


class Load(NamedTuple):
    """What was sent and how it was answered; times in milliseconds.

    `refused` had a code of 400 or more; `rate` is answers a second while requests were being sent;
    `generator` is the share of one core that wrk itself took.
    """

    sent: int
    answered: int
    refused: int
    broken: int
    seconds: float
    rate: float
    p50: float
    p99: float
    longest: float
    generator: float

    @property
    def acknowledged(self) -> int:
        """How many were answered with a success."""
        return self.answered - self.refused


def together(loads: Sequence[Load]) -> Load:
    """Return loads that were driven at the same time as one; of the times the worst counts."""
    return Load(
        sent=sum(load.sent for load in loads),
        answered=sum(load.answered for load in loads),
        refused=sum(load.refused for load in loads),
        broken=sum(load.broken for load in loads),
        seconds=max(load.seconds for load in loads),
        rate=sum(load.rate for load in loads),
        p50=max(load.p50 for load in loads),
        p99=max(load.p99 for load in loads),
        longest=max(load.longest for load in loads),
        generator=max(load.generator for load in loads),
    )


def require_wrk() -> None:
    """Say what is missing, if it is."""
    if shutil.which("wrk") is None:
        raise click.ClickException(
            "wrk is needed to make the load: apt install wrk, or brew install wrk. "
            "(A generator written in Python would measure itself.)"
        )


def drive(
    port: int, template: str, *, connections: int, seconds: float, first: int, last: int
) -> Load:
    """Send the template about calls from `first` on for `seconds`, and wait for all answers.

    Raises ClickException if `last` came first: repeats would be cheaper than new reports.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".http", newline="") as file:
        file.write(template)
        file.flush()
        limit = f"{int(seconds) + PATIENCE}s"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{limit}", "--timeout", limit]
        command += ["-s", str(SCRIPT), f"http://127.0.0.1:{port}/", "--", file.name]
        command += map(str, (first, last, seconds, connections))
        before, begun = children_cpu(), time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        share = (children_cpu() - before) / (time.monotonic() - begun)
    found = json.loads(done.stdout[done.stdout.rindex('{"sent"') :])
    if found.pop("exhausted"):
        raise click.ClickException(f"{last - first + 1} calls did not last for {seconds} s")
    return Load(**found, rate=_rate(found, connections), generator=share)


def _rate(found: dict[str, float], connections: int) -> float:
    # When sending ended, one request of each other connection was still on its way.
    return max(found["sent"] - connections + 1, 0) / (found["seconds"] or 1)


def children_cpu() -> float:
    """Return the processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
