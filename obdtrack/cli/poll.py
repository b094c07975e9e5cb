"""`poll`: poll the provider once for every call that is due."""

from __future__ import annotations

import click

from obdtrack.calls.placing.recover import recover_interrupted
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.polling.poll import must_pause
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, progress, tell
from obdtrack.domain.progress import WorkDone

_AT_ONCE = 50


@click.command(epilog=examples("poll", "poll --json"))
@json_option
def command(as_json: bool) -> None:
    """Poll the provider once for every call that is due.

    At the agreed rate (OBDTRACK_POLL_PER_MINUTE). Prints how many calls were polled; ends early if
    the provider requests a pause.
    """
    services = open_services()
    recover_interrupted(services)
    polled, begun = 0, services.now()
    with progress() as watch:
        # What gets no response comes due again: only what was due at the start, or it might never
        # end.
        while count := check_due(services, limit=_AT_ONCE, due_by=begun):
            polled += count
            watch(WorkDone("calls", polled))
    paused = must_pause(services)
    pause = "; the provider requested a pause, the rest stay due" if paused else ""
    told = f"polled {polled} calls{pause}" if polled or paused else "polled 0 calls: none was due"
    tell([told], {"polled": polled, "paused": paused}, as_json)
