"""`webhook`: set the provider's webhook up, try it, and see how its reports are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from obdtrack.cli.opening import open_services, read_settings
from obdtrack.cli.output import examples, json_option, show, tell
from obdtrack.domain.timeline import Change
from obdtrack.domain.times import to_text
from obdtrack.domain.trial import TRIAL_NAME
from obdtrack.errors import ConfigError
from obdtrack.operations.webhooks.sample import composed_reports, describe, explain_sample
from obdtrack.operations.webhooks.set_up import (
    Registered,
    account_webhooks,
    callback_uri,
    register_webhook,
    shown,
)
from obdtrack.operations.webhooks.try_callback import try_callback
from obdtrack.providers.base import Explanation
from obdtrack.settings import Settings


@click.group(
    epilog=examples("webhook register --url https://calls.example", "webhook fields < sample.txt")
)
def command() -> None:
    """Register and test the provider's webhook; read its reports."""


@command.command(
    "register",
    epilog=examples(
        "webhook register --url https://calls.example",
        "webhook register --url https://calls.example --update",
    ),
)
@click.option("--url", required=True, help="Where the provider reaches us: https://your-host.")
@click.option("--name", help="The webhook's name at the provider.  [default: obdtrack]")
@click.option("--update", is_flag=True, help="Set our secret and token on an existing webhook.")
@click.option(
    "--no-subscription", is_flag=True, help="Use it only for calls that name this webhook."
)
@click.option(
    "--no-check", is_flag=True, help="Skip the check that this machine can reach the URL."
)
@json_option
def register(
    url: str,
    name: str | None,
    update: bool,
    no_subscription: bool,
    no_check: bool,
    as_json: bool,
) -> None:
    """Create the webhook and subscribe it to calls' reports.

    Prints its id, alone. If one with the same URL exists, its id is printed and no second one is
    created.
    """
    settings = read_settings()
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
    told = {"id": done.webhook.id, "deed": done.deed, "subscribed": done.subscribed}
    tell([done.webhook.id], told, as_json)


@command.command("list", epilog=examples("webhook list", "webhook list --json"))
@json_option
def list_webhooks(as_json: bool) -> None:
    """List the webhooks at the provider.

    That of OBDTRACK_WEBHOOK_ID is marked as configured.
    """
    settings = read_settings()
    webhooks = account_webhooks(settings).all()
    rows = [
        {
            "id": webhook.id,
            "name": webhook.name,
            "url": shown(webhook.uri),
            "status": "active" if webhook.active else "inactive",
            "configured": webhook.id == settings.webhook_id,
        }
        for webhook in webhooks
    ]
    none = "The provider has no webhook: webhook register --url https://your-host"
    show(rows, ("id", "name", "url", "status", "configured"), as_json, none)
    if settings.webhook_id and settings.webhook_id not in {webhook.id for webhook in webhooks}:
        click.echo("OBDTRACK_WEBHOOK_ID is none of the provider's webhooks.", err=True)


@command.command(
    "test", epilog=examples("webhook test", "webhook test --url https://calls.example")
)
@click.option("--url", help="Where to post.  [default: the URL of OBDTRACK_WEBHOOK_ID]")
@json_option
def test(url: str | None, as_json: bool) -> None:
    """Post a sample report to our callback and follow it.

    No phone rings. Leaves a call named obdtrack-test behind. Status 1 says that the report did not
    get to a timeline.
    """
    services = open_services()
    settings = services.settings
    uri = callback_uri(url, settings) if url else _configured_uri(settings)
    trial = try_callback(uri, services)
    words = [
        *([f"Posted to {shown(uri)}, which responded after {trial.milliseconds} ms."]
          if trial.milliseconds is not None else []),
        *([f"Stored as {trial.delivery}."] if trial.delivery else []),
        f"Timeline of the call {trial.call_id} ({TRIAL_NAME}):",
        *(f"  {_line(change)}" for change in trial.timeline),
    ]  # fmt: skip
    if trial.problem is None:
        words.append("It works: the report is on its call's timeline.")
    data = {**trial._asdict(), "url": shown(uri), "timeline": list(map(_line, trial.timeline))}
    tell(words, data, as_json)
    if trial.problem is not None:
        click.echo(f"It does not work: {trial.problem}", err=True)
        sys.exit(1)


@command.command(
    "fields", epilog=examples("webhook fields < sample.txt", "webhook fields --json < sample.txt")
)
@json_option
def fields(as_json: bool) -> None:
    """Say what is understood of a sample report.

    Read from standard input: a URL with its query, a JSON or form body, HTTP text or a curl
    command.
    """
    settings = read_settings()
    if sys.stdin.isatty():
        click.echo("Paste a sample, then press Ctrl-D:", err=True)
    sample = sys.stdin.buffer.read().decode("utf-8", "replace")
    templates = composed_reports(settings).templates
    found = explain_sample(sample, settings) if sample.strip() else None
    words = [
        *(_explained(found, settings) if found else []),
        "To compose a report that needs no setting, paste one of these at the provider:",
        *(f"  {kind + ':':<6} {template}" for kind, template in templates.items()),
    ]
    understood = {
        "reading": describe(found.reading, composed_reports(settings).naming),
        "fields": [field._asdict() for field in found.fields],
        "mapping": found.mapping if found.suggestions else {},
        "suggestions": [hint._asdict() for hint in found.suggestions],
        "notes": found.notes,
    } if found else None  # fmt: skip
    tell(words, {"sample": understood, "templates": templates}, as_json)


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


def _explained(found: Explanation, settings: Settings) -> Iterator[str]:
    naming = composed_reports(settings).naming
    yield f"With the current settings this is {describe(found.reading, naming)}.\n"
    for field in found.fields:
        ours = field.name or "(not understood)"
        note = "" if field.used else "  (not used: a better key has the value)"
        yield f"  {ours:<18} <- {field.key} = {field.value}{note}"
    if found.suggestions:
        mapping = ",".join(f"{ours}={theirs}" for ours, theirs in found.mapping.items())
        yield f"\nSuggested:\n  OBDTRACK_WEBHOOK_FIELDS={mapping}"
        for hint in found.suggestions:
            mark = "certain" if hint.certain else "a guess"
            yield f"    {hint.name}={hint.key}  {mark}: {hint.why}"
        yield f"  With it this is {describe(found.then, naming)}."
    for note in found.notes:
        yield f"  Note on {note}"
    yield ""
