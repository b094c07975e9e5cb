"""Every command on a database that is missing, wrong, damaged or out of reach: a sentence each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from obdtrack.cli import copy_to
from obdtrack.errors import ConfigError
from obdtrack.services import utc_now
from obdtrack.store import sqlite
from obdtrack.store.database import open_database
from obdtrack.store.database_errors import unusable
from obdtrack.store.moved import mark_moved
from tests.end_to_end.conftest import Installation
from tests.factories import settings
from tests.torture import databases

COMMANDS = {
    "audit": ["audit"],
    "backup": ["backup", "/nowhere/copy.db"],
    "copy-to": ["copy-to", "postgresql://127.0.0.1:1/other"],
    "erase": ["erase", "--yes", "+918867135001"],
    "export": ["export", "+918867135001"],
    "keys create": ["keys", "create", "a-key"],
    "keys list": ["keys", "list"],
    "poll": ["poll"],
    "rebuild": ["rebuild"],
    "replay": ["replay", "--outcome", "unmatched"],
    "serve": ["serve"],
    "suppress": ["suppress", "add", "+918867135001"],
    "webhook": ["webhook", "test", "--url", "http://127.0.0.1:1/"],
    "worker": ["worker"],
}


def cut(path: Path) -> None:
    path.write_bytes(databases._template()[:9000])


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE cookies (id INTEGER)")


def moved_away(path: Path) -> None:
    path.write_bytes(databases._template())
    store = open_database(f"sqlite:///{path}")
    with store.connection_context():
        mark_moved(store, "its new place", utc_now())
    store.close_all()


MADE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda _: None,
        "There is no database at {path}. Create it with: python",
    ),
    "empty": (Path.touch, "The database {path} is empty"),
    "a text": (lambda path: path.write_text("some text"), "{path}: file is not a database"),
    "a folder": (Path.mkdir, "{path} is not a file"),
    "cut short": (cut, "{path}: database disk image is malformed"),
    "another program's": (of_another_program, "The database {path} belongs to another program"),
    "moved": (moved_away, "The database {path} was moved to its new place"),
}


class Place:
    """Where a database should be, and what commands say about what is there instead."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "data" / "calls.db"
        self.path.parent.mkdir()
        self.installed = Installation(folder)
        self.use(f"sqlite:///{self.path}")

    def use(self, url: str) -> None:
        self.installed.environ["OBDTRACK_DATABASE_URL"] = url

    def refusal(self, *command: str) -> str:
        """Return the one sentence with which a command ends."""
        done = self.installed.outcome(*command)
        assert done.returncode in (1, 2), done.stdout
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        return line

    def findings(self) -> str:
        done = self.installed.outcome("doctor")
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr + done.stdout
        assert "please report" not in done.stdout
        return done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_no_command_but_migrate_creates_a_database(place: Place, command: list[str]) -> None:
    assert MADE["missing"][1].format(path=place.path) in place.refusal(*command)
    assert list(place.path.parent.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_file_that_is_no_database_is_named_in_one_line(place: Place, command: list[str]) -> None:
    place.path.write_text("some text")
    assert f"{place.path}: file is not a database" in place.refusal(*command)
    assert place.path.read_text() == "some text"


@pytest.mark.parametrize("kind", MADE)
def test_what_stands_in_the_place_of_the_database_is_told(place: Place, kind: str) -> None:
    make, words = MADE[kind]
    make(place.path)
    words = words.format(path=place.path)
    assert words in place.refusal("keys", "list")
    assert words in place.refusal("backup", str(place.path.parent / "copy.db"))
    assert not (place.path.parent / "copy.db").exists()
    assert kind == "missing" or words in place.findings()


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_migrate_helps_where_that_is_said(place: Place, kind: str) -> None:
    MADE[kind][0](place.path)
    assert "python -m obdtrack migrate" in place.refusal("keys", "list")
    place.installed.run("migrate")
    assert place.installed.run("keys", "list") == ""


@pytest.mark.parametrize("kind", ["a text", "a folder", "cut short", "another program's", "moved"])
def test_migrate_leaves_what_is_not_ours_alone(place: Place, kind: str) -> None:
    make, words = MADE[kind]
    make(place.path)
    assert words.format(path=place.path) in place.refusal("migrate")


def test_what_was_moved_takes_nothing_until_that_is_undone(place: Place) -> None:
    place.path.write_bytes(databases._template())
    other = place.path.parent / "other.db"
    said = place.installed.run("copy-to", f"sqlite:///{other}")
    assert "All of it arrived: 0 calls, none differs." in said
    refusal = place.refusal("keys", "create", "a-key")
    assert f"{place.path} was moved to {other} on" in refusal
    assert "python -m obdtrack copy-to --undo" in refusal
    assert "is used again" in place.installed.run("copy-to", "--undo")
    assert place.installed.run("keys", "create", "a-key").startswith("obd_")


def test_a_file_that_this_user_may_not_read_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.path.touch()
    monkeypatch.setattr(sqlite.os, "access", lambda *_: False)  # for root every file is readable
    with pytest.raises(ConfigError, match=f"{place.path} cannot be read"):
        open_database(f"sqlite:///{place.path}", create=False)


@pytest.fixture
def other_database(postgres_url: str) -> Iterator[str]:
    """The URL of a PostgreSQL database with a table of another program's, named as one of ours."""
    name = f"other_{uuid4().hex}"
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield url
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_an_empty_database_of_a_server_is_told(place: Place, other_database: str) -> None:
    place.use(other_database)
    name = urlsplit(other_database).path[1:]
    assert f"The database {name} is empty" in place.refusal("keys", "list")
    assert f"The database {name} is empty" in place.findings()
    place.installed.run("migrate")


def test_a_server_may_be_shared_unless_two_tables_have_one_name(
    place: Place, other_database: str
) -> None:
    place.use(other_database)
    with psycopg.connect(other_database, autocommit=True) as other:
        other.execute("CREATE TABLE calls (id INTEGER)")
        assert "belongs to another program" in place.refusal("keys", "list")
        assert "belongs to another program" in place.refusal("migrate")
        other.execute("ALTER TABLE calls RENAME TO cookies")
    place.installed.run("migrate")


OUT_OF_REACH = {
    "refused": ("postgresql://me:hush-hush@127.0.0.1:1/calls", "Connection refused"),
    "no such host": ("postgresql://me:hush-hush@nowhere.invalid/calls", "nowhere.invalid"),
    "no such port": ("postgresql://me:hush-hush@127.0.0.1:many/calls", '"many"'),
    "an @": ("postgresql://me:hush@hush@127.0.0.1:1/calls", "written as %40"),
    "a slash": ("postgresql://me:hush/hush@127.0.0.1:1/calls", "written as %40"),
    "a percent": ("postgresql://me:hush%hush@127.0.0.1:1/calls", "written as %40"),
    "a bracket": ("postgresql://me:hush-hush@[127/calls", "must be postgresql://"),
}


@pytest.mark.parametrize(("url", "words"), OUT_OF_REACH.values(), ids=OUT_OF_REACH.keys())
def test_a_server_out_of_reach_is_told_without_the_password(
    place: Place, url: str, words: str
) -> None:
    place.use(url)
    told = [place.refusal("keys", "list"), place.refusal("migrate"), place.findings()]
    assert all(words in text for text in told)
    assert "hush" not in "".join(told)


def test_a_server_without_the_database_is_told(place: Place, postgres_url: str) -> None:
    place.use(urlunsplit(urlsplit(postgres_url)._replace(path="/nothing_here")))
    assert 'database "nothing_here" does not exist' in place.refusal("keys", "list")


def test_a_copy_goes_to_a_database_and_nowhere_else(place: Place) -> None:
    place.installed.run("migrate")
    assert "postgresql://user@host/name" in place.refusal("copy-to", "calls.db")


URLS_WITH_PASSWORD = ["postgresql://me:hush-hush@h/calls", "postgresql://h/c?password=hush"]


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Start a copy to a URL that stands in the arguments; returns why it ended."""
    nowhere = settings(database_url=f"sqlite:///{tmp_path}/nothing.db")
    monkeypatch.setattr(copy_to, "read_settings", lambda: nowhere)

    def end(url: str) -> str:
        with pytest.raises(ConfigError) as refusal:
            copy_to.command.main([url], standalone_mode=False)
        return str(refusal.value)

    return end


@pytest.mark.parametrize("url", URLS_WITH_PASSWORD)
def test_a_password_in_the_arguments_of_a_copy_is_refused(
    copied: Callable[[str], str], url: str
) -> None:
    """Everybody on the machine could read it in the list of processes."""
    assert "read a password in a command's arguments" in copied(url)
    assert "hush" not in copied(url)


@pytest.mark.parametrize("url", URLS_WITH_PASSWORD)
def test_taking_it_there_would_be_noticed(
    copied: Callable[[str], str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_to, "_has_password", lambda _: False)
    assert "read a password in a command's arguments" not in copied(url)


def test_a_wrong_statement_is_no_trouble_of_the_database() -> None:
    assert unusable(sqlite3.DatabaseError("file is not\na database")) == "file is not"
    assert unusable(sqlite3.OperationalError()) == "OperationalError"
    assert unusable(psycopg.errors.AdminShutdown("gone")) == "gone"
    for error in (sqlite3.IntegrityError(), psycopg.errors.UndefinedTable(), ValueError()):
        assert unusable(error) is None
