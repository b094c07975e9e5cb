"""What was placed as it stands with its response, without reading again what was just written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.calls.placing.submissions import OF_REQUEST, PendingSubmission, row_of
from obdtrack.calls.responses import ProviderResponse
from obdtrack.calls.states import NewState
from obdtrack.domain.fold import CallState
from obdtrack.domain.naming import ProviderName
from obdtrack.store import models

_requested = attrgetter(*OF_REQUEST)


class StoredSubmission(NamedTuple):
    """A submission, its response, and its calls with where they stand, as all were stored.

    `is_new` says that it was placed just now, so that the rules of dialling held.
    """

    submission: models.Submission
    response: ProviderResponse | models.ResponseRow | None
    calls: list[models.Call]
    states: Mapping[UUID, CallState]
    is_new: bool = False


def as_stored(
    intention: PendingSubmission,
    response: ProviderResponse,
    names: Mapping[UUID, ProviderName | None],
    stored: Mapping[UUID, NewState],
    notes: Sequence[Any],
) -> StoredSubmission | None:
    """Return what was stored with this response; None if something of it was stored otherwise.

    `names` are by call how the provider calls it, `stored` where it stands, `notes` what the
    response says of nobody's.
    """
    if not all(call.id in stored for call in intention.calls):
        return None  # it was not asked for, or is gone
    asked = {**row_of(intention), "settled_at": response.responded_at, "notes": notes or None}
    submission = models.Submission(**asked)
    calls = [
        models.Call(
            id=one.id, submission=submission, created_at=intention.created_at,
            provider=intention.provider, to_number=one.request.to,
            provider_id=name and name.provider_id, submitted_at=name and name.submitted_at,
            status=new.state.status, reason=new.state.reason, next_check_at=new.next_check_at,
            **dict(zip(OF_REQUEST, _requested(one.request), strict=True)),
        )
        for one in intention.calls
        for new, name in ((stored[one.id], names[one.id]),)
    ]  # fmt: skip
    states = {call_id: new.state for call_id, new in stored.items()}
    return StoredSubmission(submission, response, calls, states, is_new=True)
