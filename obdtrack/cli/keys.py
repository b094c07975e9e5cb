"""`keys`: make, list and revoke API keys."""

from __future__ import annotations

from uuid import UUID

import click

from obdtrack.access import keys
from obdtrack.access.keys import Scope, create_key, revoke_key
from obdtrack.cli.opening import open_services
from obdtrack.domain.times import to_text


@click.group(help="Create, list and revoke API keys.")
def command() -> None:
    """Group the verbs about keys."""


@command.command("create")
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
def create(name: str, scopes: tuple[str, ...], replaces: UUID | None) -> None:
    """Make a key and print it, alone. It is not stored and cannot be shown again."""
    wanted = [scope.strip() for scope in ",".join(scopes).split(",") if scope.strip()]
    click.echo(create_key(name, wanted, open_services(), replaces=replaces))


@command.command("list")
def list_keys() -> None:
    """List all keys: id, name, scopes, created, last used, revoked, and whose place it took."""
    open_services()
    for key in keys.all_keys():
        used = to_text(key.last_used_at) if key.last_used_at else "never"
        revoked = f"revoked {to_text(key.revoked_at)}" if key.revoked_at else "active"
        scopes = ",".join(key.scopes)
        times = f"created {to_text(key.created_at)}  last used {used}  {revoked}"
        owner = f"  same caller as {key.owner_id}" if key.owner_id else ""
        click.echo(f"{key.id}  {key.name}  {scopes}  {times}{owner}")


@command.command("revoke")
@click.argument("key_id", type=click.UUID)
def revoke(key_id: UUID) -> None:
    """Revoke a key by its id; it stops working at once."""
    revoke_key(key_id, open_services())
    click.echo(f"revoked {key_id}")
