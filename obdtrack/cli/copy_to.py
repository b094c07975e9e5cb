"""`copy-to`: move an installation to another database."""

from __future__ import annotations

import sys
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import click

from obdtrack.application import make_services
from obdtrack.cli.opening import read_settings
from obdtrack.cli.output import PROGRAM, examples, json_option, progress, tell
from obdtrack.errors import ConfigError
from obdtrack.operations.move import copy_all, take_back, verify
from obdtrack.settings import DATABASE_SCHEMES
from obdtrack.store.database import open_database
from obdtrack.store.migrate import check_schema


@click.command(
    epilog=examples(
        "copy-to postgresql://obdtrack@db.example/calls", "copy-to - < url-with-password"
    )
)
@click.argument("url", metavar="postgresql://user@host/name|-", required=False)
@click.option("--undo", is_flag=True, help="Use the current database again after it was copied.")
@json_option
def command(url: str | None, undo: bool, as_json: bool) -> None:
    """Copy everything to another database and verify the copy.

    Says what to set then; stopped half-way, nothing has happened. Stop the server first. A URL with
    a password is read from standard input (`-`): everybody on the machine can read the arguments of
    a process.
    """
    settings = read_settings()
    if url and _has_password(url):
        raise ConfigError(
            "Everybody on this machine can read a password in a command's arguments, and it may "
            "stand in the shell's history: change it. Then write the URL to standard input: "
            f"{PROGRAM} copy-to - < FILE"
        )
    if url == "-":
        url = sys.stdin.readline().strip()
    if undo:
        take_back(open_database(settings.database_url, create=False))
        told = "This database is used again. What the copy was given since is not in it."
        tell([told], {"undone": True}, as_json)
        return
    if url == settings.database_url:
        raise ConfigError("That is the current database; name another one.")
    if not url or not url.startswith(DATABASE_SCHEMES):
        raise ConfigError(
            "Name the database to copy to as postgresql://user@host/name, or - and write its URL, "
            "with the password, to standard input."
        )
    source = open_database(settings.database_url, create=False)
    check_schema(source)
    open_database(url)  # a new file is created only now
    target = make_services(replace(settings, database_url=url))
    with progress() as watch:
        copy_all(source, target.store, watch)
        rebuilt = verify(target.store, target, watch)
    if rebuilt.different:
        raise ConfigError(f"{len(rebuilt.different)} calls differ: {PROGRAM} rebuild")
    words = [
        f"All of it arrived: {rebuilt.calls} calls, none differs.",
        "Now set OBDTRACK_DATABASE_URL to the new database and start the server.",
        "The old one takes nothing any more; to go on with it: copy-to --undo",
    ]
    tell(words, {"calls": rebuilt.calls, "different": 0}, as_json)


def _has_password(url: str) -> bool:
    """Whether a database's URL has a password, before its host or among its parameters."""
    try:
        parts = urlsplit(url)
        return bool(parts.password or parse_qs(parts.query).get("password"))
    except ValueError:
        return True  # what cannot be read may be one
