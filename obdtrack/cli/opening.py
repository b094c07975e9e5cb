"""What most commands begin with: the settings, and the services they lead to."""

from __future__ import annotations

from obdtrack.application import make_services
from obdtrack.services import Services
from obdtrack.settings import load_settings
from obdtrack.store.migrate import check_schema


def open_services() -> Services:
    """Return the services of this installation, whose database has this version's schema.

    Raises ConfigError for settings or a database that cannot be used.
    """
    services = make_services(load_settings())
    check_schema(services.store)
    return services
