"""Moves an installation to another database, and proves that nothing was lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from obdtrack.calls.rebuild import Rebuilt, rebuild
from obdtrack.errors import ConfigError
from obdtrack.operations import copying
from obdtrack.services import Services, utc_now
from obdtrack.store import leases
from obdtrack.store.database import Store, bind_tables
from obdtrack.store.migrate import check_schema, migrate
from obdtrack.store.models import Lease, Table
from obdtrack.store.schema import TABLES


class CopiedPart(NamedTuple):
    """One table on its way: its name, how many rows it has, and how many stand in the target."""

    name: str
    rows: int
    copied: int


def require_quiet(source: Store) -> None:
    """Raise ConfigError if a process still works on the database: what it adds would be lost."""
    bind_tables(source)
    if leases.any_lease_alive(utc_now()):
        raise ConfigError(
            "A server or worker still uses this database. Stop it, wait ten seconds, and try again."
        )


def copy_all(source: Store, target: Store, progress: Callable[[CopiedPart], None]) -> None:
    """Copy every table that holds something of value; called again it goes on where it stopped.

    Raises ConfigError if the source's schema is not the one of this code.
    """
    check_schema(source)
    migrate(target)
    with ExitStack() as connections:
        for store in (source, target):
            connections.enter_context(store.connection_context())
        for table in _moved():
            _copy(source, target, table, progress)


def verify(source: Store, target: Store, context: Services) -> Rebuilt:
    """Compare the counts, then compute every call anew in the target; returns what differs there.

    `context` must work on the target. Raises ConfigError naming the first table that is short.
    """
    with source.connection_context(), target.connection_context():
        for table in _moved():
            left, right = copying.count(source, table), copying.count(target, table)
            if left != right:
                raise ConfigError(f"{table._meta.table_name}: {left} rows, but {right} arrived.")
    bind_tables(target)
    return rebuild(context, check=True)


def _copy(
    source: Store, target: Store, table: type[Table], progress: Callable[[CopiedPart], None]
) -> None:
    name, rows = table._meta.table_name, copying.count(source, table)
    copied = copying.count(target, table)
    progress(CopiedPart(name, rows, copied))

    def further(more: int) -> None:
        nonlocal copied
        copied += more
        progress(CopiedPart(name, rows, copied))

    copying.copy_table(source, target, table, further)


def _moved() -> list[type[Table]]:
    return [table for table in TABLES if table is not Lease]
