"""`serve`: the API and the callback on a production server."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import click
import structlog
import uvloop
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]  # it has no stub of its own
from granian.server.embed import Server

from obdtrack.application import create_app, load_to_serve, make_background, make_services
from obdtrack.cli.one_core import settle
from obdtrack.cli.opening import warn_of_settings
from obdtrack.cli.output import examples
from obdtrack.cli.ports import (
    inherited_listener,
    leave_connections_in,
    listening_address,
    require_free_port,
)
from obdtrack.logs import configure_logs
from obdtrack.settings import Settings, require_for_serving
from obdtrack.store.database import open_database
from obdtrack.store.migrate import migrate
from obdtrack.web.rsgi import Front

log = structlog.get_logger()

THREADS = 320
"""Requests worked on at once: waiting for the disk or the provider costs a thread, not a core.
More than may wait for the provider, so that look-ups always find one."""

BACKLOG = 1024
"""Connections kept at once, and as many that wait to be."""

STOP_SECONDS = 30
"""How long requests in flight may take to finish after SIGTERM; a call being placed needs 20."""

PATIENCE = 1.0
"""Seconds that half a request, an idle connection or an unread response has to come to its end."""

LAST_SECONDS = 0.3
"""How long connections are served on before an inherited socket's next process has its turn: who
is sending is answered, and told to send nothing more here; granian hangs up on whom it is idle."""

_LOOK_SECONDS = 0.05

_LOGGING: dict[str, Any] = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {}}}
"""The server's lines go to our own handler, not to standard output."""

_WARNING = """\
**************************************************************************
WARNING: INSECURE. Secrets that are not set are not checked: whoever can
reach this port is believed. For trying things out on this machine only.
**************************************************************************"""


@click.command(epilog=examples("serve", "serve --insecure"))
@click.option("--insecure", is_flag=True, help="Serve without secrets, on a loopback address only.")
@click.option("--migrate", "upgrade", is_flag=True, help="Upgrade the database first.")
def command(insecure: bool, upgrade: bool) -> None:
    """Serve the API, the pages and the callback.

    Checks everything that can be checked, then serves until SIGTERM or Ctrl-C. Status 2 means that
    a setting or the database prevents a start.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # nothing is under way yet
    warn_of_settings()
    settings = load_to_serve(insecure=insecure)
    listener = inherited_listener()
    host, port = listener.getsockname()[:2] if listener else (settings.host, settings.port)
    settings = replace(settings, host=listening_address(host), port=port)
    require_for_serving(settings)  # again: a name may stand for an address that is not loopback
    configure_logs(settings.log_level)
    if settings.insecure:
        click.echo(_WARNING, err=True)
    if not listener:
        require_free_port(settings.host, settings.port)
    if upgrade:  # here, as a process of its own would take as long to load as this one
        for name in migrate(open_database(settings.database_url)):
            click.echo(f"applied {name}", err=True)
    serve(settings, listener)


class _Server(Server):
    """Granian, which can also be given a socket that listens already."""

    listener: socket.socket | None = None

    def _init_shared_socket(self) -> None:
        if self.listener:
            self._ssp: Any = None
            self._shd: Any = SocketHolder(  # type: ignore[call-arg]  # its stub is older
                self.listener.fileno(), False, BACKLOG
            )
        else:
            super()._init_shared_socket()  # type: ignore[no-untyped-call]  # granian's


def serve(settings: Settings, listener: socket.socket | None = None) -> None:
    """Run granian in this process until it is told to stop; `listener` is used if there is one.

    Granian reads heads and bodies in its own runtime, so that slow ones cost no thread of ours. One
    process, because SQLite has one writer, and one process can gather more reports into each
    commit.
    """
    services = make_services(settings, serving=True)
    app = create_app(services)
    threads = ThreadPoolExecutor(THREADS, initializer=settle)
    threads.submit(make_background(services).start).result()  # its threads stay where this one is
    note = app.watch.meter.note_request
    front = Front(app.wsgi_app, app.callback, app.inbox.written, note, threads, settle)
    server = _Server(
        front,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        backlog=BACKLOG,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
        websockets=False,
    )
    server.listener = listener
    gc.collect()  # what is loaded now stays: looking through it for garbage would delay reports
    gc.freeze()
    click.echo(f"obdtrack listens on {settings.own_url}", err=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(server, front, app.waiters.stop))


async def _serve(server: _Server, front: Front, release: Callable[[], object]) -> None:
    """Serve until SIGTERM or SIGINT, then end this process soon; `release` lets go who waits.

    The server's own way to stop lets every connection come to its end: half a request from a
    stranger would keep it for as long as a slow head may take, and half a body for longer. So the
    process ends as soon as nothing has been worked on for PATIENCE.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    serving = asyncio.ensure_future(server.serve())
    serving.add_done_callback(lambda _: told.set())
    await told.wait()
    if serving.done():
        log.error("server_ended", exc_info=serving.exception())
        os._exit(1)
    release()
    told_at = time.monotonic()
    if server.listener:
        leave_connections_in(server.listener)
        front.last_headers = [("Connection", "close")]
        await asyncio.sleep(LAST_SECONDS)
    server.stop()  # type: ignore[no-untyped-call]  # granian's
    while (waited := time.monotonic() - told_at) < STOP_SECONDS:
        idle = front.idle_seconds()
        if min(idle, waited) > PATIENCE or (idle and serving.done()):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    os._exit(0)
