"""The providers there are: one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from obdtrack.providers.base import Provider
from obdtrack.providers.mobtexting.client import MobTexting
from obdtrack.settings import Settings

PROVIDERS: tuple[type[Provider], ...] = (MobTexting,)
"""Calls are placed with the first that the settings name an account of."""


def connected(settings: Settings) -> list[Provider]:
    """Return the providers that the settings name an account of, the one to place calls with first.

    Raises ConfigError if there is none, or for a value that one of them cannot work with.
    """
    found = (provider.from_settings(settings) for provider in PROVIDERS)
    return [provider for provider in found if provider is not None]


def objections(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each value of a setting, by name, that a provider cannot work with."""
    return [sentence for provider in PROVIDERS for sentence in provider.objections(values)]
