"""`keys`: make, list and revoke API keys."""

from __future__ import annotations

from uuid import UUID

import click

from obdtrack.access import keys
from obdtrack.access.keys import Scope, create_key, revoke_key
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_option, show, tell

_LISTED = ("id", "name", "scopes", "created_at", "last_used_at", "revoked_at", "owner_id")


@click.group(epilog=examples("keys create shop --scope read,place", "keys list"))
def command() -> None:
    """Create, list and revoke API keys."""


@command.command(
    "create", epilog=examples("keys create shop --scope read,place", "keys create dashboard")
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
@json_option
def create(name: str, scopes: tuple[str, ...], replaces: UUID | None, as_json: bool) -> None:
    """Make a key and print it, alone.

    It is not stored and cannot be shown again.
    """
    wanted = [scope.strip() for scope in ",".join(scopes).split(",") if scope.strip()]
    key = create_key(name, wanted, open_services(), replaces=replaces)
    tell([key], {"key": key}, as_json)


@command.command("list", epilog=examples("keys list", "keys list --json"))
@json_option
def list_keys(as_json: bool) -> None:
    """List all keys, the oldest first.

    `owner_id` is the key whose place one took: both are one caller.
    """
    open_services()
    rows = [{name: getattr(key, name) for name in _LISTED} for key in keys.all_keys()]
    show(rows, _LISTED, as_json, "There is no key yet. Make one with: keys create NAME")


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
