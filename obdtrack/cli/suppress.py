"""`suppress`: keep the list of numbers that are not to be called."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from obdtrack.access.audit import operator
from obdtrack.cli.opening import open_services
from obdtrack.domain.phone import masked
from obdtrack.domain.times import to_text
from obdtrack.privacy.opt_outs import (
    BadLine,
    read_list,
    suppress,
    suppress_all,
    suppressed,
    unsuppress,
)

_SHOWN = 20


@click.group(help="Manage the do-not-call list.")
def command() -> None:
    """Group the verbs about the list."""


@command.command("import")
@click.argument("file", type=click.File(encoding="utf-8-sig", errors="replace"))
def import_list(file: TextIO) -> None:
    """Put the numbers of FILE (`-`: standard input) on the list, one a line, or none of them.

    If any line is no number in international form, the lines are named and nothing is changed.
    """
    services = open_services()
    reading = read_list(file)
    if reading.bad:
        _complain(reading.bad)
        sys.exit(1)
    added = suppress_all(reading.numbers, operator(), services)
    there = len(reading.numbers) - added
    click.echo(f"{added} numbers added, {there} were on the list already")


@command.command("add")
@click.argument("number")
def add(number: str) -> None:
    """Put a number on the list."""
    click.echo(
        f"{masked(suppress(number, operator(), open_services()))} was added to the do-not-call list"
    )


@command.command("remove")
@click.argument("number")
def remove(number: str) -> None:
    """Take a number off the list; status 1 if it was not on it."""
    if not unsuppress(number, operator(), open_services()):
        click.echo("This number is not on the list.", err=True)
        sys.exit(1)
    click.echo("The number was removed from the do-not-call list.")


@command.command("list")
def list_numbers() -> None:
    """List the numbers, masked: since when, and whether the provider reported it."""
    open_services()
    for found in suppressed():
        origin = "reported by the provider" if found.reported else "added here"
        part = "  without country code: add the whole number" if found.number.isdigit() else ""
        click.echo(f"{masked(found.number)}  since {to_text(found.since)}  {origin}{part}")


def _complain(bad: list[BadLine]) -> None:
    for line in bad[:_SHOWN]:
        click.echo(f"line {line.number}: {line.reason}", err=True)
    if len(bad) > _SHOWN:
        click.echo(f"… and {len(bad) - _SHOWN} more", err=True)
    click.echo(f"{len(bad)} bad lines; nothing was changed.", err=True)
