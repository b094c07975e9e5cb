"""Which calls of the provider's log may be the one whose answer we never got."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.report import FoundCall

BEFORE = timedelta(minutes=2)
AFTER = timedelta(minutes=10)
"""How far the provider's time of a call may lie from our request: clocks differ, queues hold."""

LONGEST = timedelta(minutes=5)
"""No request is under way for longer, however late it is written down that it failed."""


class Wanted(NamedTuple):
    """What is known of the call: number and bridge in E.164, and when it can have been created."""

    to: str
    bridge: str
    since: datetime
    until: datetime


def window(requested_at: datetime, given_up_at: datetime) -> tuple[datetime, datetime]:
    """Give when the provider can have created a call that we asked for in this time."""
    return requested_at - BEFORE, min(given_up_at, requested_at + LONGEST) + AFTER


def rivals_made(wanted: Wanted) -> tuple[datetime, datetime]:
    """Give from when to when calls were made that what fits the wanted one may fit as well."""
    return wanted.since - LONGEST - AFTER, wanted.until + BEFORE


def plausible(
    found: Iterable[FoundCall], wanted: Wanted, taken: Collection[str]
) -> list[FoundCall]:
    """Give the calls that may be the wanted one: same number, same bridge if told, in time.

    `taken` holds ids that are some other call's already. A call that does not say when it was
    created or started is never plausible: a number alone is no evidence.
    """
    return [call for call in found if _fits(call, wanted) and call.report.provider_id not in taken]


def _fits(found: FoundCall, wanted: Wanted) -> bool:
    report = found.report
    began = found.created_at or report.started_at
    bridge = report.caller or report.bridge
    return (
        report.provider_id is not None
        and report.to == wanted.to
        and bridge in (None, wanted.bridge)
        and began is not None
        and wanted.since <= began <= wanted.until
    )
