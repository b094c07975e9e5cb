"""`demo`: the main job on this machine, with a simulated provider and nothing to pay for."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import click
import requests
from rich.console import Console

from obdtrack.access.keys import all_keys, create_key, revoke_key
from obdtrack.application import make_services
from obdtrack.cli.demo_campaign import FLOW, run_campaign
from obdtrack.cli.opening import read_settings
from obdtrack.cli.output import PROGRAM, examples, show
from obdtrack.cli.ports import free_port, listening_address, require_free_port
from obdtrack.domain.status import WAITING, Status
from obdtrack.errors import ConfigError
from obdtrack.providers.mobtexting.client import MobTexting
from obdtrack.providers.mobtexting.simulator.server import SimulatorConfig, running
from obdtrack.settings import Settings, callback_path
from obdtrack.store.database import open_database
from obdtrack.store.migrate import migrate

DATABASE = "sqlite:///var/demo.db"
KEY_NAME = "demo"

PATIENCE_SECONDS = 30
"""How long reports may take; all of them come within some seconds."""


class DemoCall(NamedTuple):
    """What the simulator makes of a number, and the status in which its call ends."""

    words: str
    status: Status


# The last two digits decide.
CALLS: dict[str, DemoCall] = {
    "+918867135001": DemoCall("answered", Status.COMPLETED),
    "+918867135011": DemoCall("busy", Status.BUSY),
    "+918867135013": DemoCall("no answer", Status.NO_ANSWER),
    "+918867135021": DemoCall("reported twice", Status.COMPLETED),
    "+918867135022": DemoCall("reported before the response", Status.COMPLETED),
    "+918867135026": DemoCall("a report composed as a form", Status.COMPLETED),
    "+918867135037": DemoCall("refused: insufficient balance", Status.REJECTED),
    "+918867135033": DemoCall("an error after accepting: it may ring", Status.UNKNOWN),
}


@click.command(epilog=examples("demo", "demo --once"))
@click.option("--once", is_flag=True, help="Place the calls, show what became of them, and end.")
def command(once: bool) -> None:
    """Try everything on this machine, with a simulated provider.

    Starts simulator and server, places calls, runs a campaign, says where to look, and waits for
    Ctrl-C. Nothing to set and nothing to pay for.

    With --once it runs no campaign and waits for nobody: status 0 if every report came and was
    understood, 1 if not.
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
            placed = _place_calls(base, session)
            if once:
                sys.exit(_tell_ends(placed))
            _tell_door(base, key)
            run_campaign(base, session, Console())
            _tell(base, key, placed[0]["id"], settings.webhook_secrets[0])
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


def _place_calls(base: str, session: requests.Session) -> list[Mapping[str, Any]]:
    click.echo(f"\nPlacing {len(CALLS)} calls through the simulated provider:")
    placed: dict[str, Mapping[str, Any]] = {}
    for number in CALLS:
        body = {"to": number, "flow_id": FLOW, "name": "demo", "variables": {"otp": "123456"}}
        call = session.post(f"{base}/api/v1/calls", json=body, timeout=30).json()
        if "id" not in call:
            raise ConfigError(f"The server at {base} did not take a call: {call['detail']}")
        placed[call["id"]] = call
        _line(call)
    click.echo("\nReports arrive over the next seconds:")
    _follow(session, f"{base}/api/v1/calls", placed)
    return list(placed.values())


def _follow(session: requests.Session, url: str, placed: dict[str, Mapping[str, Any]]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and any(c["status"] == "queued" for c in placed.values()):
        time.sleep(0.3)
        for call in session.get(url, timeout=10).json()["data"]:
            before = placed.get(call["id"])
            if before is not None and before["status"] != call["status"]:
                placed[call["id"]] = call
                _line(call)
    waiting = sum(call["status"] in WAITING for call in placed.values())
    if waiting:
        click.echo(f"  {waiting} not known yet: the provider is polled later, nothing is re-sent.")


def _line(call: Mapping[str, Any]) -> None:
    known = f"({call['reason']}) " if call["reason"] else ""
    words = f"{known}[{call['status_source']}]  {CALLS[call['to']].words}"
    click.echo(f"  {call['to']}  {call['status']:<11} {words}")


def _tell_ends(placed: Sequence[Mapping[str, Any]]) -> int:
    """Show what became of the calls; returns 1 if that of any is not its fate, else 0."""
    rows = [{**call, "fate": CALLS[call["to"]].words} for call in placed]
    click.echo()
    show(rows, ("to", "status", "reason", "status_source", "fate"), False, "No call was placed.")
    missed = [call for call in placed if call["status"] != CALLS[call["to"]].status]
    for call in missed:
        expected = CALLS[call["to"]].status
        click.echo(f"{call['to']} is {call['status']}, and should be {expected}.", err=True)
    return bool(missed)


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
