"""Applications made in less time: most tests make one, and all are made alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
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


_compiled_by_itself: Callable[[Rule], None] = vars(Rule)["compile"]
_TAKEN_OVER = ("_parts", "_trace", "_converters", "arguments")


class Addresses:
    """Routes compiled once for all tests: each application has the same."""

    def __init__(self) -> None:
        self.kept: dict[tuple[object, ...], Rule] = {}

    def compile(self, rule: Rule) -> None:
        """Do what a Rule does for itself, or take over what a rule that is alike has done."""
        key = (rule.rule, rule.host, rule.subdomain, repr(rule.defaults), rule.merge_slashes)
        alike = self.kept.get(key)
        if alike is None:
            _compiled_by_itself(rule)
            self.kept[key] = rule
            return
        for name in _TAKEN_OVER:
            setattr(rule, name, getattr(alike, name))
        for name in ("_build", "_build_unknown"):
            setattr(rule, name, getattr(alike, name).__func__.__get__(rule))

    def used(self) -> AbstractContextManager[object]:
        """Have the routes that are added meanwhile compiled so."""
        return patch.object(Rule, "compile", lambda rule: self.compile(rule))


ADDRESSES = Addresses()


def make_app(services: Services, *, documented: bool) -> Application:
    """Make an application; its API document takes longer than all else, and few tests read it."""
    views_told = nullcontext() if documented else patch.object(Blueprint, "register_views_in_doc")
    fits = patch("obdtrack.application.check_schema")  # the tests' databases were just migrated
    idle_kept = patch.object(services.store, "close_idle")  # nothing here forks
    with fits, idle_kept, ADDRESSES.used(), views_told:
        made = create_app(services)
    made.jinja_env.bytecode_cache = COMPILED
    return made
