"""How the benchmarks open the product and start it: by its own settings, from an environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest.mock import patch

from obdtrack.application import make_services
from obdtrack.services import Services
from obdtrack.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "obdtrack"]
SECRET = "a-secret-of-the-benchmark"
CALLBACK = "/webhooks/mobtexting"
BRIDGE = "+918068280000"


def environ(database_url: str, port: int = 0, provider_port: int = 9) -> dict[str, str]:
    """Return the process environment for one installation; nothing else of OBDTRACK_ is in it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OBDTRACK_")}
    return {
        **kept,
        "OBDTRACK_DATABASE_URL": database_url,
        "OBDTRACK_PROVIDER_URL": f"http://127.0.0.1:{provider_port}/api/v2/",
        "OBDTRACK_PROVIDER_TOKEN": "the-provider-token",
        "OBDTRACK_WEBHOOK_SECRETS": SECRET,
        "OBDTRACK_SECRET_KEY": "a-secret-key-of-the-benchmark",
        "OBDTRACK_BRIDGE": BRIDGE,
        "OBDTRACK_PORT": str(port),
        # The calls filled in are many, and asking the provider about them is not what is measured.
        "OBDTRACK_POLL_SCHEDULE": "7d",
    }


def services(database_url: str) -> Services:
    """Return the parts the product works with, on this database; its tables are bound to it."""
    with patch.dict(os.environ, environ(database_url), clear=True):
        return make_services(load_settings())
