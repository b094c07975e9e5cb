"""`destinations`: have URLs of yours told what happens, and see what they were sent."""

from __future__ import annotations

import sys
from datetime import datetime
from uuid import UUID

import click
from marshmallow import ValidationError

from obdtrack.access.audit import operator
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, printable, show, tell, tell_one
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
_SOME = "0193573f-0f3e-7b0c-8c1d-5a2b6d7e8f90"
_ID = click.argument("destination_id", metavar="ID", type=click.UUID)


def _examples(*verbs: str) -> str:
    """Return examples of what is done to one destination."""
    split = (verb.partition(" ") for verb in verbs)
    return examples(*(f"destinations {verb} {_SOME} {rest}".rstrip() for verb, _, rest in split))


@click.group(epilog=examples("destinations add https://shop.example/obdtrack", "destinations list"))
def command() -> None:
    """Have URLs of yours told what happens.

    And see what they were sent, send it again, or pause.
    """


@command.command("list", epilog=examples("destinations list", "destinations list --json"))
@json_option
def list_all(as_json: bool) -> None:
    """List all: state, how far behind, what failed.

    `behind` counts events that are still to be sent, `failed` those that were given up.
    """
    services = open_services()
    views = [destination_view(row, services) for row in destinations.all_of_them()]
    show(views, _LISTED, as_json, "There is no destination yet: destinations add URL")


@command.command(
    "add",
    epilog=examples(
        "destinations add https://shop.example/obdtrack --types 'call.*'",
        "destinations add https://crm.example/calls --status busy,no-answer --numbers full",
    ),
)
@click.argument("url")
@click.option("--types", default="", metavar="TYPE[,TYPE…]", help="Like call.*; default: all.")
@click.option("--campaign", metavar="ID", help="Only what happens in this campaign.")
@click.option("--reference-prefix", help="Only calls whose reference begins so.")
@click.option("--status", default="", metavar="STATUS[,STATUS…]", help="Only calls that stand so.")
@click.option(
    "--numbers", type=click.Choice([str(one) for one in Numbers]), default="masked",
    show_default=True, help="How much of phone numbers is sent.",
)  # fmt: skip
@json_option
def add(
    url: str,
    types: str,
    campaign: str | None,
    reference_prefix: str | None,
    status: str,
    numbers: str,
    as_json: bool,
) -> None:
    """Have URL told what happens from now on.

    Prints its secret, alone, this once: what is sent is signed with it.
    """
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
    tell([secret], {"id": made, "secret": secret}, as_json)


@command.command("show", epilog=_examples("show", "show --json"))
@_ID
@json_option
def show_one(destination_id: UUID, as_json: bool) -> None:
    """Show one destination."""
    services = open_services()
    tell_one(destination_view(destinations.found(destination_id), services), as_json)


@command.command("test", epilog=_examples("test", "test --json"))
@_ID
@json_option
def test(destination_id: UUID, as_json: bool) -> None:
    """Send it a test event now; status 1 if it was not taken."""
    services = open_services()
    tried = send_test(destinations.found(destination_id), services)
    words = [f"{tried.failure or 'taken'} ({tried.duration_ms} ms)"]
    tell([*words, *filter(None, [printable(tried.response or "")])], tried._asdict(), as_json)
    if tried.failure:
        sys.exit(1)


@command.command("rotate", epilog=_examples("rotate", "rotate --json"))
@_ID
@json_option
def rotate(destination_id: UUID, as_json: bool) -> None:
    """Print a new secret, alone.

    For 24 hours the old one signs as well.
    """
    secret = destinations.rotate(destination_id, operator(), open_services())
    tell([secret], {"id": destination_id, "secret": secret}, as_json)


@command.command(
    "recover",
    epilog=_examples(
        "recover --since 2026-11-23T11:57:39Z", "recover --since 2026-11-23T17:27+05:30"
    ),
)
@_ID
@click.option("--since", required=True, help="A time with its zone, like 2026-11-23T11:57:39Z.")
@json_option
def recover(destination_id: UUID, since: str, as_json: bool) -> None:
    """Send all that happened since then and was not delivered."""
    services, moment = open_services(), _moment(since)
    replayed = destinations.recover(destination_id, moment, operator(), services)
    told = f"{replayed} that failed will be sent again"
    _tell(destination_id, services, as_json, told)


@command.command("pause", epilog=_examples("pause", "pause --json"))
@_ID
@json_option
def pause(destination_id: UUID, as_json: bool) -> None:
    """Send it nothing until it is resumed; nothing is lost."""
    services = open_services()
    destinations.pause(destination_id, operator(), services)
    _tell(destination_id, services, as_json)


@command.command("resume", epilog=_examples("resume", "resume --json"))
@_ID
@json_option
def resume(destination_id: UUID, as_json: bool) -> None:
    """Send what it missed, and go on; also if it was disabled."""
    services = open_services()
    destinations.resume(destination_id, operator(), services)
    _tell(destination_id, services, as_json)


@command.command("remove", epilog=_examples("remove", "remove --yes"))
@_ID
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def remove(destination_id: UUID, yes: bool, as_json: bool) -> None:
    """Delete a destination with its log."""
    services = open_services()
    url = destinations.found(destination_id).url
    if not yes:
        click.confirm(f"Delete {url} with its log?", abort=True, err=True)
    destinations.delete(destination_id, operator(), services)
    tell([f"deleted {destination_id}"], {"deleted": destination_id}, as_json)


@command.command("log", epilog=_examples("log --status failed", "log --limit 200 --json"))
@_ID
@click.option(
    "--status", type=click.Choice([str(one) for one in NotificationStatus]), help="Only these."
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Rows.")
@click.option("--before", type=click.UUID, help="Show those before this one.")
@json_option
def show_log(
    destination_id: UUID, status: str | None, limit: int, before: UUID | None, as_json: bool
) -> None:
    """List what it was sent, newest first, and why it was not taken.

    With --json each is one line.
    """
    open_services()
    rows = log.page(destinations.found(destination_id).id, limit, status, before)
    show(map(notification_view, rows), _LOGGED, as_json, "It was sent nothing.", as_lines=True)


@command.command("replay", epilog=_examples("replay --failed", f"replay {_SOME}"))
@_ID
@click.argument("notification_id", type=click.UUID, required=False)
@click.option("--failed", is_flag=True, help="All that failed.")
@json_option
def replay(destination_id: UUID, notification_id: UUID | None, failed: bool, as_json: bool) -> None:
    """Send one notification again, or all that failed."""
    if failed is (notification_id is not None):
        raise ConfigError("Name one notification, or say --failed for all that failed.")
    services = open_services()
    if notification_id:
        destinations.replay(destination_id, notification_id, operator(), services)
        replayed = 1
    else:
        replayed = destinations.replay_failed(destination_id, operator(), services)
    tell([f"{replayed} will be sent again"], {"replayed": replayed}, as_json)


def _tell(destination_id: UUID, services: Services, as_json: bool, *words: str) -> None:
    shown = destination_view(destinations.found(destination_id), services)
    state = (
        f"{shown['url']} is {shown['state']}: {shown['behind']} events behind, "
        f"{shown['pending']} pending, {shown['failed']} failed"
    )
    tell([*words, state], shown, as_json)


def _moment(text: str) -> datetime:
    try:
        found: datetime = Moment().deserialize(text)
    except ValidationError as error:
        raise ConfigError(f"--since: {' '.join(error.messages)}") from None
    return found


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
