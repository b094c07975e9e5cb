"""Looks an installation over: one check after the other, none of which stops the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from obdtrack.domain.redaction import DOTS, take_out
from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.operations.doctor import machine, provider, traffic
from obdtrack.operations.doctor.result import (
    Check,
    CheckedInstallation,
    CheckResult,
    Level,
    NotCheckedError,
    problem,
)
from obdtrack.settings import SECRET_LENGTH, Settings
from obdtrack.store.database_errors import unusable

CHECKS: dict[str, Check] = {
    "settings": machine.check_settings,
    "database": machine.check_database,
    "migrations": machine.check_migrations,
    "disk space": machine.check_disk,
    "SQLite": machine.check_sqlite,
    "read replica": machine.check_read_replica,
    "provider": provider.check_reachability,
    "webhook": provider.check_webhook,
    "clock": provider.check_time,
    "time zone": traffic.check_zone,
    "reports": traffic.check_reports,
    "backlog": traffic.check_backlog,
}

WHY: dict[str, str] = {
    "settings": "the server does not start with wrong settings, or not as you meant",
    "database": "a report that cannot be stored is refused, and the provider must post it again",
    "migrations": "this version does not start on another version's tables",
    "disk space": "on a full disk nothing can be stored, and every report is refused",
    "SQLite": "all that is known about calls is in this file",
    "read replica": "pages read it: they show nothing, or what is no longer true",
    "provider": "no call can be placed, and none be polled",
    "webhook": "without reports a call's outcome is known late, by polling, or never",
    "clock": "times of calls would be wrong, and signatures refused",
    "time zone": "calls would seem to have ended at another hour than they did",
    "reports": "outcomes are known late or never, and who relies on them decides wrongly",
    "backlog": "what lies here is on no timeline, or of an unknown outcome",
}
"""Why what a check finds matters, to whoever has to act on it."""

_UNUSABLE = "the database cannot be used"


def diagnose(
    subject: CheckedInstallation, checks: Mapping[str, Check] | None = None
) -> Iterator[tuple[str, CheckResult]]:
    """Return each check's name and finding as soon as it is there. No secret is in any of them."""
    for name, check in (checks or CHECKS).items():
        found = _run(check, subject)
        if check is machine.check_migrations and found.level is Level.PROBLEM:
            # Without tables the next checks would find nothing out.
            subject = subject._replace(services=None, no_database=_UNUSABLE)
        yield (
            name,
            found._replace(
                text=_clean(found.text, subject.settings),
                why=WHY.get(name) if found.remedy else None,
                remedy=_clean(found.remedy, subject.settings) if found.remedy else None,
            ),
        )


def _run(check: Check, subject: CheckedInstallation) -> CheckResult:
    try:
        return check(subject)
    except NotCheckedError as error:
        return _unchecked(error)
    except (ConfigError, ObdtrackError) as error:
        return problem(str(error), "fix this and run doctor again")
    except Exception as error:  # the next check may still show why
        if unusable(error) is not None:
            return _unchecked(_UNUSABLE)
        text = f"could not be checked: {type(error).__name__}: {_one_line(error)}"
        return problem(text, "this should not happen; please report it with this line")


def _unchecked(reason: object) -> CheckResult:
    return CheckResult(Level.SKIPPED, f"not checked: {_one_line(reason)}")


def _clean(text: str, settings: Settings) -> str:
    """Return a text's lines without secrets: a driver may repeat its whole address."""
    lines = take_out(text, dict.fromkeys(_secrets(settings), DOTS)).splitlines()
    return "\n".join(map(_one_line, lines))


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _secrets(settings: Settings) -> Iterator[str]:
    token = settings.webhook_token or ""
    yield from (
        *_of_address(settings.database_url),
        *_of_address(settings.read_database_url or ""),
        settings.provider_token or "",
        # A short validation key could stand for something in any sentence.
        token if len(token) >= SECRET_LENGTH else "",
        settings.secret_key or "",
        settings.smtp_password,
        settings.heartbeat_url,
        *settings.alarms,
        *settings.webhook_secrets,
        *(text for text in settings.extra.values() if len(text) >= SECRET_LENGTH),
    )


def _of_address(url: str) -> tuple[str, ...]:
    # By hand: what is wrong with an address must not keep its password from being found.
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return (url, password, unquote(password)) if password else ()
