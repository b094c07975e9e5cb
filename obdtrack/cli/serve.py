"""`serve`: the API and the callback on a production server."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from typing import Any
from wsgiref.types import WSGIApplication

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.common import AbstractServer

from obdtrack.application import create_app, load_to_serve, make_background, make_context
from obdtrack.cli.one_core import on_one_core
from obdtrack.cli.ports import require_free_port
from obdtrack.config import Settings
from obdtrack.logs import configure_logs
from obdtrack.storage.migrate import check_schema

THREADS = 256
"""Requests worked on at once: waiting for the disk or the provider costs a thread, not a core.
More than may wait for the provider, so that reports and look-ups always find one."""

STOP_SECONDS = 30
"""How long requests in flight may take to finish after SIGTERM; a call being placed needs 20."""

_WARNING = """\
**************************************************************************
WARNING: INSECURE. Secrets that are not set are not asked for: whoever can
reach this port is believed. For trying things out on this machine only.
**************************************************************************"""


@click.command(help="Serve the API and the callback.")
@click.option("--insecure", is_flag=True, help="Serve without secrets, on a loopback address only.")
def command(insecure: bool) -> None:
    """Check everything that can be checked, then serve until SIGTERM or Ctrl-C."""
    settings = load_to_serve(insecure=insecure)
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
        websockets=False,
    )
    click.echo(f"obdtrack listens on http://{settings.host}:{settings.port}", err=True)

    def load() -> WSGIApplication:
        _end_if_told_to(server)
        return _load(settings)

    server.serve(target_loader=load, wrap_loader=False)


def _end_if_told_to(server: AbstractServer[Any]) -> None:
    """Let SIGTERM end the worker at once while it loads: nothing is under way in it yet.

    The fork has left it the parent's handler, which would note the signal and stop nothing; granian
    sets the worker's own only after this, and would wait for `STOP_SECONDS`.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if server.interrupt_signal:  # noted between the fork and here
        sys.exit()


def _load(settings: Settings) -> WSGIApplication:
    """Make the application, in the worker process."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    context = make_context(settings)
    app = create_app(context)
    make_background(context).start()
    _settle_memory()
    return on_one_core(app)


def _settle_memory() -> None:
    """Take what is loaded now for lasting: looking through it for garbage holds every report up."""
    gc.collect()
    gc.freeze()


def _end_with_parent(parent: int) -> None:
    # A killed parent cannot stop its worker, which would keep the port from the next start.
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)


def _check_database(settings: Settings) -> None:
    context = make_context(settings)
    with context.store.connection_context():
        check_schema(context.store)
    context.store.close_all()  # the worker is forked off; no connection may cross that
