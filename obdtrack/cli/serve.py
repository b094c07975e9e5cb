"""`serve`: the API and the callback on a production server."""

from __future__ import annotations

import socket
from dataclasses import replace

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from obdtrack.application import create_app, make_context
from obdtrack.config import Settings, load_settings, require_for_serving
from obdtrack.errors import ConfigError
from obdtrack.logs import configure_logs
from obdtrack.storage.migrate import check_schema

THREADS = 64
"""Requests worked on at once: waiting for the disk or the provider costs a thread, not a core."""

STOP_SECONDS = 30
"""How long requests in flight may take to finish after SIGTERM; a call being placed needs 20."""


@click.command(help="Serve the API and the callback.")
@click.option("--insecure", is_flag=True, help="Serve without secrets, on a loopback address only.")
def command(insecure: bool) -> None:
    """Check everything that can be checked, then serve until SIGTERM or Ctrl-C."""
    settings = load_settings()
    settings = replace(settings, insecure=settings.insecure or insecure)
    require_for_serving(settings)
    configure_logs(settings.log_level)
    if settings.insecure:
        click.echo("WARNING: serving without secrets. Anyone who can reach the port is believed.")
    _check_database(settings)
    _check_port(settings)
    serve(settings)


def serve(settings: Settings) -> None:
    """Run granian with one worker process.

    Granian reads slow clients in its own runtime, so they cost no thread of ours. One process,
    because SQLite has one writer, and one process can gather more reports into each commit.
    """
    server = Granian(
        "obdtrack",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.warning,
        websockets=False,
    )
    click.echo(f"obdtrack listens on http://{settings.host}:{settings.port}", err=True)
    server.serve(target_loader=lambda: create_app(make_context(settings)), wrap_loader=False)


def _check_database(settings: Settings) -> None:
    context = make_context(settings)
    with context.store.connection_context():
        check_schema(context.store)
    context.store.close_all()  # the worker is forked off; no connection may cross that


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise ConfigError(
                f"Port {settings.port} on {settings.host} cannot be used: {error.strerror}. "
                "Stop what listens there or set OBDTRACK_PORT to another."
            ) from None
