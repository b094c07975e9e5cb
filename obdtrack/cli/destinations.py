"""`destinations`: have URLs of yours told what happens, and see what they were sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import click
from marshmallow import ValidationError

from obdtrack.access.audit import operator
from obdtrack.cli.opening import open_services
from obdtrack.domain.destination import NotificationStatus
from obdtrack.domain.feed import Numbers
from obdtrack.errors import ConfigError
from obdtrack.notifications import destinations, log
from obdtrack.notifications.destinations import Wishes, destination_view
from obdtrack.notifications.dispatch import send_test
from obdtrack.notifications.log import notification_view
from obdtrack.services import Services
from obdtrack.web.api.destination_schemas import destination_values
from obdtrack.web.api.fields import Moment

_LISTED = ("id", "state", "url", "behind", "pending", "failed", "delivered_at", "failing_since")
_LOGGED = (
    "id", "type", "status", "tries", "tried_at", "next_try_at", "http_status", "duration_ms",
    "failure",
)  # fmt: skip
_ID = click.argument("destination_id", metavar="ID", type=click.UUID)


@click.group(help="Have URLs of yours told what happens, and see what they were sent.")
def command() -> None:
    """Group the verbs about destinations."""


@command.command("list")
def list_all() -> None:
    """List all: state, URL, how far behind they are, what failed, and since when."""
    services = open_services()
    _table(_LISTED, [destination_view(row, services) for row in destinations.all_of_them()])


@command.command("add")
@click.argument("url")
@click.option("--types", default="", metavar="TYPE[,TYPE…]", help="Like call.*; default: all.")
@click.option("--campaign", metavar="ID", help="Only what happens in this campaign.")
@click.option("--reference-prefix", help="Only calls whose reference begins so.")
@click.option("--status", default="", metavar="STATUS[,STATUS…]", help="Only calls that stand so.")
@click.option(
    "--numbers", type=click.Choice([str(one) for one in Numbers]), default="masked",
    show_default=True, help="How much of phone numbers is sent.",
)  # fmt: skip
def add(
    url: str,
    types: str,
    campaign: str | None,
    reference_prefix: str | None,
    status: str,
    numbers: str,
) -> None:
    """Have URL told what happens from now on; prints its secret, alone, this once."""
    services = open_services()
    values = destination_values(
        url,
        types=_parts(types),
        campaign_id=campaign,
        reference_prefix=reference_prefix,
        status=_parts(status),
        numbers=numbers,
    )
    made, secret = destinations.create(Wishes(**values), operator(), services)
    click.echo(f"created {made}; its secret, which is not shown again:", err=True)
    click.echo(secret)


@command.command("show")
@_ID
def show(destination_id: UUID) -> None:
    """Show one destination."""
    services = open_services()
    for name, value in destination_view(destinations.found(destination_id), services).items():
        click.echo(f"{name + ':':<17} {_cell(value)}")


@command.command("test")
@_ID
def test(destination_id: UUID) -> None:
    """Send an event of the type destination.test now; status 1 if it was not taken."""
    services = open_services()
    tried = send_test(destinations.found(destination_id), services)
    click.echo(f"{tried.failure or 'taken'} ({tried.duration_ms} ms)")
    if tried.response:
        click.echo(_printable(tried.response))
    if tried.failure:
        sys.exit(1)


@command.command("rotate")
@_ID
def rotate(destination_id: UUID) -> None:
    """Print a new secret, alone; for 24 hours the old one signs as well."""
    click.echo(destinations.rotate(destination_id, operator(), open_services()))


@command.command("recover")
@_ID
@click.option("--since", required=True, help="A time with its zone, like 2026-11-23T11:57:39Z.")
def recover(destination_id: UUID, since: str) -> None:
    """Send all that happened since then and was not delivered."""
    services, moment = open_services(), _moment(since)
    replayed = destinations.recover(destination_id, moment, operator(), services)
    click.echo(f"{replayed} that failed will be sent again")
    _tell(destination_id, services)


@command.command("pause")
@_ID
def pause(destination_id: UUID) -> None:
    """Send it nothing until it is resumed; nothing is lost."""
    services = open_services()
    destinations.pause(destination_id, operator(), services)
    _tell(destination_id, services)


@command.command("resume")
@_ID
def resume(destination_id: UUID) -> None:
    """Send what it missed, and go on; also if it was disabled."""
    services = open_services()
    destinations.resume(destination_id, operator(), services)
    _tell(destination_id, services)


@command.command("remove")
@_ID
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(destination_id: UUID, yes: bool) -> None:
    """Delete a destination with its log."""
    services = open_services()
    url = destinations.found(destination_id).url
    if not yes:
        click.confirm(f"Delete {url} with its log?", abort=True, err=True)
    destinations.delete(destination_id, operator(), services)
    click.echo(f"deleted {destination_id}")


@command.command("log")
@_ID
@click.option(
    "--status", type=click.Choice([str(one) for one in NotificationStatus]), help="Only these."
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Rows.")
@click.option("--before", type=click.UUID, help="Show those before this one.")
def show_log(destination_id: UUID, status: str | None, limit: int, before: UUID | None) -> None:
    """List what it was sent, newest first, and why it was not taken."""
    open_services()
    rows = log.page(destinations.found(destination_id).id, limit, status, before)
    _table(_LOGGED, [notification_view(row) for row in rows])


@command.command("replay")
@_ID
@click.argument("notification_id", type=click.UUID, required=False)
@click.option("--failed", is_flag=True, help="All that failed.")
def replay(destination_id: UUID, notification_id: UUID | None, failed: bool) -> None:
    """Send one notification again, whatever became of it, or all that failed."""
    if failed is (notification_id is not None):
        raise ConfigError("Name one notification, or say --failed for all that failed.")
    services = open_services()
    if notification_id:
        destinations.replay(destination_id, notification_id, operator(), services)
        replayed = 1
    else:
        replayed = destinations.replay_failed(destination_id, operator(), services)
    click.echo(f"{replayed} will be sent again")


def _tell(destination_id: UUID, services: Services) -> None:
    shown = destination_view(destinations.found(destination_id), services)
    click.echo(
        f"{shown['url']} is {shown['state']}: {shown['behind']} events behind, "
        f"{shown['pending']} pending, {shown['failed']} failed"
    )


def _moment(text: str) -> datetime:
    try:
        found: datetime = Moment().deserialize(text)
    except ValidationError as error:
        raise ConfigError(f"--since: {' '.join(error.messages)}") from None
    return found


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _table(names: Sequence[str], views: Sequence[dict[str, Any]]) -> None:
    """Print rows under their names, each column as wide as its widest cell."""
    rows = [names, *([_cell(view[name]) for name in names] for view in views)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _cell(value: Any) -> str:
    """Return a value as text that cannot steer the terminal."""
    if isinstance(value, dict):
        value = [f"{name}={_cell(part)}" for name, part in value.items()]
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    shown = "-" if value is None or not text else text
    return _printable(shown)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
