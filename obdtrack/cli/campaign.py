"""`campaign`: import recipients, check, start, pause, resume and stop, and report on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TextIO
from zoneinfo import ZoneInfo

import click
from marshmallow import ValidationError, fields

from obdtrack.access.audit import operator, record_pii_use
from obdtrack.campaigns import campaigns
from obdtrack.campaigns.control import control
from obdtrack.campaigns.imports import ImportOptions, import_file, preview
from obdtrack.campaigns.mapping import is_field
from obdtrack.campaigns.preflight import check, first_requests
from obdtrack.campaigns.recipient_files import ENDINGS, MOST_BYTES
from obdtrack.campaigns.recipients import hidden_cell
from obdtrack.campaigns.report import TABLES, lines
from obdtrack.campaigns.totals import totals_of
from obdtrack.cli.opening import open_services
from obdtrack.cli.output import examples, json_lines, json_option, progress, tell
from obdtrack.domain.campaign import CampaignAction
from obdtrack.domain.progress import WorkDone
from obdtrack.errors import Code, ConfigError, ObdtrackError
from obdtrack.store import models
from obdtrack.web.api.campaign_schemas import EditCampaignSchema, PlanSchema, ZoneName
from obdtrack.web.api.campaigns import new_plan
from obdtrack.web.api.fields import Variables
from obdtrack.web.http.errors import by_field
from obdtrack.web.pages.tables import csv_table

_IN_A_FILE = (fields.Nested, Variables)
"""Parts of a plan that are objects: a plan's file has them, no option does."""

_COUNTED = ("ready", "invalid", "duplicate", "opted_out", "called_recently", "outside_hours")
"""What a check counts, in the order in which it is told."""

_IMPORTED = ("rows", "ready", "invalid", "duplicate")


def _plan_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each part of a plan that is one value; the API's own schema checks it."""
    for name, field in reversed(PlanSchema().fields.items()):
        if not isinstance(field, _IN_A_FILE):
            kind = int if isinstance(field, fields.Integer) else str
            option, about = f"--{name.replace('_', '-')}", field.metadata
            words = about.get("description") or f"Like {about['examples'][0]}."
            function = click.option(option, name, type=kind, help=words)(function)
    return function


@click.group(
    epilog=examples("campaign import list.csv --name diwali --flow-id 23", "campaign start diwali")
)
def command() -> None:
    """Import recipients, check, run and report on a campaign.

    First `import`, then `check`, then `start`; each takes the campaign's name or id.
    """


