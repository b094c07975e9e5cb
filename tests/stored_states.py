"""Compares where stored calls stand with what their events say."""

from __future__ import annotations

from obdtrack.calls import queries
from obdtrack.calls.states import states_of
from obdtrack.domain.fold import fold
from obdtrack.store import models


def wrongly_stored() -> list[str]:
    """Return the calls that are stored otherwise than their events fold, both ways as text.

    Calls that a test made up without events are left out.
    """
    calls = list(models.Call.select().where(models.Call.state.is_null(False)))
    stored, past = states_of(calls), queries.history([call.id for call in calls])
    pairs = [
        (stored[call.id], fold(events, call.interval))
        for call in calls
        if (events := past[call.id])
    ]
    return [f"{kept}\n  but {folded}" for kept, folded in pairs if kept != folded]
