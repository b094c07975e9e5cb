"""Checks, in the database, that every acknowledged report is there and has done its work."""

from __future__ import annotations

from collections.abc import Sequence

from bench import reports
from bench.databases import Databases
from bench.load import Load

_COUNTS = {
    "stored": "SELECT count(*) FROM deliveries WHERE outcome = 'matched'",
    "stored as anything else": "SELECT count(*) FROM deliveries WHERE outcome <> 'matched'",
    "on a timeline": "SELECT count(*) FROM events WHERE kind = 'report'",
    "folded": "SELECT count(*) FROM calls WHERE status = 'completed'",
}
_EXACTLY = (
    "SELECT count(*) FROM calls JOIN deliveries ON deliveries.call_id = calls.id "
    "JOIN events ON events.call_id = calls.id AND events.delivery_id = deliveries.id "
    "WHERE calls.status = 'completed' AND calls.mid >= '{0}' AND calls.mid < '{1}'"
)


def faults(databases: Databases, url: str, loads: Sequence[tuple[int, Load]]) -> list[str]:
    """List what is wrong; nothing is, if all loads (each with its first call) were answered well.

    Where every request was acknowledged, exactly those reports must be there, each once, with its
    event and its call completed; where some were refused, at least as many as were acknowledged.
    """
    counts = {what: _count(databases, url, sql) for what, sql in _COUNTS.items()}
    acknowledged = sum(load.acknowledged for _, load in loads)
    wrong = [
        f"{acknowledged} reports were acknowledged, {counts[what]} are {what}"
        for what in ("stored", "on a timeline", "folded")
        if counts[what] < acknowledged
    ]
    if counts["stored as anything else"]:
        wrong.append(f"{counts['stored as anything else']} reports were not matched")
    for first, load in loads:
        wrong += _of_load(databases, url, first, load)
    return wrong


def _of_load(databases: Databases, url: str, first: int, load: Load) -> list[str]:
    if load.acknowledged != load.sent:
        return [f"of {load.sent} requests, {load.refused} were refused and {load.broken} broke"]
    sql = _EXACTLY.format(reports.mid(first), reports.mid(first + load.sent))
    found = _count(databases, url, sql)
    return [] if found == load.sent else [f"{load.sent} were sent from {first}, {found} arrived"]


def _count(databases: Databases, url: str, sql: str) -> int:
    return int(databases.ask(url, sql)[0][0])
