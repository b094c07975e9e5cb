"""Clears what replaced and deleted rows leave behind in the files of the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial

from obdtrack.errors import ObdtrackError
from obdtrack.store.connections import connected
from obdtrack.store.database import Store
from obdtrack.store.database_errors import unavailable_if_locked
from obdtrack.store.models import Table
from obdtrack.store.schema import TABLES
from obdtrack.store.sqlite import SqliteStore

_TRIES = 5
_PAUSE_SECONDS = 1.0
_LOCK_TIMEOUT = "5s"
_STATISTICS = "pg_catalog.pg_statistic"


def vacuum(store: Store, touched: Iterable[type[Table]]) -> bool:
    """Write what remains anew, so that no replaced byte is left in the files of the database.

    Nobody else can write meanwhile. False if others kept reading all the while: the rows are
    right then, but the files may hold old ones still. Raises ObdtrackError (unavailable) if the
    database or the disk refused.
    """
    if isinstance(store, SqliteStore):
        return _clear_sqlite(store)
    names = [str(table._meta.table_name) for table in touched]
    cleared = [_clear_table(store, f'"{name}"') for name in names]  # each, whatever came
    # The planner's samples of what stood in the columns lie there too, and outlive the rows.
    return all([*cleared, _sample_anew(store), _clear_table(store, _STATISTICS)])


def _sample_anew(store: Store) -> bool:
    """Take new samples of all our tables; False if old ones of tables that are empty now stay.

    Those ANALYZE leaves alone. They are dropped before, which PostgreSQL can do since version 18.
    """
    names = [str(table._meta.table_name) for table in TABLES]
    with unavailable_if_locked(), connected(store), store.atomic():
        (can_drop,) = store.execute_sql(_CAN_DROP_SAMPLES).fetchone()
        if can_drop:
            store.execute_sql(_DROP_SAMPLES, (names, names))
        store.execute_sql(f"ANALYZE {', '.join(names)}")
        return can_drop or not store.execute_sql(_SAMPLED, (names, names)).fetchone()[0]


_CAN_DROP_SAMPLES = "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'pg_clear_attribute_stats')"

_OURS = """SELECT {} FROM pg_stats JOIN pg_class
    ON oid = to_regclass(quote_ident(schemaname) || '.' || quote_ident(tablename))
  WHERE oid IN (SELECT unnest(%s::text[])::regclass
    UNION SELECT relid FROM unnest(%s::text[]) AS name, pg_partition_tree(name::regclass))"""
_DROP_SAMPLES = _OURS.format("pg_clear_attribute_stats(schemaname, tablename, attname, inherited)")
_SAMPLED = f"SELECT EXISTS ({_OURS.format('attname')} AND reltuples < 1)"


def _clear_table(store: Store, what: str) -> bool:
    with unavailable_if_locked(), connected(store):
        (newest,) = store.execute_sql("SELECT pg_current_xact_id()::text").fetchone()
    only_new = _until(partial(_is_past, store, newest))
    return _until(partial(_write_anew, store, what)) and only_new


def _is_past(store: Store, transaction: str) -> bool:
    """Whether nobody sees the database as it was before this transaction any more.

    Rows that somebody could still see are written anew as well, by whatever table he reads; the
    server's own taking of samples is such a reader. Our own rewriting is another, of what was there
    before the oldest transaction that runs anywhere on the server, in other databases too.
    """
    with unavailable_if_locked(), connected(store):
        (past,) = store.execute_sql(_NOBODY_OLDER, (transaction, transaction)).fetchone()
    return bool(past)


# Readers without a database are standbys, and slots are those that are not connected now.
_NOBODY_OLDER = """SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8 AND NOT EXISTS (
  SELECT FROM (
    SELECT backend_xmin AS seen FROM pg_stat_activity
    WHERE (datname = current_database() OR datname IS NULL) AND pid <> pg_backend_pid()
    UNION ALL SELECT xmin FROM pg_replication_slots
    UNION ALL SELECT catalog_xmin FROM pg_replication_slots
  ) AS readers WHERE age(seen) > age(%s::xid8::xid))"""


def _clear_sqlite(store: SqliteStore) -> bool:
    with unavailable_if_locked(), connected(store):
        with store.in_turn():
            # In memory the copy would take as much of that as the database has on disk.
            store.pragma("temp_store", "file")
            try:
                store.execute_sql("VACUUM")
            finally:
                store.pragma("temp_store", "memory")
        return _until(partial(_empty_log, store))


def _empty_log(store: SqliteStore) -> bool:
    with store.in_turn():
        busy, *_ = store.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _write_anew(store: Store, what: str) -> bool:
    try:
        with unavailable_if_locked(), connected(store):
            store.execute_sql(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
            try:
                store.execute_sql(f"VACUUM (FULL) {what}")
            finally:
                store.execute_sql("RESET lock_timeout")
    except ObdtrackError:
        return False
    return True


def _until(done: Callable[[], bool]) -> bool:
    """Try some times, until it is done; returns whether it was."""
    for _ in range(_TRIES):
        if done():
            return True
        time.sleep(_PAUSE_SECONDS)
    return False
