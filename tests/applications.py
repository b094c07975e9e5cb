"""Applications made in a third of the time: most tests make one, and all are made alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask_smorest import Blueprint
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from obdtrack.application import create_app
from obdtrack.web.document import ProblemApi
from obdtrack.workflows.context import Context


@contextmanager
def routes_compiled_once() -> Iterator[None]:
    """Keep the code that builds a route's addresses; werkzeug compiles it anew for each Flask."""
    kept: dict[Any, Callable[..., Any]] = {}
    compiled = Rule._compile_builder

    def builder(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        key = (*rule._trace, str(rule.defaults), append_unknown)
        if key not in kept:
            kept[key] = compiled(rule, append_unknown)
        return kept[key]

    with patch.object(Rule, "_compile_builder", builder):
        yield


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


def make_app(context: Context, *, documented: bool) -> Flask:
    """Make an application; its API document takes longer than all else, and few tests read it."""
    with nullcontext() if documented else _undocumented():
        made = create_app(context)
    made.jinja_env.bytecode_cache = COMPILED
    return made


@contextmanager
def _undocumented() -> Iterator[None]:
    with (
        patch.object(ProblemApi, "_register_responses"),
        patch.object(Blueprint, "register_views_in_doc"),
    ):
        yield