@command.command(
    "import",
    epilog=examples(
        "campaign import list.csv --name diwali --flow-id 23",
        "campaign import list.xlsx --name diwali --map to=Phone,reference=Order --plan plan.json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", required=True, help="The campaign, by name or id; created if new.")
@click.option("--plan", type=click.File("rb"), help="A JSON file with the plan, as the API has it.")
@click.option(
    "--map", "mapping", metavar="to=COLUMN,…", default="",
    help="What the columns are: to=Phone,variables.name=Name,reference=Order. Else it is guessed.",
)  # fmt: skip
@click.option("--default-country", metavar="IN", help="Where numbers without a country belong.")
@click.option("--yes", is_flag=True, help="Take the columns as guessed, without asking.")
@_plan_options
@json_option
def import_list(
    file: Path,
    name: str,
    plan: IO[bytes] | None,
    mapping: str,
    default_country: str | None,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Import the recipients in FILE into a campaign.

    FILE is .csv, .tsv, .jsonl or .xlsx. A campaign that does not exist is created; of one that
    does, the parts of the plan that are named are changed. The same file again is not imported
    again.
    """
    services, kind = open_services(), ENDINGS.get(file.suffix.lower())
    if kind is None:
        raise ConfigError(f"{file.name} is none of {', '.join(ENDINGS)}.")
    if file.stat().st_size > MOST_BYTES:
        raise ConfigError(f"{file.name} is larger than {MOST_BYTES // 2**20} MiB: cut it in two.")
    values, wanted = _plan_values(plan, options), _mapping(mapping)
    known = campaigns.find(name)
    fresh = None if known else new_plan(values, services.settings)
    campaign = known or models.Campaign(plan=fresh and campaigns.plan_json(fresh))
    with file.open("rb") as content:
        how = ImportOptions(wanted, default_country)
        if not wanted:
            seen = preview(campaign, content, kind, how)
            how = how._replace(mapping=_accepted_guess(seen, yes))
        if fresh:
            campaigns.create(name, fresh, operator(), services)
        elif values:
            campaigns.edit(_found(name).id, values, operator(), services)
        with progress() as watch:
            campaign_id = _found(name).id
            result, is_old = import_file(
                campaign_id, content, kind, how, operator(), services, watch
            )
    _complain(result)
    again = " (this file was imported before; nothing was added)" if is_old else ""
    words = (
        f"{result['rows']} rows: {result['ready']} ready, {result['invalid']} invalid, "
        f"{result['duplicate']} duplicates{again}"
    )
    counts = {name: result[name] for name in ("id", "campaign_id", *_IMPORTED)}
    tell([words], {**counts, "imported_before": is_old}, as_json)


@command.command("check", epilog=examples("campaign check diwali", "campaign check diwali --json"))
@click.argument("campaign")
@json_option
def check_campaign(campaign: str, as_json: bool) -> None:
    """Say how many would be called, until when, at what cost.

    Also why others would not be called, and the first requests as they will be sent.
    """
    services, campaign_id = open_services(), _found(campaign).id
    with progress() as watch:
        watch(WorkDone("checking"))
        check(campaign_id, operator(), services)
    checked = _found(str(campaign_id))
    seen: dict[str, Any] = checked.checked
    too_much = ", which is more than the budget" if seen["over_budget"] else ""
    first = first_requests(checked, services, in_full=False)
    words = [
        *(
            f"{seen[name]:>8,} {name.replace('_', ' ')}"
            for name in _COUNTED
            if seen[name] or name == "ready"
        ),
        f"Estimated end: {seen['estimated_end_at'] or 'not known'}",
        f"Estimated cost: {seen['estimated_cost'] or 'not known'}{too_much}",
        "The first as they will be sent:",
        *(f"{sent['method']} {sent['path']}\n{sent['body']}" for sent in first),
    ]
    tell(words, {**seen, "first_requests": first}, as_json)


def _control(action: CampaignAction, words: str) -> None:
    """Make the command for one of the four changes of state."""

    verb = f"campaign {action.value}"

    @command.command(
        action.value,
        help=words,
        epilog=examples(f"{verb} diwali", f"{verb} diwali --why 'as agreed with the shop'"),
    )
    @click.argument("campaign")
    @click.option("--why", help="The reason, for the audit log.")
    @json_option
    def change(campaign: str, why: str | None, as_json: bool) -> None:
        services, campaign_id = open_services(), _found(campaign).id
        control(campaign_id, action, operator(), services, why=why)
        now = _found(str(campaign_id))
        told = {name: count for name, count in totals_of(now).items() if count}
        counts = ", ".join(f"{count} {name}" for name, count in told.items())
        view = {"id": now.id, "name": now.name, "state": now.state, "totals": told}
        tell([f"{now.name} is {now.state}: {counts or 'no recipients'}"], view, as_json)


_control(CampaignAction.START, "Start a campaign that was checked.\n\nNow, or at its start_at.")
_control(CampaignAction.PAUSE, "Pause a campaign.\n\nNothing more of it is sent until `resume`.")
_control(CampaignAction.RESUME, "Have a paused campaign go on.")
_control(CampaignAction.STOP, "Stop a campaign for good.\n\nWho was not called is skipped.")


@command.command(
    "report",
    epilog=examples(
        "campaign report diwali --zone Asia/Kolkata --output diwali.csv",
        "campaign report diwali --by failed --json",
    ),
)
@click.argument("campaign")
@click.option(
    "--by", type=click.Choice(list(TABLES)), default="recipient", show_default=True,
    help="`unsent` and `failed` are files that can be imported again.",
)  # fmt: skip
@click.option("--zone", default="UTC", show_default=True, help="On whose clocks times are.")
@click.option(
    "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-",
    help="A file to write, instead of standard output.",
)  # fmt: skip
@json_option
def report(campaign: str, by: str, zone: str, output: TextIO, as_json: bool) -> None:
    """Print what a campaign came to, as CSV.

    Numbers are in full, and the audit says who saw them. With --json each line is an object.
    """
    services, found = open_services(), _found(campaign)
    try:
        clocks = ZoneInfo(ZoneName().deserialize(zone))
    except ValidationError as error:
        raise ConfigError(f"--zone: {' '.join(error.messages)}") from None
    record_pii_use(operator(), services)
    table = lines(found, by, clocks, services, numbers_in_full=True)
    output.writelines(json_lines(table) if as_json else csv_table(table))


def _plan_values(file: IO[bytes] | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a plan that were given; the options win over the file."""
    try:
        given = json.load(file) if file else {}
    except ValueError as error:
        raise ConfigError(f"The plan is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ConfigError('The plan must be a JSON object, like {"flow_id": "23"}.')
    try:
        chosen = {name: value for name, value in options.items() if value is not None}
        loaded: dict[str, Any] = EditCampaignSchema().load({**given, **chosen})
    except ValidationError as error:
        raise ObdtrackError(
            Code.INVALID, "The plan is invalid.", fields=by_field(error.messages)
        ) from None
    return loaded


def _mapping(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if not all(column and is_field(field.strip()) for field, _, column in pairs):
        raise ConfigError("--map is written like to=Phone,variables.name=Name,reference=Order.")
    return {field.strip(): column.strip() for field, _, column in pairs}


def _accepted_guess(seen: Mapping[str, Any], yes: bool) -> dict[str, str]:
    """Show what the columns are taken for, and return it if somebody agrees."""
    guess: dict[str, str] = seen["mapping"]
    if "to" not in guess:
        columns = ", ".join(seen["columns"])
        raise ConfigError(f"Name the column of the numbers: --map to=COLUMN. Columns: {columns}.")
    click.echo("The columns, as guessed:", err=True)
    for field, column in guess.items():
        click.echo(f"  {field}={column}", err=True)
    if seen["unused_columns"]:
        click.echo(f"Not used: {', '.join(seen['unused_columns'])}", err=True)
    if not yes and not sys.stdin.isatty():
        raise ConfigError("Nothing was imported. Agree with --yes, or name the columns with --map.")
    if not yes:
        click.confirm("Import it so?", abort=True, err=True)
    return guess


def _complain(result: Mapping[str, Any]) -> None:
    """Name every row that is not called."""
    listed = [*result["errors"], *result["duplicates"]]
    for line in listed:
        where = f"row {line['row']}" + (f", {line['column']}" if line["column"] else "")
        click.echo(f"{where}: {hidden_cell(line['value'])!r}: {line['reason']}", err=True)
    rest = result["invalid"] + result["duplicate"] - len(listed)
    if rest > 0:
        click.echo(f"… and {rest} more", err=True)
    for column, count in result["empty_cells"].items():
        click.echo(f"{count} cells of {column} are empty", err=True)


def _found(identifier: str) -> models.Campaign:
    campaign = campaigns.find(identifier)
    if campaign is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no campaign with this id or name.")
    return campaign
