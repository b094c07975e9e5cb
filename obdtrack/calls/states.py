"""A call's whole state in its row: what is searched in columns of its own, the rest as JSON.

So whoever reads a call folds nothing. Rows that an older version wrote lack the rest until the
next event of their call, or `rebuild`; those are folded when they are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from operator import attrgetter, ne
from typing import Any
from uuid import UUID

from obdtrack.calls import queries
from obdtrack.calls.queries import FACT_COLUMNS
from obdtrack.domain.facts import FACTS, read_facts
from obdtrack.domain.fold import Attempt, CallState, fold
from obdtrack.domain.status import Source, Status
from obdtrack.domain.times import from_text
from obdtrack.store import models

_REST = ("provider_message", *(name for name in FACTS if name not in FACT_COLUMNS))
_SHARED = ("status", "reason", "conflict", *FACTS)
"""What calls and attempts both have. Most calls have one attempt, and it is as they are."""

_columns = attrgetter(*FACT_COLUMNS)
_rest = attrgetter(*_REST)
_shared = attrgetter(*_SHARED)


def state_row(state: CallState) -> tuple[Any, ...]:
    """Return the columns that hold a state, in the order of `STATE_COLUMNS`."""
    return (
        state.status, state.reason, state.status_source, state.status_as_of, state.conflict,
        len(state.attempts), state.report_count, *_columns(state),
    )  # fmt: skip


def rest_of(state: CallState) -> dict[str, Any]:
    """Return what the columns of a state leave out, for JSON; of attempts what is only theirs."""
    rest = {name: v for name, v in zip(_REST, _rest(state), strict=True) if v is not None}
    if state.attempts:
        usual = _shared(state)
        rest["attempts"] = [_packed(attempt, usual) for attempt in state.attempts]
    return rest


def states_of(calls: Sequence[models.Call]) -> dict[UUID, CallState]:
    """Return where calls stand, as their rows have it; by their events where a row is an old one.

    Raises ValueError if an old row's events do not say how the call began.
    """
    past = queries.history([call.id for call in calls if call.state is None])
    return {
        call.id: fold(past[call.id], call.interval) if call.state is None else _stored(call)
        for call in calls
    }


def _stored(call: models.Call) -> CallState:
    rest = dict(call.state)
    packed, message = rest.pop("attempts", ()), rest.pop("provider_message", None)
    facts = {**dict(zip(FACT_COLUMNS, _columns(call), strict=True)), **read_facts(rest)}
    usual = {"status": call.status, "reason": call.reason, "conflict": call.conflict}
    usual |= dict.fromkeys(FACTS) | facts
    return CallState(
        status=Status(call.status),
        reason=call.reason,
        status_source=Source(call.status_source),
        status_as_of=call.status_as_of,
        conflict=call.conflict,
        report_count=call.report_count,
        provider_message=message,
        attempts=tuple(_unpacked(n, one, usual) for n, one in enumerate(packed, start=1)),
        **facts,
    )


def _packed(attempt: Attempt, usual: Sequence[Any]) -> dict[str, Any]:
    own = _shared(attempt)
    kept: dict[str, Any] = dict(compress(zip(_SHARED, own, strict=True), map(ne, own, usual)))
    kept["source"], kept["as_of"], kept["words"] = attempt.source, attempt.as_of, attempt.words
    # As SQLite writes ids, so that whoever looks for one in a dump finds it here too.
    kept["event_ids"] = [f"{event_id.int:032X}" for event_id in attempt.event_ids]
    return kept


def _unpacked(number: int, kept: Mapping[str, Any], usual: Mapping[str, Any]) -> Attempt:
    own = {name: value for name, value in kept.items() if name in usual}
    values = {**usual, **own, **read_facts(own)}
    values["status"] = values["status"] and Status(values["status"])
    return Attempt(
        number=number,
        source=Source(kept["source"]),
        as_of=from_text(kept["as_of"]),
        words=tuple(kept["words"]),
        event_ids=tuple(map(UUID, kept["event_ids"])),
        **values,
    )
