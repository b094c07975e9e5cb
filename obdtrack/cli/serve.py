"""`serve`: the API and the callback on a production server."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import replace
from functools import partial
from typing import Any
from wsgiref.types import WSGIApplication

import click
import structlog
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from obdtrack.application import create_app, load_to_serve, make_background, make_services
from obdtrack.cli.one_core import on_one_core, start_on_one_core
from obdtrack.cli.opening import warn_of_settings
from obdtrack.cli.output import examples
from obdtrack.cli.ports import listening_address, require_free_port
from obdtrack.cli.stopping import InFlight, end_when_told
from obdtrack.logs import configure_logs
from obdtrack.settings import Settings, require_for_serving
from obdtrack.store.migrate import check_schema

log = structlog.get_logger()

THREADS = 320
"""Requests worked on at once: waiting for the disk or the provider costs a thread, not a core.
More than may wait for the provider, so that reports and look-ups always find one."""

STOP_SECONDS = 30
"""How long requests in flight may take to finish after SIGTERM; a call being placed needs 20."""

_LOGGING: dict[str, Any] = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {}}}
"""The server's lines go to our own handler, not to standard output."""

_WARNING = """\
**************************************************************************
WARNING: INSECURE. Secrets that are not set are not checked: whoever can
reach this port is believed. For trying things out on this machine only.
**************************************************************************"""


@click.command(epilog=examples("serve", "serve --insecure"))
@click.option("--insecure", is_flag=True, help="Serve without secrets, on a loopback address only.")
def command(insecure: bool) -> None:
    """Serve the API, the pages and the callback.

    Checks everything that can be checked, then serves until SIGTERM or Ctrl-C. Status 2 means that
    a setting or the database prevents a start.
    """
    warn_of_settings()
    settings = load_to_serve(insecure=insecure)
    settings = replace(settings, host=listening_address(settings.host))
    require_for_serving(settings)  # again: a name may stand for an address that is not loopback
    configure_logs(settings.log_level)
    if settings.insecure:
        click.echo(_WARNING, err=True)
    _check_database(settings)
    require_free_port(settings.host, settings.port)
    serve(settings)


def serve(settings: Settings) -> None:
    """Run granian with one worker process.

    Granian reads slow headers in its own runtime, so they cost no thread of ours; a slow body costs
    one, and is read only of those who have shown a secret. One process, because SQLite has one
    writer, and one process can gather more reports into each commit.
    """
    server = Granian(
        "obdtrack",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
        websockets=False,
    )
    click.echo(f"obdtrack listens on {settings.own_url}", err=True)
    server.serve(target_loader=partial(_load, settings), wrap_loader=False)


def _load(settings: Settings) -> WSGIApplication:
    """Make the application, in the worker process, which may have been forked or spawned."""
    _end_if_told_to()
    configure_logs(settings.log_level)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        services = make_services(settings, serving=True)
        application = create_app(services)
        app = InFlight(application)
        start_on_one_core(make_background(services).start)
    except Exception:
        log.exception("server_not_started")
        sys.exit(1)
    gc.collect()  # what is loaded now stays: looking through it for garbage would delay reports
    gc.freeze()
    end_when_told(app, application.waiters.stop)
    return on_one_core(app)


def _end_if_told_to() -> None:
    """Let SIGTERM end the worker at once while it loads: nothing is under way in it yet.

    A fork has left it the parent's handler, which would note the signal and stop nothing; granian
    sets the worker's own only after this, and would wait for `STOP_SECONDS`.
    """
    handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    server = getattr(handler, "__self__", None)
    if getattr(server, "interrupt_signal", False):  # noted between the fork and here
        sys.exit()


def _end_with_parent() -> None:
    # A killed parent cannot stop its worker, which would keep the port from the next start.
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _check_database(settings: Settings) -> None:
    services = make_services(settings)
    with services.store.connection_context():
        check_schema(services.store)
    services.store.close_all()  # the worker may be forked off; no connection may cross that
