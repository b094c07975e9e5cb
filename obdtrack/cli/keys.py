"""`keys`: make, list, rotate and revoke API keys."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import click

from obdtrack.access import keys
from obdtrack.access.keys import Scope, create_key, revoke_key, rotate_key
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, show, tell

_LISTED = (
    "id", "name", "scopes", "state", "made_by", "created_at", "expires_at", "last_used_at",
    "revoked_at", "owner_id",
)  # fmt: skip
_LONGEST_DAYS = 3660


@click.group(epilog=examples("keys create shop --scope read,place", "keys list"))
def command() -> None:
    """Create, list, rotate and revoke API keys."""


@command.command(
    "create", epilog=examples("keys create shop --scope read,place", "keys create audit --days 90")
)
@click.argument("name")
@click.option(
    "--scope", "scopes", default=["read"], show_default=True, metavar="SCOPE[,SCOPE…]",
    multiple=True, help=f"What the key may do: {', '.join(Scope)}.",
)  # fmt: skip
@click.option(
    "--replaces", type=click.UUID, metavar="ID",
    help="The key whose place it takes (default: the newest of the same name): what was placed "
    "under an Idempotency-Key is known to both.",
)  # fmt: skip
@click.option(
    "--days", type=click.IntRange(1, _LONGEST_DAYS), help="Have it expire after so many days."
)
@json_option
def create(
    name: str, scopes: tuple[str, ...], replaces: UUID | None, days: int | None, as_json: bool
) -> None:
    """Make a key and print it, alone.

    It is not stored and cannot be shown again. While an active key has this name none is made:
    rotate that one.
    """
    wanted = [scope.strip() for scope in ",".join(scopes).split(",") if scope.strip()]
    services = open_services()
    expires_at = services.now() + timedelta(days=days) if days else None
    key = create_key(name, wanted, services, replaces=replaces, expires_at=expires_at)
    tell([key], {"key": key}, as_json)


@command.command("list", epilog=examples("keys list", "keys list --json"))
@json_option
def list_keys(as_json: bool) -> None:
    """List all keys, the oldest first.

    `owner_id` is the key whose place one took: both are one caller.
    """
    services = open_services()
    found = keys.all_keys()
    states = keys.states_of(found, services.now())
    rows = [{n: getattr(key, n, states[key.id]) for n in _LISTED} for key in found]
    show(rows, _LISTED, as_json, "There is no key yet. Make one with: keys create NAME")


@command.command(
    "rotate",
    epilog=examples(
        "keys rotate 01935a4e-7f7c-7d2c-b9a5-0f5b8f0e6a11",
        "keys rotate --hours 0 01935a4e-7f7c-7d2c-b9a5-0f5b8f0e6a11",
    ),
)
@click.argument("key_id", metavar="ID", type=click.UUID)
@click.option(
    "--hours", default=24, show_default=True, type=click.IntRange(0, 24 * 90),
    help="How long the old key works on.",
)  # fmt: skip
@json_option
def rotate(key_id: UUID, hours: int, as_json: bool) -> None:
    """Make a new key in the place of one, and print it, alone.

    It has the same name, scopes and caller. The old one works until its hours are over, so that
    programs can change over without a gap.
    """
    key = rotate_key(key_id, open_services(), grace=timedelta(hours=hours))
    tell([key], {"key": key}, as_json)


@command.command(
    "revoke",
    epilog=examples(
        "keys revoke 01935a4e-7f7c-7d2c-b9a5-0f5b8f0e6a11",
        "keys revoke --json 01935a4e-7f7c-7d2c-b9a5-0f5b8f0e6a11",
    ),
)
@click.argument("key_id", metavar="ID", type=click.UUID)
@json_option
def revoke(key_id: UUID, as_json: bool) -> None:
    """Revoke a key by its id; it stops working at once."""
    revoke_key(key_id, open_services())
    tell([f"revoked {key_id}"], {"revoked": key_id}, as_json)
