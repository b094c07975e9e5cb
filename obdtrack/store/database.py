"""Opens the database: SQLite or PostgreSQL, as its URL says."""

from __future__ import annotations

from obdtrack.store.postgres import PostgresStore, open_postgres
from obdtrack.store.schema import TABLES
from obdtrack.store.sqlite import SqliteStore, open_sqlite

Store = SqliteStore | PostgresStore


def open_database(url: str, *, create: bool = True, serving: bool = False) -> Store:
    """Return the store that `url` names, with the tables bound to it; nothing is connected yet.

    Unless told not to `create` it, an SQLite file that is missing is created, and its folder. A
    process that is `serving` waits for PostgreSQL, and keeps others waiting, for moments only.
    Raises ConfigError, naming the absolute path, if there is no such file then, or none that can be
    read; and if `url` is not an address of PostgreSQL's.
    """
    is_file = url.startswith("sqlite:")
    store = open_sqlite(url, create=create) if is_file else open_postgres(url, serving=serving)
    bind_tables(store)
    return store


def open_replica(url: str, *, serving: bool = False) -> PostgresStore:
    """Return the store of a PostgreSQL database that is only read; nothing is connected yet.

    It is asked by those who say so (`asking`). The server refuses to write there.
    Raises ConfigError if `url` is not an address of PostgreSQL's.
    """
    store = open_postgres(url, "OBDTRACK_READ_DATABASE_URL", serving=serving)
    store.reads_only = True
    return store


def bind_tables(store: Store) -> None:
    """Have all questions asked of this store from now on, unless another is being asked."""
    store.bind(TABLES, bind_refs=False, bind_backrefs=False)
