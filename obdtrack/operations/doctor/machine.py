"""Checks what is on this machine: settings, database, migrations, disk, SQLite."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import humanize

from obdtrack.calls import search
from obdtrack.calls.search import CallFilter
from obdtrack.domain.times import to_text
from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.operations.doctor.result import (
    CheckedInstallation,
    CheckResult,
    NotCheckedError,
    ok,
    problem,
    warning,
)
from obdtrack.operations.probe import prove_reportable, prove_writable
from obdtrack.providers.registry import objections
from obdtrack.settings import PREFIX, SECRET_LENGTH, SETTINGS, Settings, require_for_serving
from obdtrack.store.connections import asking, connected
from obdtrack.store.database import Store
from obdtrack.store.database_errors import unavailable_if_locked
from obdtrack.store.file_systems import OF_THE_HOST, file_system
from obdtrack.store.migrate import check_schema, require_tables
from obdtrack.store.sqlite import SqliteStore

FULL_BYTES = 256 * 1024**2
"""With less than this free the next burst of reports may not fit."""

TIGHT_BYTES = 1024**3

LONG_LOG_BYTES = 16 * 1024**2
"""SQLite's log is copied back at 4 MiB; a burst may make it somewhat longer."""

_FIRST_WITH_BUG, _FIRST_WITHOUT = (3, 7, 0), (3, 51, 3)


def check_settings(subject: CheckedInstallation) -> CheckResult:
    """Report all wrong and missing settings at once."""
    wrong = [*subject.wrong, *_refusals(subject.settings)]
    if wrong:
        return problem(
            "\n".join([*wrong, *subject.unknown]),
            "correct them in the environment; docs/configuration.md lists all",
        )
    for holds, text, remedy in _DOUBTS:
        if holds(subject):
            return warning(text.format("\n".join(subject.unknown)), remedy)
    return ok("complete")


def _refusals(settings: Settings) -> Iterator[str]:
    """Return what `serve` would refuse to start with."""
    try:
        require_for_serving(settings)
    except ConfigError as error:
        yield from str(error).splitlines()
    yield from objections({name: getattr(settings, name) for name in SETTINGS})


_DOUBTS: tuple[tuple[Callable[[CheckedInstallation], object], str, str], ...] = (
    (
        lambda subject: subject.unknown,
        "{}",
        "correct its name, or unset it",
    ),
    (
        lambda subject: subject.settings.insecure,
        "serving without secrets is allowed: whoever reaches the port is believed",
        f"unset {PREFIX}INSECURE",
    ),
    (
        lambda subject: 0 < len(subject.settings.webhook_token or "") < SECRET_LENGTH,
        f"{PREFIX}WEBHOOK_TOKEN has fewer than {SECRET_LENGTH} characters and may be guessed",
        "set a longer one and run: python -m obdtrack webhook register --update",
    ),
    (
        lambda subject: not subject.settings.bridge,
        "there is no default calling number, so every request must name one",
        f"set {PREFIX}BRIDGE",
    ),
)


def check_database(subject: CheckedInstallation) -> CheckResult:
    """Write something small, and look at who else may read the file."""
    path = _file(subject)
    if path and not os.path.exists(path):  # Path's own method raises where this one says no
        return problem(f"there is no {path}", "create it with: python -m obdtrack migrate")
    if subject.services is None:
        return problem(subject.no_database, f"check {PREFIX}DATABASE_URL")
    try:
        with unavailable_if_locked(), connected(subject.services.store):
            require_tables(subject.services.store)
        prove_writable(subject.services)
    except ConfigError as error:
        return _refused(error)
    except ObdtrackError as error:
        return problem(f"cannot be used: {error.__cause__}", _FOR_FILE if path else _FOR_SERVER)
    if path is None:
        return ok("PostgreSQL is writable")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return warning(f"{path} is open to other users of this machine", f"chmod 600 {path}")
    return ok(f"{path} is writable")


_FOR_FILE = (
    "check that it is obdtrack's database and intact (if not, restore a backup), that there is "
    "space, that this user owns the file and its folder, and that no other program locks it"
)
_FOR_SERVER = f"check that the server is running, and {PREFIX}DATABASE_URL"


