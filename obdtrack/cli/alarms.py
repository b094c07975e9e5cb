"""`alarms`: what is wrong, and whether alarms reach those who are told of them."""

from __future__ import annotations

import sys

import click

from obdtrack.cli.opening import open_services
from obdtrack.domain.times import to_text
from obdtrack.notifications.alarms import open_alarms, past_alarms
from obdtrack.notifications.telling import try_targets
from obdtrack.settings import PREFIX

_PAST = 50


@click.group(help="List alarms; test whether they reach you.")
def command() -> None:
    """Group the verbs about alarms."""


@command.command("list")
def list_alarms() -> None:
    """List the alarms that are open, then the last that are over."""
    with open_services().store.connection_context():
        found = [*open_alarms(), *past_alarms(_PAST)]
    for row in found:
        until = f"until {to_text(row.ended_at)}" if row.ended_at else "open"
        click.echo(f"{row.rule}  since {to_text(row.opened_at)}  {until}  {row.detail['what']}")
    if not found:
        click.echo("There was no alarm yet.")


@command.command("test")
def test() -> None:
    """Send a test to everybody who is told of alarms; status 1 if one was not reached."""
    found = try_targets(open_services())
    for target, problem in found:
        click.echo(f"failed: {problem}" if problem else f"told: {target.title}")
    if not found:
        click.echo(f"Nobody is told: {PREFIX}ALARMS is not set.")
    sys.exit(0 if found and not any(problem for _, problem in found) else 1)
