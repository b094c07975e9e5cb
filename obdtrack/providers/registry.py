"""The providers there are: one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from obdtrack.providers.base import Provider
from obdtrack.providers.mobtexting.client import MobTexting
from obdtrack.settings import FOR_EXAMPLES, PREFIX, SETTINGS, Settings

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


def misspelt(names: Iterable[str]) -> list[str]:
    """Return a sentence for each of these variables' names that looks like a setting and is none.

    With the nearest name that is one: it has no effect, which nobody should have to guess.
    """
    own = (name for provider in PROVIDERS for name in provider.own_settings)
    known = {name.upper() for name in (*SETTINGS, *own)}
    sentences = []
    for name in sorted(names):
        bare = name.removeprefix(PREFIX).removesuffix("_FILE")
        if name.startswith(PREFIX) and name != FOR_EXAMPLES and bare not in known:
            near = get_close_matches(bare.upper(), known, 1)
            meant = f": did you mean {PREFIX}{near[0]}?" if near else "."
            sentences.append(f"{name} is no setting and has no effect{meant}")
    return sentences
