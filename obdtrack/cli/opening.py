"""What most commands begin with: the settings, and the services they lead to."""

from __future__ import annotations

import os

import click

from obdtrack.application import make_services
from obdtrack.providers.registry import misspelt
from obdtrack.services import Services
from obdtrack.settings import Settings, load_settings
from obdtrack.store.migrate import check_schema


def warn_of_settings() -> None:
    """Say on standard error which variables of the environment look like settings and are none."""
    for sentence in misspelt(os.environ):
        click.echo(f"obdtrack: warning: {sentence}", err=True)


def read_settings() -> Settings:
    """Return the settings, after a warning of what is none; raises ConfigError for a wrong one."""
    warn_of_settings()
    return load_settings()


def open_services() -> Services:
    """Return the services of this installation, whose database has this version's schema.

    Raises ConfigError for settings or a database that cannot be used.
    """
    services = make_services(read_settings())
    check_schema(services.store)
    return services
