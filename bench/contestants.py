"""Who takes part: how each is started, and what it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench import product
from obdtrack.cli.serve import THREADS

FASTIFY = Path(__file__).parent / "rivals" / "fastify"
INSTALL_SECONDS = 600
CEILING = "flask-json"
"""The contestants whose name begins so are what the others are measured by, the best of them."""


class Site(NamedTuple):
    """Where a contestant is to listen and to write."""

    port: int
    database_url: str


@dataclass(frozen=True)
class Contestant:
    """One receiver of reports; `missing` says what it lacks to take part, or gives None.

    Of `processes` each is started by itself, with its share of the connections.
    """

    name: str
    title: str
    command: Callable[[Site], list[str]]
    stores: bool = True
    databases: tuple[str, ...] = ("sqlite", "postgres")
    missing: Callable[[], str | None] = lambda: None
    processes: int = 1

    def environ(self, site: Site) -> Mapping[str, str]:
        """Return the process environment it is started with."""
        return {
            **product.environ(site.database_url, site.port),
            "BENCH_DATABASE_URL": site.database_url,
            "BENCH_PORT": str(site.port),
            "BENCH_SECRET": product.SECRET,
        }


def chosen(database: str, names: tuple[str, ...]) -> tuple[list[Contestant], list[str]]:
    """Return who takes part, and a sentence for each that cannot.

    `names` are beginnings of names; none chooses all.
    """
    able = [c for c in CONTESTANTS if database in c.databases]
    wanted = [c for c in able if not names or c.name.startswith(names)]
    reasons = {c.name: c.missing() for c in wanted}
    skipped = [f"{name} is left out: {reason}" for name, reason in reasons.items() if reason]
    return [c for c in wanted if not reasons[c.name]], skipped


def _rival(module: str, threads: int) -> Callable[[Site], list[str]]:
    def command(site: Site) -> list[str]:
        program = [sys.executable, "-m", "bench.rivals.serve", module]
        return [*program, "--port", str(site.port), "--threads", str(threads)]

    return command


def _fastify_missing() -> str | None:
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not installed"
    if _fastify_works():
        return None
    print("Installing Fastify and better-sqlite3 (once) ...", flush=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
    try:
        subprocess.run(command, cwd=FASTIFY, capture_output=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"npm install took more than {INSTALL_SECONDS} s"
    return None if _fastify_works() else f"`npm install` in {FASTIFY} gave nothing that runs"


def _fastify_works() -> bool:
    script = 'new (require("better-sqlite3"))(":memory:"); require("fastify")'
    done = subprocess.run(["node", "-e", script], cwd=FASTIFY, capture_output=True)
    return done.returncode == 0


CONTESTANTS = (
    Contestant(
        "flask-json-1",
        "bare Flask route that parses the JSON, 1 thread",
        _rival("flask_json", 1),
        stores=False,
    ),
    Contestant(
        f"flask-json-{THREADS}",
        f"bare Flask route that parses the JSON, {THREADS} threads",
        _rival("flask_json", THREADS),
        stores=False,
    ),
    Contestant("ours", "obdtrack", lambda site: [*product.COMMAND, "serve"]),
    Contestant(
        "ours-2",
        "obdtrack, 2 processes",
        lambda site: [*product.COMMAND, "serve"],
        databases=("postgres",),
        processes=2,
    ),
    Contestant(
        "flask-peewee",
        "obvious receiver: Flask and peewee, a transaction per report",
        _rival("flask_peewee", THREADS),
    ),
    Contestant(
        "fastify",
        "Fastify and better-sqlite3, a transaction per report",
        lambda site: ["node", str(FASTIFY / "server.js")],
        databases=("sqlite",),
        missing=_fastify_missing,
    ),
)
