"""`alarms`: what is wrong, and whether alarms reach those who are told of them."""

from __future__ import annotations

import sys

import click

from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, show, tell
from obdtrack.notifications.alarms import open_alarms, past_alarms
from obdtrack.notifications.telling import try_targets
from obdtrack.settings import PREFIX

_PAST = 50


@click.group(epilog=examples("alarms list", "alarms test"))
def command() -> None:
    """List alarms; test whether they reach you."""


@command.command("list", epilog=examples("alarms list", "alarms list --json"))
@json_option
def list_alarms(as_json: bool) -> None:
    """List the alarms that are open, then the last that are over."""
    with open_services().store.connection_context():
        found = [*open_alarms(), *past_alarms(_PAST)]
    rows = [
        {
            "rule": row.rule,
            "state": "over" if row.ended_at else "open",
            "since": row.opened_at,
            "until": row.ended_at,
            "what": row.detail["what"],
        }
        for row in found
    ]
    show(rows, ("rule", "state", "since", "until", "what"), as_json, "There was no alarm yet.")


@command.command("test", epilog=examples("alarms test", "alarms test --json"))
@json_option
def test(as_json: bool) -> None:
    """Send a test to everybody who is told of alarms.

    Ends with status 1 if one was not reached, or if nobody is told.
    """
    found = try_targets(open_services())
    words = [f"failed: {problem}" if problem else f"told: {one.title}" for one, problem in found]
    nobody = f"Nobody is told: {PREFIX}ALARMS is not set."
    data = [{"target": one.title, "problem": problem} for one, problem in found]
    tell(words or [nobody], data, as_json)
    sys.exit(0 if found and not any(problem for _, problem in found) else 1)