def _file(subject: CheckedInstallation) -> Path | None:
    """Return the database's file, None for PostgreSQL; raises NotCheckedError if nobody knows."""
    if any(line.startswith(f"{PREFIX}DATABASE_URL") for line in subject.wrong):
        raise NotCheckedError(f"{PREFIX}DATABASE_URL is wrong")
    scheme, _, path = subject.settings.database_url.partition(":///")
    return Path(path).absolute() if scheme == "sqlite" else None


def check_migrations(subject: CheckedInstallation) -> CheckResult:
    """Compare the schema with the one this version needs."""
    services = subject.with_database()
    with connected(services.store):
        try:
            check_schema(services.store)
            prove_reportable(services)
        except ConfigError as error:
            return _refused(error)
        except ObdtrackError as error:
            return problem(f"a report cannot be stored: {error.__cause__}", _NO_REPORT)
    return ok("the schema is the one this version needs, and takes a report")


_NO_REPORT = "undo what was changed in the schema by hand, or restore a backup"


def _refused(error: ConfigError) -> CheckResult:
    """Return a refusal, whose last sentence is the remedy, as a problem."""
    text, _, remedy = str(error).rpartition(". ")
    return problem(text, remedy)


def check_disk(subject: CheckedInstallation) -> CheckResult:
    """Look at the space that is left for the database."""
    path = _file(subject)
    if path is None:
        return ok("not on this machine; monitor the database server's disk")
    folder = next(parent for parent in path.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    text = f"{humanize.naturalsize(free, binary=True)} free for {path.name}"
    remedy = "free some, or move the database; while the disk is full, reports are refused (503)"
    size = path.stat().st_size if path.exists() else 0
    if free < FULL_BYTES:
        return problem(text, remedy)
    if free < max(TIGHT_BYTES, size):
        return warning(f"{text}, less than a backup needs", remedy)
    return ok(text)


def check_read_replica(subject: CheckedInstallation) -> CheckResult:
    """Look whether the database that pages read fits this version and keeps up."""
    services = subject.with_database()
    replica = services.read_store
    if replica is None:
        return ok("not in use")
    try:
        with unavailable_if_locked(), connected(replica):
            check_schema(replica)
            there = _newest_call(replica)
    except ObdtrackError as error:
        return problem(
            f"cannot be read, so no page can be shown: {error.__cause__}",
            f"check that it is running, or unset {PREFIX}READ_DATABASE_URL",
        )
    with connected(services.store):
        here = _newest_call(services.store)
    if here and (there is None or here - there > _FAR_BEHIND):
        return warning(
            f"is behind: its newest call is {to_text(there) if there else 'none'}, that of the "
            f"main database {to_text(here)}",
            "check that the database server still replicates to it",
        )
    return ok("can be read and is not behind")


def _newest_call(store: Store) -> datetime | None:
    with asking(store):
        return next((call.created_at for call in search.newest(CallFilter(), 1)), None)


_FAR_BEHIND = timedelta(minutes=1)


def check_sqlite(subject: CheckedInstallation) -> CheckResult:
    """Report a file that the host can write to, a log that grows, and the bug in the log."""
    path = _file(subject)
    if path is None:
        return ok("not in use")
    if (kind := file_system(path)) in OF_THE_HOST:
        return warning(
            f"{path} is in a folder of the machine that this one runs in ({kind}): a second server "
            "there, or in another machine that has the folder, would damage it",
            "let only one machine use it, or move it to a disk of this machine or to PostgreSQL",
        )
    store = subject.services.store if subject.services else None
    if isinstance(store, SqliteStore) and store.log_bytes() > LONG_LOG_BYTES:
        with connected(store):
            if store.log_is_held():
                return warning(
                    f"its log of {humanize.naturalsize(store.log_bytes(), binary=True)} grows, as "
                    "another program keeps a reading transaction open; everything gets slower",
                    f"find it with `fuser -v {store.title}`, and end its transaction",
                )
    version = tuple(int(part) for part in sqlite3.sqlite_version.split("."))
    if not _FIRST_WITH_BUG <= version < _FIRST_WITHOUT:
        return ok(sqlite3.sqlite_version)
    return warning(
        f"{sqlite3.sqlite_version}: versions 3.7.0 to 3.51.2 can corrupt the log when two "
        "connections commit and checkpoint at the same instant; obdtrack's own write lock lets "
        "only one of its processes write at a time, so it is safe from that",
        "let no other program write to the file; SQLite 3.51.3 fixes the bug",
    )
