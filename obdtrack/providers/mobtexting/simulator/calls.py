"""What an accepted order becomes: calls, each with its diallings planned to the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from obdtrack.providers.mobtexting.simulator.config import Generation, SimulatorConfig
from obdtrack.providers.mobtexting.simulator.scenarios import (
    FAILING,
    Fate,
    PlannedAttempt,
    deciding_fate,
    fate_of,
)
from obdtrack.providers.mobtexting.simulator.send_request import Order

# The provider waits `interval` minutes before it dials again. Here nobody wants to, so each redial
# comes at once and is reported as if they had passed.
REDIAL_RING_TIMES = 1.0


@dataclass(frozen=True, slots=True)
class Dialling:
    """One dialling of a call, as it will go.

    `started_at` and `ended_at` are what is reported: whole seconds, in the simulator's zone.
    `over_after` and `reported_after` are seconds from placing the call.
    """

    words: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    over_after: float
    reported_after: float

    @property
    def duration_seconds(self) -> int:
        """How long it took, ringing included, as reported."""
        return round((self.ended_at - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One number of an accepted order. `id` is what the answer says, `mid` its submission's uuid.

    `placed_at` is aware, in the simulator's zone. `number` counts from 1 within the order.
    """

    id: str
    mid: str
    number: int
    to: str
    order: Order
    fate: Fate
    generation: Generation
    placed_at: datetime
    diallings: tuple[Dialling, ...]
    recording_url: str


def calls_of(
    order: Order, config: SimulatorConfig, recordings_url: str
) -> tuple[SimulatedCall, ...]:
    """Return the calls an order becomes when placed now; `recordings_url` ends in a slash.

    Numbers that are left out become none, and the others keep their place in the order.
    """
    placed_at = config.local_now()
    generation = deciding_fate(order.to).generation or config.generation
    mid = str(uuid4())
    calls = []
    for number, to in enumerate(order.to, 1):
        fate = fate_of(to)
        if fate.left_out:
            continue
        if order.flow_id == config.bad_flow:
            fate = replace(fate, attempts=FAILING)
        call_id, call_mid = _ids(generation, mid, number)
        calls.append(
            SimulatedCall(
                id=call_id,
                mid=call_mid,
                number=number,
                to=to,
                order=order,
                fate=fate,
                generation=generation,
                placed_at=placed_at,
                diallings=plan(fate, order.interval, placed_at, config.ring_seconds),
                recording_url=f"{recordings_url}{call_id}.wav",
            )
        )
    return tuple(calls)


def _ids(generation: Generation, mid: str, number: int) -> tuple[str, str]:
    """Return a call's id and mid; in the newer generation each call is its own submission."""
    if generation == "2019":
        return f"{mid}:{number}", mid
    own = mid if number == 1 else str(uuid4())
    return own, own


def plan(
    fate: Fate, interval: int, placed_at: datetime, ring_seconds: float
) -> tuple[Dialling, ...]:
    """Return the attempts of a call placed at `placed_at`; one alone without `interval`."""
    attempts = fate.attempts if interval else fate.attempts[:1]
    diallings: list[Dialling] = []
    start = 0.0
    for count, attempt in enumerate(attempts):
        clock = placed_at + timedelta(minutes=interval * count)
        diallings.append(_dial(attempt, clock, start * ring_seconds, ring_seconds))
        start += attempt.ring + attempt.talk + REDIAL_RING_TIMES
    return tuple(diallings)


def _dial(
    attempt: PlannedAttempt,
    placed_at: datetime,
    start_after: float,
    ring_seconds: float,
) -> Dialling:
    """Return one dialling that begins `start_after` seconds from `placed_at`, as it is reported."""
    over_after = start_after + (attempt.ring + attempt.talk) * ring_seconds
    started_at = _whole_second(placed_at + timedelta(seconds=start_after))
    ended_at = _whole_second(placed_at + timedelta(seconds=over_after))
    return Dialling(
        words=attempt.words,
        started_at=started_at,
        ended_at=max(ended_at, started_at + timedelta(seconds=1)),
        over_after=over_after,
        reported_after=over_after + attempt.late * ring_seconds,
    )


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
