"""Forgets what is older than the settings allow, a little at a time, between reports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from obdtrack.access import audit
from obdtrack.access.audit import Action, Itself
from obdtrack.calls.placing import idempotency_rows
from obdtrack.domain.status import Outcome
from obdtrack.privacy import retention_rows
from obdtrack.services import Services
from obdtrack.store import leases, partitions

BATCH = 500
"""Rows deleted in one transaction, so that reports wait for milliseconds at most."""

PAUSE_SECONDS = 0.05
"""Between two transactions: whoever waits for a turn to write gets it."""

LONGEST_SECONDS = 5.0
"""How long one run may keep the other chores waiting; the next goes on where it stopped."""


class RetainedKind(NamedTuple):
    """Something that grows old: the setting that says when (days), and how some of it goes.

    `forget` takes the time before which it is too old and how many rows may go; it gives how many
    went, 0 if none is left.
    """

    setting: str
    forget: Callable[[datetime, int], int]


KINDS = (
    RetainedKind("idempotency_days", idempotency_rows.forget_older),
    RetainedKind(
        "retention_quarantine_days", partial(retention_rows.forget_deliveries, Outcome.REJECTED)
    ),
    RetainedKind(
        "retention_unmatched_days", partial(retention_rows.forget_deliveries, Outcome.UNMATCHED)
    ),
    RetainedKind("retention_calls_days", retention_rows.forget_other_deliveries),
    RetainedKind("retention_calls_days", retention_rows.forget_calls),
)


def forget_old(
    context: Services,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Delete what is past its time, for LONGEST_SECONDS at most; returns how many rows went.

    What is deleted is audited: rows by the setting that let them go.
    """
    deadline, gone = monotonic() + LONGEST_SECONDS, Counter[str]()
    hour = context.now().replace(minute=0, second=0, microsecond=0)
    try:
        for kind in KINDS:
            # By whole hours, so that the audit gets an entry an hour and not one a minute.
            before = hour - timedelta(days=getattr(context.settings, kind.setting))
            while monotonic() < deadline and (rows := _forget_some(kind, before, context)):
                gone[kind.setting] += rows
                sleep(PAUSE_SECONDS)
    finally:
        _record({"rows": dict(gone)} if gone else {}, context)
    with context.store.write():
        leases.forget_leases(hour - timedelta(days=1))
    return gone.total()


def _record(detail: Mapping[str, Any], context: Services) -> None:
    if detail:
        audit.record(Action.OLD_FORGOTTEN, "retention", Itself(), context, detail)


def _forget_some(kind: RetainedKind, before: datetime, context: Services) -> int:
    with context.store.write():
        retention_rows.overwrite_deleted(context.store)
        return kind.forget(before, BATCH)


def turn_partitions(context: Services) -> None:
    """Make the next months' partitions of raw deliveries, and drop those past their time."""
    now = context.now()
    oldest = now - timedelta(days=context.settings.retention_calls_days)
    with context.store.write():
        partitions.prepare(context.store, now)
        dropped = partitions.drop_before(context.store, oldest)
        _record({"partitions": dropped} if dropped else {}, context)
