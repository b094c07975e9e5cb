"""`suppress`: keep the list of numbers that are not to be called."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from obdtrack.access.audit import operator
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, progress, show, tell
from obdtrack.domain.phone import masked
from obdtrack.privacy.opt_outs import (
    BadLine,
    read_list,
    suppress,
    suppress_all,
    suppressed,
    unsuppress,
)

_SHOWN = 20
_PART = "without country code: add the whole number"


@click.group(epilog=examples("suppress add +918867135001", "suppress import list.txt"))
def command() -> None:
    """Manage the do-not-call list."""


@command.command(
    "import", epilog=examples("suppress import list.txt", "suppress import - < list.txt")
)
@click.argument("file", type=click.File(encoding="utf-8-sig", errors="replace"))
@json_option
def import_list(file: TextIO, as_json: bool) -> None:
    """Put the numbers of FILE on the list, or none of them.

    One number a line; `-` is standard input. If any line is no number in international form, the
    lines are named and nothing is changed.
    """
    services = open_services()
    reading = read_list(file)
    if reading.bad:
        _complain(reading.bad)
        sys.exit(1)
    many = len(reading.numbers)
    with progress() as watch:
        added = suppress_all(
            reading.numbers, operator(), services, lambda work: watch(work._replace(total=many))
        )
    there = many - added
    words = f"{added} numbers added, {there} were on the list already"
    tell([words], {"added": added, "already_there": there}, as_json)


@command.command(
    "add", epilog=examples("suppress add +918867135001", "suppress add --json 00918867135001")
)
@click.argument("number")
@json_option
def add(number: str, as_json: bool) -> None:
    """Put a number on the list."""
    shown = masked(suppress(number, operator(), open_services()))
    tell([f"{shown} was added to the do-not-call list"], {"number": shown}, as_json)


@command.command(
    "remove", epilog=examples("suppress remove +918867135001", "suppress remove 8867135001")
)
@click.argument("number")
@json_option
def remove(number: str, as_json: bool) -> None:
    """Take a number off the list; status 1 if it was not on it."""
    if not unsuppress(number, operator(), open_services()):
        click.echo("This number is not on the list.", err=True)
        sys.exit(1)
    tell(["The number was removed from the do-not-call list."], {"removed": True}, as_json)


@command.command("list", epilog=examples("suppress list", "suppress list --json > list.jsonl"))
@json_option
def list_numbers(as_json: bool) -> None:
    """List the numbers, masked, since when, and who said so.

    With --json each is one line.
    """
    open_services()
    rows = (
        {
            "number": masked(found.number),
            "since": found.since,
            "origin": "reported by the provider" if found.reported else "added here",
            "note": _PART if found.number.isdigit() else None,
        }
        for found in suppressed()
    )
    columns = ("number", "since", "origin", "note")
    show(rows, columns, as_json, "Nobody is on the do-not-call list.", as_lines=True)


def _complain(bad: list[BadLine]) -> None:
    for line in bad[:_SHOWN]:
        click.echo(f"line {line.number}: {line.reason}", err=True)
    if len(bad) > _SHOWN:
        click.echo(f"… and {len(bad) - _SHOWN} more", err=True)
    click.echo(f"{len(bad)} bad lines; nothing was changed.", err=True)
