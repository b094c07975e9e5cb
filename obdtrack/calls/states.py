"""A call's whole state in its row: what is searched in columns of its own, the rest as JSON.

So whoever reads a call folds nothing. Rows that an older version wrote lack the rest until the
next event of their call, or `rebuild`; those are folded when they are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import compress
from operator import attrgetter, ne
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.calls import queries
from obdtrack.calls.queries import FACT_COLUMNS, STATE_COLUMNS, CallRow
from obdtrack.domain.facts import FACTS, read_facts
from obdtrack.domain.fold import Attempt, CallState, fold
from obdtrack.domain.status import Source, Status
from obdtrack.domain.times import from_text
from obdtrack.store import models
from obdtrack.store.columns import MomentField

_REST = ("provider_message", *(name for name in FACTS if name not in FACT_COLUMNS))
_MOMENTS = [
    column for column in STATE_COLUMNS if isinstance(getattr(models.Call, column), MomentField)
]
_UNSAID = {"conflict": False, "needs_attention": False, "attempt_count": 0, "report_count": 0}
"""What a snapshot leaves out, as it does what is None: it stands in the feed for each event."""

_SHARED = ("status", "reason", "conflict", *FACTS)
_KEPT = (*_SHARED, "source", "as_of", "words")
"""What an attempt is stored by. Most calls have one, and where it is as the call nothing is."""

_columns = attrgetter(*FACT_COLUMNS)
_rest = attrgetter(*_REST)
_shared = attrgetter(*_SHARED)
_kept = attrgetter(*_KEPT)


class NewState(NamedTuple):
    """A call as it was read in this transaction, where it stands now, and its next check.

    `rest` is what `rest_of` returns of the state.
    """

    row: CallRow
    state: CallState
    rest: Mapping[str, Any]
    next_check_at: datetime | None


def state_row(state: CallState) -> tuple[Any, ...]:
    """Return the columns that hold a state, in the order of `STATE_COLUMNS`."""
    return (
        state.status, state.reason, state.status_source, state.status_as_of, state.conflict,
        state.needs_attention, len(state.attempts), state.report_count, *_columns(state),
    )  # fmt: skip


def rest_of(state: CallState) -> dict[str, Any]:
    """Return what the columns of a state leave out, for JSON; of attempts what is only theirs."""
    rest = {name: v for name, v in zip(_REST, _rest(state), strict=True) if v is not None}
    if state.attempts:
        words = (state.provider_status,)
        usual = (*_shared(state), state.status_source, state.status_as_of, words)
        rest["attempts"] = [_packed(attempt, usual) for attempt in state.attempts]
    return rest


def snapshot(state: CallState, rest: Mapping[str, Any]) -> list[Any]:
    """Return a state, with its `rest_of`, as JSON to be kept beside the call's row."""
    pairs = zip(STATE_COLUMNS, state_row(state), strict=True)
    return [{n: value for n, value in pairs if value != _UNSAID.get(n)}, rest]


def from_snapshot(kept: Sequence[Any]) -> CallState:
    """Return the state that `snapshot` kept."""
    columns, rest = kept
    moments = {name: from_text(columns[name]) for name in _MOMENTS if name in columns}
    values = {**dict.fromkeys(STATE_COLUMNS), **_UNSAID, **columns, **moments}
    return _stored(SimpleNamespace(**values, state=rest))


def states_of(calls: Sequence[models.Call]) -> dict[UUID, CallState]:
    """Return where calls stand, as their rows have it; by their events where a row is an old one.

    Raises ValueError if an old row's events do not say how the call began.
    """
    past = queries.history([call.id for call in calls if call.state is None])
    return {
        call.id: fold(past[call.id], call.interval) if call.state is None else _stored(call)
        for call in calls
    }


def provider_words(call: models.Call) -> str | None:
    """Return why a call was not answered in its provider's own words, if they say more than ours.

    They are taken from the row alone: an old one has none.
    """
    kept = call.state or {}
    said: str | None = kept.get("provider_message") or kept.get("provider_status")
    if said is None or call.status == Status.COMPLETED:
        return None
    ours = (call.status.replace("-", ""), Status.QUEUED)
    return None if any(word.startswith(said.lower()) for word in ours) else said


def _stored(call: Any) -> CallState:
    rest = dict(call.state)
    packed, message = rest.pop("attempts", ()), rest.pop("provider_message", None)
    facts = {**dict(zip(FACT_COLUMNS, _columns(call), strict=True)), **read_facts(rest)}
    usual: dict[str, Any] = {**dict.fromkeys(FACTS), **facts}
    usual |= {"status": call.status, "reason": call.reason, "conflict": call.conflict}
    usual |= {"source": call.status_source, "as_of": call.status_as_of}
    usual["words"] = (usual["provider_status"],)
    return CallState(
        status=Status(call.status),
        reason=call.reason,
        status_source=Source(call.status_source),
        status_as_of=call.status_as_of,
        conflict=call.conflict,
        needs_attention=bool(call.needs_attention),
        report_count=call.report_count,
        provider_message=message,
        attempts=tuple(_unpacked(n, one, usual) for n, one in enumerate(packed, start=1)),
        **facts,
    )


def _packed(attempt: Attempt, usual: Sequence[Any]) -> dict[str, Any]:
    own, kept = _kept(attempt), dict[str, Any]()
    if own != usual:
        kept = dict(compress(zip(_KEPT, own, strict=True), map(ne, own, usual)))
    # As SQLite writes ids, so that whoever looks for one in a dump finds it here too.
    kept["event_ids"] = [event_id.hex.upper() for event_id in attempt.event_ids]
    return kept


def _unpacked(number: int, kept: Mapping[str, Any], usual: Mapping[str, Any]) -> Attempt:
    values = {**usual, **kept, **read_facts(kept)}
    if "as_of" in kept:
        values["as_of"] = from_text(kept["as_of"])
    values["status"] = values["status"] and Status(values["status"])
    values["source"], values["words"] = Source(values["source"]), tuple(values["words"])
    values["event_ids"] = tuple(map(UUID, kept["event_ids"]))
    return Attempt(number=number, **values)
