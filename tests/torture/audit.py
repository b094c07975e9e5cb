"""Judges what was left by work that was interrupted: old or new, never between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from obdtrack.calls.placing import submissions
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.providers.base import StatusResponse
from tests.torture.everywhere import Run, Scenario, World
from tests.torture.failing import Kind
from tests.torture.stages import Stage, stage

NOWHERE = 0


class Verdict(NamedTuple):
    """How many operations were made to fail, and what was wrong afterwards, in sentences."""

    tries: int
    wrong: list[str]


def fail_everywhere(
    scenario: Scenario, folder: Path, kinds: Sequence[Kind] = tuple(Kind)
) -> Verdict:
    """Let the 1st, 2nd, 3rd … operation fail, in every way, until there is no such operation."""
    world = World(folder, scenario)
    way = _way(world)
    wrong = [] if len(way) == scenario.stages else [f"it has {len(way)} stages, not as expected"]
    with _provider_out_of_reach(world):
        allowed = {*way, *_way(world)}
    with patch.object(submissions, "confirm_rights", lambda *_: frozenset()):
        allowed |= {*_way(world)}
    tries = 0
    for kind in kinds:
        for at in count(1):
            run = world.run(at, kind)
            if world.trouble.count < at:
                break
            tries += 1
            found = [*_faults(run, world, way, allowed), *_faults_of_repeating(run, world)]
            wrong += [f"{scenario.name}, operation {at} {kind}: {fault}" for fault in found]
    return Verdict(tries, wrong)


def _way(world: World) -> list[Stage]:
    """Return the stages that the work goes through when nothing fails."""
    seen: list[Stage] = []
    world.reset()
    seen.append(stage(world.path))
    world.trouble.after_each = lambda: seen.append(stage(world.path))
    world.run(NOWHERE, Kind.ONCE)
    world.trouble.after_each = lambda: None
    return list(dict.fromkeys(seen))


@contextmanager
def _provider_out_of_reach(world: World) -> Iterator[None]:
    provider = world.provider
    before = provider.on_send, provider.on_find
    provider.on_send = lambda _: SendResponse(Failure.CONNECTION_LOST)
    provider.on_find = lambda **_: StatusResponse(Failure.CONNECTION_LOST)
    try:
        yield
    finally:
        provider.on_send, provider.on_find = before


def _faults(run: Run, world: World, way: Sequence[Stage], allowed: set[Stage]) -> Iterator[str]:
    dials = len(world.provider.sent)
    if run.after not in allowed:
        yield f"it stopped between two stages, at {run.after}"
    if run.at_dial is not None and "submitting" not in run.at_dial.statuses:
        yield "a number was dialled before the intention was on disk"
    if run.status in (200, 201):
        yield from _faults_of_acknowledging(run, way, allowed)
    elif run.status is not None and (run.status != 503 or not run.retry_after):
        yield f"it was answered {run.status}, Retry-After {run.retry_after}"
    elif run.status == 503 and dials:
        yield "it was answered 503, try again, though the phone may ring"


def _faults_of_acknowledging(run: Run, way: Sequence[Stage], allowed: set[Stage]) -> Iterator[str]:
    found = run.at_response
    if found is None or found not in allowed or found == way[0]:
        yield "it was acknowledged, and was not on disk at that moment"
    elif run.said not in ("ok", "unknown", *found.statuses):
        yield f"the answer said {run.said}, the disk {found.statuses}"
    elif run.said == "ok" and found != way[-1]:
        yield "a report was acknowledged that is on disk but not on its timeline"


def _faults_of_repeating(run: Run, world: World) -> Iterator[str]:
    """Say what goes wrong when the same request comes again, where that is allowed."""
    if not world.scenario.repeatable and world.provider.sent:
        return
    response = world.repeat()
    if response is not None and response.status_code not in (200, 201):
        yield f"repeated, it was answered {response.status_code}"
    if len(world.provider.sent) > 1:
        yield "repeated, it dialled twice"
    if world.different():
        yield "repeated, computing the calls anew gives something else"
