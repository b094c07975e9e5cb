"""Raw requests that reached the callback, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from peewee import fn

from obdtrack.calls.reports.room import Held, Room, surplus
from obdtrack.domain.content_coding import UndecodableError, decode
from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.domain.naming import ProviderIds, names_of
from obdtrack.domain.phone import parts_of
from obdtrack.domain.reports import PlainReport, RawDelivery, Reading, Report, numbers_in
from obdtrack.domain.status import Outcome
from obdtrack.domain.times import to_text
from obdtrack.providers.base import Provider
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, models
from obdtrack.store.columns import to_microseconds

_WRONG = "its secret is not one of OBDTRACK_WEBHOOK_SECRETS"
_MISPLACED = (
    "it carried one of OBDTRACK_WEBHOOK_SECRETS, but not in the header Authorization; have the "
    "provider send “Bearer <secret>” there, and reprocess this"
)
_RAW = ("id", "received_at", "provider", "method", "query", "headers", "content_type", "body")
_MEANING = ("outcome", "reason", "call_id", "provider_id", "mid", "to_number")

_TOLD = {
    Outcome.UNMATCHED: EventType.DELIVERY_UNMATCHED,
    Outcome.UNREADABLE: EventType.DELIVERY_UNREADABLE,
}


class InboundRequest(NamedTuple):
    """A raw request with its place in the inbox; `received_at` is aware UTC."""

    id: UUID
    received_at: datetime
    raw: RawDelivery
    provider: str


class DeliveryResult(NamedTuple):
    """What a delivery turned out to be; the last three are what it waits for, if it waits."""

    outcome: Outcome
    reason: str | None = None
    call_id: UUID | None = None
    provider_id: str | None = None
    mid: str | None = None
    to_number: str | None = None


def meaning(
    outcome: Outcome,
    reason: str | None,
    call_id: UUID | None,
    reading: Reading | PlainReport | None,
    ids: ProviderIds,
) -> DeliveryResult:
    """Put an outcome together with the keys under which an unmatched report waits.

    One that was set aside on a call's timeline waits for nobody.
    """
    if outcome is not Outcome.UNMATCHED or call_id or not isinstance(reading, Report | PlainReport):
        return DeliveryResult(outcome, reason, call_id)
    names = names_of(reading, ids)
    mid = names.mid or next(iter(names.submissions), None)
    return DeliveryResult(outcome, reason, call_id, names.provider_id, mid, reading.to)


def add(found: Iterable[tuple[InboundRequest, DeliveryResult]]) -> None:
    """Store requests together with what they mean."""
    bulk_sql.insert(
        models.Delivery,
        _RAW + _MEANING,
        [(*_raw_row(stored), *meaning) for stored, meaning in found],
    )


def tell(found: Iterable[tuple[InboundRequest, DeliveryResult]], services: Services) -> None:
    """Put those of these into the feed that somebody has to look at, with what they mean now."""
    services.tell(
        FeedEvent(
            new_id(),
            _TOLD[meaning.outcome],
            services.now(),
            stored.id,
            data={
                "id": stored.id,
                "received_at": to_text(stored.received_at),
                "outcome": meaning.outcome,
                "reason": meaning.reason,
                "call_id": meaning.call_id,
                "provider_id": meaning.provider_id or meaning.mid,
                "to": meaning.to_number,
            },
        )
        for stored, meaning in found
        if meaning.outcome in _TOLD
    )


def add_rejected(found: Iterable[tuple[InboundRequest, str]], ours: Collection[str]) -> None:
    """Store rejected requests, each with the keyed hash of the secret it carried.

    It is one of `ours` where that stood elsewhere than it belongs.
    """
    bulk_sql.insert(
        models.Delivery,
        (*_RAW, *_MEANING, "secret_fingerprint"),
        [
            (*_raw_row(stored), *DeliveryResult(Outcome.REJECTED, reason), fingerprint)
            for stored, fingerprint in found
            for reason in [_MISPLACED if fingerprint in ours else _WRONG]
        ],
    )


def prune_rejected(rows_kept: int, bytes_kept: int, ours: Collection[str] = ()) -> int:
    """Delete rejected requests beyond these bounds; returns how many went.

    Those that carried one of `ours` (keyed hashes of our secrets) have as much room of their own.
    """
    delivery = models.Delivery
    # Without coercion the lengths would be converted as if they were bodies.
    sizes = [fn.LENGTH(column).coerce(False) for column in (delivery.body, delivery.query)]
    query = delivery.select(delivery.id, delivery.secret_fingerprint, *sizes)
    query = query.where(delivery.outcome == Outcome.REJECTED).order_by(delivery.id)
    rows: Iterable[Any] = query.tuples()
    held = [Held(row, secret, body + text) for row, secret, body, text in rows]
    room = Room(rows_kept, bytes_kept)
    gone = surplus((one for one in held if one.secret not in ours), room)
    gone += surplus((one for one in held if one.secret in ours), room)
    delivery.delete().where(delivery.id.in_(gone)).execute()
    return len(gone)


def set_meanings(found: Iterable[tuple[UUID, DeliveryResult]]) -> None:
    """Store what deliveries mean now, after they were read again."""
    bulk_sql.update(
        models.Delivery,
        _MEANING,
        ("id",),
        [(*meaning, delivery_id) for delivery_id, meaning in found],
    )


def waiting_for(provider: str, names: Collection[str]) -> list[InboundRequest]:
    """List the unmatched deliveries that may belong to a provider's call or submission so named.

    Oldest first. Either id may stand under either key: who composes a report puts them where they
    like.
    """
    wanted = sorted(names)
    columns, keys = ("id", "outcome", "provider"), (("provider_id", wanted), ("mid", wanted))
    found = bulk_sql.fetch_any(models.Delivery, columns, keys, order="id")
    unmatched = [one for one, *rest in found if rest == [Outcome.UNMATCHED, provider]]
    return [to_stored(row) for row in bulk_sql.load(models.Delivery, "id", unmatched)]


def waiting_of_number(
    provider: str, number: str, since: datetime, limit: int
) -> list[models.Delivery]:
    """List the newest reports since then that give this number (E.164) and have no call yet."""
    delivery = models.Delivery
    query = delivery.select().where(delivery.to_number.in_(sorted({number, *parts_of(number)})))
    waiting = query.where(delivery.outcome == Outcome.UNMATCHED, delivery.provider == provider)
    newest_first = waiting.where(delivery.received_at >= since).order_by(delivery.id.desc())
    return list(newest_first.limit(limit))


def ids_of(outcome: Outcome, limit: int) -> list[UUID]:
    """List the ids of deliveries with this outcome, oldest first."""
    delivery = models.Delivery
    query = delivery.select(delivery.id).where(delivery.outcome == outcome)
    return [row.id for row in query.order_by(delivery.id).limit(limit)]


def of_call(call_id: UUID) -> list[models.Delivery]:
    """List the deliveries that are about a call, oldest first."""
    return bulk_sql.load(models.Delivery, "call_id", [call_id])


def last_of_call(call_id: UUID, limit: int, until: datetime | None) -> list[models.Delivery]:
    """List the last deliveries about a call, or the last until then, oldest first."""
    before = datetime.max.replace(tzinfo=UTC) if until is None else until
    last = "WHERE call_id = ? AND received_at <= ? ORDER BY id DESC LIMIT ?"
    values = (call_id.bytes, to_microseconds(before), limit)
    return bulk_sql.load_where(models.Delivery, last, *values)[::-1]


def find(delivery_id: UUID) -> models.Delivery | None:
    """Return one delivery, raw."""
    return models.Delivery.get_or_none(models.Delivery.id == delivery_id)


def newest(
    limit: int, before: UUID | None = None, outcome: str | None = None
) -> list[models.Delivery]:
    """List deliveries, newest first, at most `limit`, older than `before`."""
    wanted = {"outcome = ?": outcome, "id < ?": before and before.bytes}
    given = {condition: value for condition, value in wanted.items() if value is not None}
    rest = f"{'WHERE' * bool(given)} {' AND '.join(given)} ORDER BY id DESC LIMIT ?"
    return bulk_sql.load_where(models.Delivery, rest, *given.values(), limit)


def newest_of(
    outcomes: Collection[str], limit: int, before: UUID | None = None
) -> list[models.Delivery]:
    """List deliveries with any of these outcomes (none: with any at all), as `newest` does."""
    found = [row for outcome in outcomes or (None,) for row in newest(limit, before, outcome)]
    return sorted(found, key=lambda row: row.id.bytes, reverse=True)[:limit]


def read_again(row: models.Delivery, provider: Provider) -> Reading | None:
    """Return what a stored request says; None if it cannot be read, which its outcome shows."""
    try:
        return provider.read_delivery(to_stored(row).raw)
    except Exception:
        return None


def numbers_of(row: models.Delivery, call: models.Call | None, reading: Reading | None) -> set[str]:
    """Return the numbers that a stored request is about: its call's, and what it says itself."""
    known = {call and call.to_number, row.to_number, *numbers_in(reading)}
    return {number for number in known if number}


def to_stored(row: models.Delivery) -> InboundRequest:
    """Return a stored row as the request it was; an older version stored bodies compressed."""
    body = row.body
    if "content-encoding" in row.headers:
        with suppress(UndecodableError, OverflowError):
            body = decode(body, row.headers["content-encoding"])
    raw = RawDelivery(row.method, row.query, row.headers, row.content_type, body)
    return InboundRequest(row.id, row.received_at, raw, row.provider)


def _raw_row(stored: InboundRequest) -> Sequence[object]:
    raw = stored.raw
    return (
        stored.id, stored.received_at, stored.provider, raw.method, raw.query, raw.headers,
        raw.content_type, raw.body,
    )  # fmt: skip
