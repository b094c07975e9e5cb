"""`worker`: the background work on its own, without serving."""

from __future__ import annotations

import signal

import click

from obdtrack.application import make_services
from obdtrack.cli.opening import read_settings
from obdtrack.cli.output import examples
from obdtrack.jobs import KINDS, Background
from obdtrack.logs import configure_logs
from obdtrack.store.migrate import check_schema


@click.command(epilog=examples("worker", "worker --only poll --only campaign"))
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="Do only this kind of task; may be repeated. Another process must do the rest.",
)
def command(only: tuple[str, ...]) -> None:
    """Run only the background work: polling, recovery, clean-up.

    Until SIGTERM or Ctrl-C, with OBDTRACK_JOBS=false for `serve`.
    """
    settings = read_settings()
    configure_logs(settings.log_level)
    services = make_services(settings, serving=True)
    with services.store.connection_context():
        check_schema(services.store)
    background = Background(services, only or KINDS)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: background.request_stop())
    background.start()
    click.echo("obdtrack works in the background; stop with Ctrl-C", err=True)
    background.join()
    background.stop()
