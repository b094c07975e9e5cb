"""`rebuild`: recompute every call from what was received, and the figures from the calls."""

from __future__ import annotations

import sys

import click

from obdtrack.calls.rebuild import rebuild
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, progress, tell

_SHOWN = 20


@click.command(epilog=examples("rebuild --check", "rebuild"))
@click.option("--check", is_flag=True, help="Only compare; status 1 if anything differs.")
@json_option
def command(check: bool, as_json: bool) -> None:
    """Recompute every call from raw deliveries and responses.

    Then the figures from the calls. Fixes what differs, or with --check only reports it; reports go
    on coming in meanwhile.
    """
    services = open_services()
    with progress() as watch:
        done = rebuild(services, check=check, watch=watch)
    verb = "differ" if check else "differed and were fixed"
    rest = len(done.different) - _SHOWN
    words = [
        f"{done.calls} calls, {len(done.different)} {verb}",
        *(f"  {call_id}" for call_id in done.different[:_SHOWN]),
        *([f"  … and {rest} more"] if rest > 0 else []),
        f"figures: {done.figures} {verb}",
    ]
    tell(words, {**done._asdict(), "fixed": not check}, as_json)
    sys.exit(1 if check and (done.different or done.figures) else 0)
