"""`doctor`: check the installation and suggest fixes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

import click

from obdtrack.application import make_services
from obdtrack.errors import ConfigError
from obdtrack.logs import configure_logs
from obdtrack.operations.doctor.diagnosis import diagnose
from obdtrack.operations.doctor.result import CheckedInstallation, CheckResult, Level
from obdtrack.providers.registry import PROVIDERS
from obdtrack.settings import PREFIX, SETTINGS, Settings, load_settings

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}
_DATABASE = f"{PREFIX}DATABASE_URL"


@click.command(help="Check the installation and suggest fixes; status 1 means problems.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> None:
    """Run every check, with the settings that `serve` would have."""
    configure_logs("error")
    findings: dict[str, CheckResult] = {}
    for name, finding in diagnose(_subject()):
        findings[name] = finding
        if not as_json:
            level = click.style(f"{finding.level:<8}", fg=_COLOURS[finding.level])
            remedy = f" -> {finding.remedy}" if finding.remedy else ""
            click.echo(f"{level} {name}: {finding.text}{remedy}")
    healthy = all(finding.level is not Level.PROBLEM for finding in findings.values())
    if as_json:
        checks = [{"check": name, **finding._asdict()} for name, finding in findings.items()]
        click.echo(json.dumps({"ok": healthy, "checks": checks}, ensure_ascii=False, indent=2))
    sys.exit(0 if healthy else 1)


def _subject() -> CheckedInstallation:
    own = (name for provider in PROVIDERS for name in provider.own_settings)
    known = {PREFIX + name.upper() for name in (*SETTINGS, *own)}
    given = (name for name in os.environ if name.startswith(PREFIX))
    unknown = tuple(sorted(name for name in given if name.removesuffix("_FILE") not in known))
    settings, wrong = _settings()
    if any(line.startswith(_DATABASE) for line in wrong):
        return CheckedInstallation(settings, None, wrong, unknown, f"{_DATABASE} is wrong")
    # What is wrong with these has a check of its own, and must not hide the database.
    usable = replace(settings, provider_token="", webhook_fields={}, bridge=None)
    try:
        return CheckedInstallation(settings, make_services(usable), wrong, unknown)
    except ConfigError as error:
        return CheckedInstallation(settings, None, wrong, unknown, str(error))
    except Exception as error:  # the other checks may show why
        return CheckedInstallation(
            settings, None, wrong, unknown, f"{type(error).__name__}: {error}"
        )


def _settings() -> tuple[Settings, tuple[str, ...]]:
    """Load the settings; of those that are wrong give a sentence each, and go on without them."""
    try:
        return load_settings(), ()
    except ConfigError as error:
        wrong = tuple(str(error).splitlines())
    for line in wrong:
        name = line.partition(":")[0]
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    return load_settings(), wrong
