"""`webhook`: set the provider's webhook up, try it, and see how its reports are read."""

from __future__ import annotations

import sys

import click

from obdtrack.application import make_services
from obdtrack.domain.timeline import Change
from obdtrack.domain.times import to_text
from obdtrack.errors import ConfigError
from obdtrack.operations.webhooks.sample import composed_reports, describe, explain_sample
from obdtrack.operations.webhooks.set_up import (
    Registered,
    account_webhooks,
    callback_uri,
    register_webhook,
    shown,
)
from obdtrack.operations.webhooks.try_callback import NAME as TEST_NAME
from obdtrack.operations.webhooks.try_callback import try_callback
from obdtrack.settings import Settings, load_settings
from obdtrack.store.migrate import check_schema


@click.group(help="Register the provider's webhook, test it, and see how its reports are read.")
def command() -> None:
    """Group the verbs about the webhook."""


@command.command("register")
@click.option("--url", required=True, help="Where the provider reaches us: https://your-host.")
@click.option("--name", help="The webhook's name at the provider.  [default: obdtrack]")
@click.option("--update", is_flag=True, help="Set our secret and token on an existing webhook.")
@click.option(
    "--no-subscription", is_flag=True, help="Use it only for calls that name this webhook."
)
@click.option(
    "--no-check", is_flag=True, help="Skip the check that this machine can reach the URL."
)
def register(
    url: str, name: str | None, update: bool, no_subscription: bool, no_check: bool
) -> None:
    """Create the webhook and subscribe it to calls' reports; prints its id, alone.

    If one with the same URL exists, its id is printed and no second one is created.
    """
    settings = load_settings()
    done = register_webhook(
        callback_uri(url, settings),
        account_webhooks(settings),
        settings,
        name=name,
        update=update,
        subscribe=not no_subscription,
        check=not no_check,
    )
    click.echo(_advice(done, settings), err=True)
    click.echo(done.webhook.id)


@command.command("list")
def list_webhooks() -> None:
    """List the webhooks at the provider: id, name, URL, status; OBDTRACK_WEBHOOK_ID is marked."""
    settings = load_settings()
    webhooks = account_webhooks(settings).all()
    for webhook in webhooks:
        status = "active" if webhook.active else "inactive"
        mark = "  configured" if webhook.id == settings.webhook_id else ""
        click.echo(f"{webhook.id}  {webhook.name}  {shown(webhook.uri)}  {status}{mark}")
    if settings.webhook_id and settings.webhook_id not in {webhook.id for webhook in webhooks}:
        click.echo("OBDTRACK_WEBHOOK_ID is none of the provider's webhooks.", err=True)


@command.command("test")
@click.option("--url", help="Where to post.  [default: the URL of OBDTRACK_WEBHOOK_ID]")
def test(url: str | None) -> None:
    """Post a sample report to our callback and follow it to a timeline. No phone rings.

    Leaves a call named obdtrack-test behind. Exit status 1 says that the report did not get there.
    """
    settings = load_settings()
    services = make_services(settings)
    check_schema(services.store)
    uri = callback_uri(url, settings) if url else _configured_uri(settings)
    trial = try_callback(uri, services)
    if trial.milliseconds is not None:
        click.echo(f"Posted to {shown(uri)}, which responded after {trial.milliseconds} ms.")
    if trial.delivery:
        click.echo(f"Stored as {trial.delivery}.")
    click.echo(f"Timeline of the call {trial.call_id} ({TEST_NAME}):")
    for change in trial.timeline:
        click.echo(f"  {_line(change)}")
    if trial.problem is not None:
        click.echo(f"It does not work: {trial.problem}", err=True)
        sys.exit(1)
    click.echo("It works: the report is on its call's timeline.")


@command.command("fields")
def fields() -> None:
    """Read a sample of a composed report from standard input and say what is understood of it.

    Takes a URL with its query, a JSON or form body, HTTP text or a curl command.
    """
    settings = load_settings()
    if sys.stdin.isatty():
        click.echo("Paste a sample, then press Ctrl-D:", err=True)
    sample = sys.stdin.buffer.read().decode("utf-8", "replace")
    if sample.strip():
        _explain(sample, settings)
    click.echo("To compose a report that needs no setting, paste one of these at the provider:")
    for kind, template in composed_reports(settings).templates.items():
        click.echo(f"  {kind + ':':<6} {template}")


def _advice(done: Registered, settings: Settings) -> str:
    webhook = done.webhook
    lines = [_DEEDS[done.deed].format(uri=shown(webhook.uri))]
    if done.deed == "found" and not webhook.active:
        lines.append("It is not active; --update activates it.")
    if done.subscribed:
        lines.append("The reports of all calls are sent to it.")
    if webhook.id != settings.webhook_id:
        lines.append("Set OBDTRACK_WEBHOOK_ID to this id and restart the server:")
    return "\n".join(lines)


_DEEDS: dict[str, str] = {
    "created": "Created a webhook for {uri}.",
    "updated": "Updated the webhook for {uri} with the current secret and validation key.",
    "found": "There is already a webhook for {uri}; --update sets our secret and token on it.",
}


def _configured_uri(settings: Settings) -> str:
    if not settings.webhook_id:
        raise ConfigError("Set OBDTRACK_WEBHOOK_ID (see `webhook list`), or give --url.")
    webhook = account_webhooks(settings).one(settings.webhook_id)
    if not webhook.active:
        click.echo("WARNING: this webhook is not active at the provider.", err=True)
    return callback_uri(webhook.uri, settings)


def _line(change: Change) -> str:
    event, before, after = change
    changed = f"{before or 'nothing'} -> {after}"
    words = event.reason or event.detail.get("provider_status") or event.detail.get("message") or ""
    return (
        f"{to_text(event.recorded_at)}  {event.source}  {event.kind}  {changed}  {words}".rstrip()
    )


def _explain(sample: str, settings: Settings) -> None:
    found, naming = explain_sample(sample, settings), composed_reports(settings).naming
    click.echo(f"With the current settings this is {describe(found.reading, naming)}.\n")
    for field in found.fields:
        ours = field.name or "(not understood)"
        note = "" if field.used else "  (not used: a better key has the value)"
        click.echo(f"  {ours:<18} <- {field.key} = {field.value}{note}")
    if found.suggestions:
        mapping = ",".join(f"{ours}={theirs}" for ours, theirs in found.mapping.items())
        click.echo(f"\nSuggested:\n  OBDTRACK_WEBHOOK_FIELDS={mapping}")
        for hint in found.suggestions:
            mark = "certain" if hint.certain else "a guess"
            click.echo(f"    {hint.name}={hint.key}  {mark}: {hint.why}")
        click.echo(f"  With it this is {describe(found.then, naming)}.")
    for note in found.notes:
        click.echo(f"  Note on {note}")
    click.echo()
