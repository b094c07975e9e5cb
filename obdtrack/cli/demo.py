"""`demo`: the main job on this machine, with a simulated provider and nothing to pay for."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click
import requests
from rich.console import Console

from obdtrack.access.keys import all_keys, create_key, revoke_key
from obdtrack.application import make_services
from obdtrack.cli.demo_campaign import FLOW, run_campaign
from obdtrack.cli.opening import read_settings
from obdtrack.cli.output import PROGRAM, examples
from obdtrack.cli.ports import free_port, listening_address, require_free_port
from obdtrack.domain.status import WAITING
from obdtrack.errors import ConfigError
from obdtrack.providers.mobtexting.client import MobTexting
from obdtrack.providers.mobtexting.simulator.server import SimulatorConfig, running
from obdtrack.settings import Settings, callback_path
from obdtrack.store.database import open_database
from obdtrack.store.migrate import migrate

DATABASE = "sqlite:///var/demo.db"
KEY_NAME = "demo"

# Number -> what the simulator makes of it; the last two digits decide.
CALLS: dict[str, str] = {
    "+918867135001": "answered",
    "+918867135011": "busy",
    "+918867135013": "no answer",
    "+918867135021": "reported twice",
    "+918867135022": "reported before the response",
    "+918867135026": "a report composed as a form",
    "+918867135037": "refused: insufficient balance",
    "+918867135033": "an error after accepting: it may ring",
}


@click.command(epilog=examples("demo", "demo --help"))
def command() -> None:
    """Try everything on this machine, with a simulated provider.

    Starts simulator and server, places calls, runs a campaign, says where to look, and waits for
    Ctrl-C. Nothing to set and nothing to pay for.
    """
    provider_port = free_port()
    _defaults(os.environ, provider_port)
    settings = read_settings()
    settings = replace(settings, host=listening_address(settings.host))
    require_free_port(settings.host, settings.port)
    base = settings.own_url
    simulated = SimulatorConfig(
        token=settings.provider_token,
        callback_url=f"{base}{callback_path(MobTexting.name)}",
        secret=settings.webhook_secrets[0],
        ring_seconds=1.5,
    )
    # Both ways to stop end alike, also when a shell started us with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with running(simulated, port=provider_port):
        key = prepared(settings)
        with _server():
            _wait_until_ready(base)
            session = requests.Session()
            session.headers["Authorization"] = f"Bearer {key}"
            newest = _place_calls(base, session)
            _tell_door(base, key)
            run_campaign(base, session, Console())
            _tell(base, key, newest, settings.webhook_secrets[0])
            signal.pause()  # until Ctrl-C
    click.echo("Stopped.")


def _defaults(environ: MutableMapping[str, str], port: int) -> None:
    """Set what the demo needs and the environment does not: its own provider, fresh secrets."""
    environ.update(
        OBDTRACK_PROVIDER_URL=f"http://127.0.0.1:{port}/api/v2/",
        OBDTRACK_PROVIDER_TOKEN=secrets.token_urlsafe(),
        OBDTRACK_WEBHOOK_SECRETS=secrets.token_urlsafe(),
        OBDTRACK_PROVIDER_TIMEZONE="UTC",
        OBDTRACK_PROVIDER_DATE_ORDER="",
        OBDTRACK_WEBHOOK_FIELDS="",
    )
    environ.setdefault("OBDTRACK_SECRET_KEY", secrets.token_urlsafe())
    environ.setdefault("OBDTRACK_DATABASE_URL", DATABASE)
    environ.setdefault("OBDTRACK_BRIDGE", "+918068280000")
    environ.setdefault("OBDTRACK_LOG_LEVEL", "warning")


def prepared(settings: Settings) -> str:
    """Bring the demo's database up to date and return a key; that of the demo before is revoked."""
    migrate(open_database(settings.database_url))
    services = make_services(settings)
    for before in all_keys():
        if before.name == KEY_NAME and before.revoked_at is None:
            revoke_key(before.id, services)
    key = create_key(KEY_NAME, ["read", "place", "pii", "admin"], services)
    services.store.close_all()
    return key


@contextmanager
def _server() -> Iterator[None]:
    # Its own session, so that Ctrl-C reaches it once, from us, and in order.
    server = subprocess.Popen([sys.executable, "-m", "obdtrack", "serve"], start_new_session=True)
    try:
        yield
    except KeyboardInterrupt:
        click.echo()
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_until_ready(base: str) -> None:
    for _ in range(100):
        try:
            if requests.get(f"{base}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise ConfigError(f"The server at {base} did not become ready; its messages are above.")


def _place_calls(base: str, session: requests.Session) -> str:
    click.echo(f"\nPlacing {len(CALLS)} calls through the simulated provider:")
    placed: dict[str, Mapping[str, Any]] = {}
    for number, fate in CALLS.items():
        body = {"to": number, "flow_id": FLOW, "name": "demo", "variables": {"otp": "123456"}}
        call = session.post(f"{base}/api/v1/calls", json=body, timeout=30).json()
        if "id" not in call:
            raise ConfigError(f"The server at {base} did not take a call: {call['detail']}")
        placed[call["id"]] = call
        _line(call, fate)
    click.echo("\nReports arrive over the next seconds:")
    _follow(session, f"{base}/api/v1/calls", placed)
    return next(iter(placed))


def _follow(session: requests.Session, url: str, placed: dict[str, Mapping[str, Any]]) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and any(c["status"] == "queued" for c in placed.values()):
        time.sleep(0.3)
        for call in session.get(url, timeout=10).json()["data"]:
            before = placed.get(call["id"])
            if before is not None and before["status"] != call["status"]:
                placed[call["id"]] = call
                _line(call, CALLS[call["to"]])
    waiting = sum(call["status"] in WAITING for call in placed.values())
    if waiting:
        click.echo(f"  {waiting} not known yet: the provider is polled later, nothing is re-sent.")


def _line(call: Mapping[str, Any], fate: str) -> None:
    known = f"({call['reason']}) " if call["reason"] else ""
    click.echo(f"  {call['to']}  {call['status']:<11} {known}[{call['status_source']}]  {fate}")


def _tell_door(base: str, key: str) -> None:
    click.echo(f"""
The API key:
  {key}

The pages: open {base}/ in a browser and sign in with that key.""")


def _tell(base: str, key: str, call_id: str, secret: str) -> None:
    first = f"{base}/api/v1/calls"
    auth = f"-H 'Authorization: Bearer {key}'"
    body = f'-d \'{{"to": "+918867135001", "flow_id": "{FLOW}"}}\''
    report = '-d \'{"id": "PROVIDER_ID", "status": "ANSWER", "duration": "16"}\''
    click.echo(f"""
Place a call (the last two digits decide its fate: {PROGRAM} simulator --help):
  curl -s {first} {auth} -H 'Content-Type: application/json' {body}

Look a call up:
  curl -s {first}/{call_id} {auth}

See its timeline:
  curl -s {first}/{call_id}/events {auth}

Report a call as the provider does (a number ending in 29 gets no report; use its provider_id):
  curl -s {base}{callback_path(MobTexting.name)} -H 'Authorization: Bearer {secret}' {report}

Stop with Ctrl-C.""")
