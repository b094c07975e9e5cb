"""Looks an installation over: one check after the other, none of which stops the next."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from obdtrack.config import Settings
from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.setting_readers import SECRET_LENGTH
from obdtrack.storage.database import unusable
from obdtrack.workflows import check_machine, check_provider, check_traffic
from obdtrack.workflows.finding import Check, Finding, Level, NotCheckedError, Subject, problem

CHECKS: dict[str, Check] = {
    "settings": check_machine.check_settings,
    "database": check_machine.check_database,
    "migrations": check_machine.check_migrations,
    "disk space": check_machine.check_disk,
    "SQLite": check_machine.check_sqlite,
    "provider": check_provider.check_reachability,
    "webhook": check_provider.check_webhook,
    "clock": check_provider.check_time,
    "time zone": check_traffic.check_zone,
    "reports": check_traffic.check_reports,
    "backlog": check_traffic.check_backlog,
}

_UNUSABLE = "the database cannot be used"
_DOTS = "•••"


def diagnose(subject: Subject) -> Iterator[tuple[str, Finding]]:
    """Give each check's name and finding as soon as it is there. No secret is in any of them."""
    for name, check in CHECKS.items():
        found = _run(check, subject)
        if check is check_machine.check_migrations and found.level is Level.PROBLEM:
            # What the next would ask of tables that are not there says nothing.
            subject = subject._replace(context=None, no_database=_UNUSABLE)
        yield (
            name,
            found._replace(
                text=_clean(found.text, subject.settings),
                remedy=_clean(found.remedy, subject.settings) if found.remedy else None,
            ),
        )


def _run(check: Check, subject: Subject) -> Finding:
    try:
        return check(subject)
    except NotCheckedError as error:
        return _unchecked(error)
    except (ConfigError, ObdtrackError) as error:
        return problem(str(error), "put this right and run doctor again")
    except Exception as error:  # the next check may still tell why
        if unusable(error) is not None:
            return _unchecked(_UNUSABLE)
        text = f"could not be checked: {type(error).__name__}: {error}"
        return problem(text, "this should not happen; please report it with this line")


def _unchecked(reason: object) -> Finding:
    return Finding(Level.WARNING, f"not checked: {reason}", "put the problem above right first")


def _clean(text: str, settings: Settings) -> str:
    """Give a text as one line without secrets: a driver's message may repeat its whole address."""
    for secret in _secrets(settings):
        text = text.replace(secret, _DOTS)
    return " ".join(text.split())


def _secrets(settings: Settings) -> Iterator[str]:
    token = settings.webhook_token or ""
    # By hand: what is wrong with an address must not keep its password from being found.
    user = settings.database_url.partition("://")[2].rpartition("@")[0]
    password = user.partition(":")[2]
    candidates = (
        settings.database_url if password else "",
        password,
        unquote(password),
        settings.provider_token,
        # A short validation key could stand for something in any sentence.
        token if len(token) >= SECRET_LENGTH else "",
        settings.secret_key,
        *settings.webhook_secrets,
    )
    yield from (secret for secret in candidates if secret)
