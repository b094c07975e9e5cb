"""Places a call under the caller's own key for the request, so that asking twice rings once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from obdtrack.access.keys import Access
from obdtrack.access.pseudonym import pseudonym
from obdtrack.calls import queries
from obdtrack.calls.journal import Journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.calling_rules import dialling_rules
from obdtrack.calls.placing.place import Condition, canonical, place_call
from obdtrack.calls.placing.submissions import PendingCall, request_of
from obdtrack.domain import phone
from obdtrack.domain.number_patterns import Spellings
from obdtrack.domain.status import Status
from obdtrack.domain.submission import CallRequest
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models, witness
from obdtrack.store.encryption import Encryption


def claim(owner_id: UUID, key: str, fingerprint: str, call_id: UUID, created_at: datetime) -> bool:
    """Bind a key to a request that is about to be made; False if it is bound already."""
    inserted = (
        models.IdempotencyKey.insert(
            owner_id=owner_id,
            key=key,
            fingerprint=fingerprint,
            call_id=call_id,
            created_at=created_at,
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
    return bool(inserted)


def find(owner_id: UUID, key: str) -> models.IdempotencyKey | None:
    """Return what a key is bound to."""
    row = models.IdempotencyKey
    return row.get_or_none((row.owner_id == owner_id) & (row.key == key))


def forget(owner_id: UUID, key: str, before: datetime) -> bool:
    """Free a key if it was bound before this time; whether it was."""
    row = models.IdempotencyKey
    old = (row.owner_id == owner_id) & (row.key == key) & (row.created_at < before)
    return bool(row.delete().where(old).execute())


def store_response(owner_id: UUID, key: str, body: str) -> None:
    """Keep what was returned with 201, to return the same again."""
    row = models.IdempotencyKey
    row.update(http_status=201, body=body).where(
        (row.owner_id == owner_id) & (row.key == key)
    ).execute()


def forget_older(before: datetime, limit: int) -> int:
    """Free keys that were bound before this time, at most `limit`; returns how many."""
    row = models.IdempotencyKey
    old = row.select(row.owner_id, row.key).where(row.created_at < before).limit(limit)
    found = list(old)
    for bound in found:
        forget(bound.owner_id, bound.key, before)
    return len(found)


class Placed(NamedTuple):
    """The call a request led to. `body` is the response given before, if there was one."""

    call_id: UUID
    replayed: bool = False
    body: str | None = None


class _BoundError(Exception):
    """The key is bound already."""


def place_once(
    request: CallRequest, given: Collection[str], access: Access, key: str, services: Services
) -> Placed:
    """Place the call unless its caller used this key before; then return what came of it.

    `given` names the fields of `request` that the caller sent: the rest is ours, and may be another
    when the caller tries again.

    The key stays bound whatever the outcome, also after a crash and when the call is forgotten; a
    call that the dialling rules refuse binds it not. Raises ObdtrackError: invalid if the key
    belongs to another body, conflict if the first request is still running, its response was never
    stored and its call is not kept any more, or a rule refuses.
    """
    key, owner_id = _kept_name(key, request.to, services), access.owner_id
    fingerprints = _fingerprints(request, given, services.encryption)

    def bind(intention: PendingCall, _: Journal) -> None:
        def bound() -> bool:
            return claim(owner_id, key, fingerprints[0], intention.call_id, intention.created_at)

        if bound():
            return
        sure = witness.beyond_doubt(services.shared_now())
        too_old = sure - timedelta(days=services.settings.idempotency_days)
        if not (forget(owner_id, key, too_old) and bound()):
            raise _BoundError

    try:
        # What was asked before is answered as before, also when no call may be placed now.
        conditions = [bind, *dialling_rules(request, services)]
        return Placed(place_call(request, access.key_id, services, conditions))
    except _BoundError:
        return _replay(owner_id, key, fingerprints, request, given)


_NOTHING_GIVEN = asdict(CallRequest(to="", bridge=""))

_FIRST_FIELDS = (
    "to", "bridge", "flow_id", "audio", "name", "interval", "webhook_id", "variables", "reference",
    "metadata",
)  # fmt: skip
"""What fingerprints were once made of, given or not. Keys are kept that were bound by those."""


def _fingerprints(
    request: CallRequest, given: Collection[str], encryption: Encryption
) -> tuple[str, str, str]:
    """Return what tells this request from others, and what did in earlier versions.

    Only what the caller gave counts: a field that a later version adds, or another default, must
    not make another request of one that is sent again. It is keyed, since a six-digit code among
    the variables could be guessed otherwise; by which key stands before it.
    """
    fields = asdict(request)
    told = {n: v for n, v in fields.items() if n in given and v != _NOTHING_GIVEN[n]}
    earlier = {name: fields[name] for name in _FIRST_FIELDS}
    ours = encryption.fingerprint(canonical(told))
    return f"{encryption.key_name}:{ours}", ours, encryption.fingerprint(canonical(earlier))


def place_guarded(request: CallRequest, owner_id: UUID, services: Services) -> Placed:
    """Place the call; if the guard is on, refuse a twin of a call made moments ago.

    Raises ObdtrackError (conflict) naming the earlier call, or the dialling rule that refuses.
    """
    guard = _guard(services.settings.duplicate_guard_seconds)
    conditions = [*dialling_rules(request, services), guard]
    return Placed(place_call(request, owner_id, services, conditions))


def keep_response(owner_id: UUID, key: str, body: str, services: Services) -> None:
    """Keep the response to the first request with this key; ObdtrackError if that cannot be."""
    with services.store.write():
        store_response(owner_id, key, body)


_TELLING_DIGITS = 8


def _kept_name(key: str, number: str, services: Services) -> str:
    """Return how a caller's own key that holds a number is kept: as it is, unless that is erased.

    Otherwise a request repeated after the erasure would not be known again, and ring a second time.
    """
    digits = "".join(filter(str.isdigit, key))
    if phone.provider_digits(number)[-_TELLING_DIGITS:] not in digits:
        return key
    name = pseudonym(number, services.encryption)
    return Spellings(number).replaced(key, name) if queries.is_called(name) else key


def _guard(seconds: int) -> Condition:
    def refuse_twin(intention: PendingCall, _: Journal) -> None:
        if intention.fingerprint is None:
            return  # the guard is off
        since = intention.created_at - timedelta(seconds=seconds)
        twin = submissions.recent_duplicate(intention.fingerprint, since)
        if twin is not None:
            raise ObdtrackError(
                Code.CONFLICT, f"The same call was placed less than {seconds} seconds ago: {twin}."
            )

    return refuse_twin


def _replay(
    owner_id: UUID,
    key: str,
    fingerprints: Sequence[str],
    request: CallRequest,
    given: Collection[str],
) -> Placed:
    bound = find(owner_id, key)
    if bound is None:
        raise _running()
    call = queries.find(str(bound.call_id))
    if not _is_same(bound, fingerprints, call, request, given):
        raise ObdtrackError(
            Code.INVALID,
            f"This Idempotency-Key was used with a different body, for call {bound.call_id}.",
            fields={"Idempotency-Key": ["Used with a different body, for another call."]},
        )
    if bound.body is None:
        if call is None:
            raise ObdtrackError(
                Code.CONFLICT,
                "The call placed with this key is older than calls are kept, and its response was "
                "never stored. Another key would place another call.",
            )
        if call.status == Status.SUBMITTING:
            raise _running()
    return Placed(bound.call_id, replayed=True, body=bound.body)


def _is_same(
    bound: models.IdempotencyKey,
    fingerprints: Sequence[str],
    call: models.Call | None,
    request: CallRequest,
    given: Collection[str],
) -> bool:
    """Whether the key is bound to this request.

    A fingerprint made under another OBDTRACK_SECRET_KEY cannot be compared. Then the call that was
    placed says whether the request was another; where it cannot either, nobody is rung twice.
    """
    if bound.fingerprint in fingerprints:
        return True
    if bound.fingerprint.partition(":")[0] == fingerprints[0].partition(":")[0]:
        return False
    if call is None or phone.is_erased(call.to_number):
        return True
    placed = request_of(call)
    bridge = request.bridge if "bridge" in given else placed.bridge
    names = sorted(request.variables) == call.submission.variable_names
    return names and replace(request, bridge=bridge, variables={}) == placed


def _running() -> ObdtrackError:
    return ObdtrackError(
        Code.CONFLICT, "The first request with this key is still running.", retry_after=2
    )
