"""Applications made in less time: most tests make one, and all are made alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import FunctionType
from unittest.mock import patch

from flask_smorest import Blueprint
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from obdtrack.application import Application, create_app
from obdtrack.services import Services


class Compiled(BytecodeCache):
    """Templates compiled once for all tests, as a server compiles them once."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


_made_by_itself: Callable[[Rule, bool], FunctionType] = vars(Rule)["_compile_builder"]


class Addresses:
    """What makes a route's addresses, compiled once for all tests: each has the same routes."""

    def __init__(self) -> None:
        self.kept: dict[tuple[object, ...], FunctionType] = {}

    def builder(self, rule: Rule, append_unknown: bool) -> FunctionType:
        """Do what a Rule does for itself."""
        key = (rule.rule, rule.host, rule.subdomain, append_unknown, repr(rule.defaults))
        return self.kept.get(key) or self.kept.setdefault(
            key, _made_by_itself(rule, append_unknown)
        )


ADDRESSES = Addresses()


def make_app(services: Services, *, documented: bool) -> Application:
    """Make an application; its API document takes longer than all else, and few tests read it.

    Next come its pages, which are compiled when a test asks for them.
    """
    views_told = patch.object(Blueprint, "register_views_in_doc")
    pages_made = patch("obdtrack.web.pages.register.compile_pages")
    builders_made = patch.object(Rule, "_compile_builder", lambda *rule: ADDRESSES.builder(*rule))
    with pages_made, builders_made, nullcontext() if documented else views_told:
        made = create_app(services)
    made.jinja_env.bytecode_cache = COMPILED
    return made
