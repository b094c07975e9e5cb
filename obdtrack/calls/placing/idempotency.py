"""Places calls under the caller's own key for the request, so that asking twice rings once."""

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
from obdtrack.calls.placing.as_stored import StoredSubmission
from obdtrack.calls.placing.calling_rules import dialling_rules, unless_twins
from obdtrack.calls.placing.place import Condition, canonical, place_submission
from obdtrack.calls.placing.submissions import PendingSubmission, request_of
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


class Wanted(NamedTuple):
    """What a caller asks for by one request: calls that differ in number and what goes with it.

    `given` names the fields that the caller sent: the rest is ours, and may be another when the
    caller tries again. `is_list` is whether a list was sent, of which `skip` leaves out whom may
    not be called.
    """

    requests: Sequence[CallRequest]
    given: Collection[str]
    is_list: bool = False
    skip: bool = False


class Placed(NamedTuple):
    """The (first) call a request led to, and what was stored of it if it was placed now.

    `body` is the response given before, if there was one, `stored` how all stands, if it is known.
    """

    call_id: UUID
    pending: PendingSubmission | None
    body: str | None = None
    stored: StoredSubmission | None = None


class _BoundError(Exception):
    """The key is bound already."""


def place_once(wanted: Wanted, access: Access, key: str, services: Services) -> Placed:
    """Place the calls unless their caller used this key before; then return what came of it.

    The key stays bound whatever the outcome, also after a crash and when the call is forgotten; a
    call that the dialling rules refuse binds it not. Raises ObdtrackError: invalid if the key
    belongs to another body, conflict if the first request is still running, its response was never
    stored and its call is not kept any more, or a rule refuses.
    """
    owner_id, key = access.owner_id, _kept_name(key, wanted.requests, services)
    fingerprints = _fingerprints(wanted, services.encryption)

    def bind(intention: PendingSubmission, _: Journal) -> None:
        def bound() -> bool:
            return claim(owner_id, key, fingerprints[0], intention.call_id, intention.created_at)

        if bound():
            return
        sure = witness.beyond_doubt(services.shared_now())
        too_old = sure - timedelta(days=services.settings.idempotency_days)
        if not (forget(owner_id, key, too_old) and bound()):
            raise _BoundError

    stored: list[StoredSubmission] = []
    try:
        # What was asked before is answered as before, also when no call may be placed now.
        rules = dialling_rules(wanted.requests[0], services, skip=wanted.skip)
        conditions = [bind, *rules]
        pending = place_submission(
            wanted.requests, access.key_id, services, conditions, stored.append
        )
        return Placed(pending.call_id, pending, stored=next(iter(stored), None))
    except _BoundError:
        return _replay(owner_id, key, fingerprints, wanted)


_NOTHING_GIVEN = asdict(CallRequest(to="", bridge=""))

_FIRST_FIELDS = (
    "to", "bridge", "flow_id", "audio", "name", "interval", "webhook_id", "variables", "reference",
    "metadata",
)  # fmt: skip
"""What fingerprints were once made of, given or not. Keys are kept that were bound by those."""


def _fingerprints(wanted: Wanted, encryption: Encryption) -> tuple[str, str, str]:
    """Return what tells this request from others, and what did in earlier versions.

    Only what the caller gave counts: a field that a later version adds, or another default, must
    not make another request of one that is sent again. It is keyed, since a six-digit code among
    the variables could be guessed otherwise; by which key stands before it.
    """
    fields = asdict(wanted.requests[0])
    told: dict[str, object] = {
        n: v for n, v in fields.items() if n in wanted.given and v != _NOTHING_GIVEN[n]
    }
    if wanted.is_list:
        told["to"] = [(one.to, one.reference, one.metadata) for one in wanted.requests]
        told["skip"] = wanted.skip
    earlier = {name: fields[name] for name in _FIRST_FIELDS}
    ours = encryption.fingerprint(canonical(told))
    return f"{encryption.key_name}:{ours}", ours, encryption.fingerprint(canonical(earlier))


def place_guarded(wanted: Wanted, key_id: UUID, services: Services) -> Placed:
    """Place the calls; if the guard is on, refuse a twin of a call made moments ago.

    Raises ObdtrackError (conflict) naming the earlier call, or the dialling rule that refuses.
    """
    rules = dialling_rules(wanted.requests[0], services, skip=wanted.skip)
    conditions: list[Condition] = [*rules, unless_twins(services, skip=wanted.skip)]
    stored: list[StoredSubmission] = []
    pending = place_submission(wanted.requests, key_id, services, conditions, stored.append)
    return Placed(pending.call_id, pending, stored=next(iter(stored), None))


def keep_response(owner_id: UUID, key: str, body: str, services: Services) -> None:
    """Keep the response to the first request with this key; ObdtrackError if that cannot be."""
    with services.store.write():
        store_response(owner_id, key, body)


_TELLING_DIGITS = 8


def _kept_name(key: str, requests: Sequence[CallRequest], services: Services) -> str:
    """Return how a caller's own key that holds a number is kept: as it is, unless that is erased.

    Otherwise a request repeated after the erasure would not be known again, and ring a second time.
    """
    for request in requests:
        digits = "".join(filter(str.isdigit, key))
        if phone.provider_digits(request.to)[-_TELLING_DIGITS:] in digits:
            name = pseudonym(request.to, services.encryption)
            if queries.is_called(name):
                key = Spellings(request.to).replaced(key, name)
    return key


def _replay(owner_id: UUID, key: str, fingerprints: Sequence[str], wanted: Wanted) -> Placed:
    bound = find(owner_id, key)
    if bound is None:
        raise _running()
    call = queries.find(str(bound.call_id))
    if not _is_same(bound, fingerprints, call, wanted):
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
    return Placed(bound.call_id, None, bound.body)


def _is_same(
    bound: models.IdempotencyKey,
    fingerprints: Sequence[str],
    call: models.Call | None,
    wanted: Wanted,
) -> bool:
    """Whether the key is bound to this request.

    A fingerprint made under another OBDTRACK_SECRET_KEY cannot be compared. Then the call that was
    placed says whether the request was another; where it cannot either, nobody is rung twice.
    """
    if bound.fingerprint in fingerprints:
        return True
    if bound.fingerprint.partition(":")[0] == fingerprints[0].partition(":")[0]:
        return False
    if call is None:
        return True
    calls = submissions.calls_of(call.submission.id)
    if len(calls) != len(wanted.requests):
        return False
    return all(
        phone.is_erased(one.to_number) or _is_request_of(one, request, wanted)
        for one, request in zip(calls, wanted.requests, strict=True)
    )


def _is_request_of(call: models.Call, request: CallRequest, wanted: Wanted) -> bool:
    placed = request_of(call)
    bridge = request.bridge if "bridge" in wanted.given else placed.bridge
    names = sorted(request.variables) == call.submission.variable_names
    return names and replace(request, bridge=bridge, variables={}) == placed


def _running() -> ObdtrackError:
    return ObdtrackError(
        Code.CONFLICT, "The first request with this key is still running.", retry_after=2
    )
