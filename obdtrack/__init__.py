"""obdtrack: places calls, takes the provider's reports, and tells what happened and how we know."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from obdtrack.version import VERSION

if TYPE_CHECKING:
    from obdtrack.application import create_app

__version__ = VERSION
__all__ = ["__version__", "create_app"]


def __getattr__(name: str) -> Any:
    # Late, so that `python -m obdtrack --help` need not load a web framework to say its piece.
    if name == "create_app":
        return import_module("obdtrack.application").create_app
    raise AttributeError(name)
