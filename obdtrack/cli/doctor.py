"""`doctor`: check the installation and suggest fixes."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace

import click

from obdtrack.application import make_services
from obdtrack.cli.output import as_called, examples, json_option, show_json
from obdtrack.errors import ConfigError
from obdtrack.logs import configure_logs
from obdtrack.operations.doctor.diagnosis import diagnose
from obdtrack.operations.doctor.result import CheckedInstallation, CheckResult, Level
from obdtrack.providers.registry import misspelt
from obdtrack.settings import PREFIX, Settings, load_settings

_COLOURS = {
    Level.OK: "green", Level.SKIPPED: "bright_black", Level.WARNING: "yellow", Level.PROBLEM: "red",
}  # fmt: skip
_PLURAL = (Level.WARNING, Level.PROBLEM)
_MARGIN, _WIDEST = 10, 100
_DATABASE = f"{PREFIX}DATABASE_URL"


@click.command(epilog=examples("doctor", "doctor --json"))
@json_option
def command(as_json: bool) -> None:
    """Check the installation and suggest fixes.

    Runs every check, with the settings that `serve` would have. Status 0: no problem, though there
    may be warnings; status 1: there is a problem.
    """
    configure_logs("error")
    findings: dict[str, CheckResult] = {}
    for name, finding in diagnose(_subject()):
        findings[name] = finding
        if finding.level is Level.OK and not as_json:
            click.echo(f"{_styled(finding.level)}{name}: {finding.text}")
    healthy = all(finding.level is not Level.PROBLEM for finding in findings.values())
    if as_json:
        checks = [{"check": name, **finding._asdict()} for name, finding in findings.items()]
        show_json({"ok": healthy, "checks": checks})
    else:
        click.echo("\n".join(_rest(findings)))
    sys.exit(0 if healthy else 1)


def _rest(findings: Mapping[str, CheckResult]) -> Iterator[str]:
    """Return what was skipped, a line for each reason, then the rest, the worst last, and a sum."""
    skipped: dict[str, list[str]] = {}
    by_level: dict[Level, list[str]] = {level: [] for level in Level}
    for name, finding in findings.items():
        by_level[finding.level].append(name)
        if finding.level is Level.SKIPPED:
            skipped.setdefault(finding.text.removeprefix("not checked: "), []).append(name)
    for reason, names in skipped.items():
        yield f"{_styled(Level.SKIPPED)}{', '.join(names)}: {as_called(reason)}"
    for level in (Level.WARNING, Level.PROBLEM):
        for name in by_level[level]:
            yield from _block(name, findings[name])
    counts = [
        f"{len(names)} {level}{'s' if level in _PLURAL and len(names) > 1 else ''}"
        for level, names in by_level.items()
        if names
    ]
    verdict = "Solve the problems first." if by_level[Level.PROBLEM] else "No problem was found."
    yield f"\n{len(findings)} checks: {', '.join(counts)}. {verdict}"


def _block(name: str, finding: CheckResult) -> Iterator[str]:
    """Return what was found as lines: what it is, why it matters, what to do."""
    yield f"\n{_styled(finding.level)}{click.style(name, bold=True)}"
    # Who reads it through a pipe looks for sentences, not for lines of a screen.
    screen = min(_WIDEST, shutil.get_terminal_size().columns)
    width = screen if sys.stdout.isatty() else len(finding.text) + _WIDEST * 10
    parts = {"What:": finding.text, "Why:": finding.why, "Do:": finding.remedy}
    for label, text in parts.items():
        for place, line in enumerate(as_called(text or "").splitlines()):
            yield textwrap.fill(
                line,
                width,
                initial_indent=f"{'':<{_MARGIN}}{'' if place else label:<6}",
                subsequent_indent=" " * (_MARGIN + 6),
                break_long_words=False,
                break_on_hyphens=False,
            )


def _styled(level: Level) -> str:
    return click.style(f"{level:<{_MARGIN}}", fg=_COLOURS[level])


def _subject() -> CheckedInstallation:
    unknown = tuple(misspelt(os.environ))
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
