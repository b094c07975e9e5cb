"""How the installation is: what the checks find, and the figures an operator wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.operations.backup import BACKED_UP
from obdtrack.operations.doctor.diagnosis import CHECKS, diagnose
from obdtrack.operations.doctor.result import CheckedInstallation, CheckResult, Level
from obdtrack.operations.system_status import Queue, last_report_at, task_queues
from obdtrack.providers.registry import misspelt
from obdtrack.services import Services
from obdtrack.settings import PREFIX
from obdtrack.store import leases
from obdtrack.store.columns import from_microseconds
from obdtrack.store.connections import connected
from obdtrack.store.sqlite import SqliteStore

INSTALLATION = "installation"
"""What the trace of a check is about."""

ASKING = ("provider", "webhook", "clock")
"""The checks that ask the network: they run when somebody wants them to."""

Findings = Mapping[str, CheckResult]


class Health(NamedTuple):
    """What was found at `taken_at` without asking the network.

    `size` is the database's in bytes; `tasks` are those that are due, by kind.
    """

    taken_at: datetime
    findings: Findings
    size: int
    last_report_at: datetime | None
    backed_up_at: datetime | None
    tasks: Mapping[str, Queue]


class Checked(NamedTuple):
    """What the checks that ask the network found when they ran last."""

    at: datetime
    by: str
    findings: Findings


def look(services: Services) -> Health:
    """Run the checks that take some milliseconds, and read the figures."""
    found = _findings([name for name in CHECKS if name not in ASKING], services)
    with connected(services.store):
        stored = leases.counters([BACKED_UP])[BACKED_UP]
        return Health(
            taken_at=services.now(),
            findings=found,
            size=_size(services),
            last_report_at=last_report_at(),
            backed_up_at=from_microseconds(stored) if stored else None,
            tasks=task_queues(services.now()),
        )


def check_now(actor: Actor, services: Services) -> None:
    """Run the checks that ask the network, some seconds; what they find stays in the trace."""
    found = _findings(ASKING, services)
    detail = {name: one._asdict() for name, one in found.items()}
    audit.record(Action.INSTALLATION_CHECKED, INSTALLATION, actor, services, detail)


def last_checked() -> Checked | None:
    """Return what the last of these runs found; None if there was none."""
    for row in audit.newest(1, subject=INSTALLATION):
        found = {name: CheckResult(**row.detail[name]) for name in ASKING if name in row.detail}
        found = {name: it._replace(level=Level(it.level)) for name, it in found.items()}
        return Checked(row.recorded_at, row.actor, found)
    return None


def _findings(names: Iterable[str], services: Services) -> Findings:
    wanted = {name: CHECKS[name] for name in names}
    unknown = tuple(misspelt(PREFIX + name for name in services.settings.extra))
    subject = CheckedInstallation(services.settings, services, unknown=unknown)
    return dict(diagnose(subject, wanted))


def _size(services: Services) -> int:
    store = services.store
    if isinstance(store, SqliteStore):
        return Path(store.title).stat().st_size + store.log_bytes()
    return int(store.execute_sql("SELECT pg_database_size(current_database())").fetchone()[0])


def worst(findings: Findings) -> Level:
    """Return how bad the worst of these is."""
    return max((one.level for one in findings.values()), key=list(Level).index, default=Level.OK)
