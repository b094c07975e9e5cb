"""What a check of the installation is given, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from obdtrack.errors import ConfigError
from obdtrack.services import Services
from obdtrack.settings import Settings


class Level(StrEnum):
    """How bad it is; only a problem makes the command fail. What is skipped nobody knows."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    PROBLEM = "problem"


class CheckResult(NamedTuple):
    """What one check found: `text` says it in lines, `remedy` what to do about it.

    `about` are the calls or deliveries meant, as the API would be asked for them; `why` is why it
    matters.
    """

    level: Level
    text: str
    remedy: str | None = None
    about: str | None = None
    why: str | None = None


class CheckedInstallation(NamedTuple):
    """The installation to look at.

    `wrong` holds a sentence for each setting that could not be read (`settings` then has its
    default), `unknown` one for each variable that looks like a setting and is none. Without a
    database there are no `services`, and `no_database` says why.
    """

    settings: Settings
    services: Services | None
    wrong: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    no_database: str = "there is no database"

    def with_database(self) -> Services:
        """Return the services; raises NotChecked if there is no database to look into."""
        if self.services is None:
            raise NotCheckedError(self.no_database)
        return self.services


class NotCheckedError(ConfigError):
    """Another check's problem keeps this one from looking; the text names it."""


Check = Callable[[CheckedInstallation], CheckResult]


def ok(text: str) -> CheckResult:
    """All is well, and how that shows."""
    return CheckResult(Level.OK, text)


def warning(text: str, remedy: str) -> CheckResult:
    """It works, but someone should know."""
    return CheckResult(Level.WARNING, text, remedy)


def problem(text: str, remedy: str) -> CheckResult:
    """It does not work as it should."""
    return CheckResult(Level.PROBLEM, text, remedy)
