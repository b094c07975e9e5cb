"""This checkout beside another commit: taking reports, placing calls, and the questions of growth.

The other commit is unpacked into a temporary folder and served with the same Python and the same
packages. Both are driven by their commands and over HTTP only, each fills databases with a schema
of its own, and they take turns.
"""

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import click

from bench.candidates import Candidate, measure
from bench.comparison import Found, beside, publish, ratios
from bench.databases import filled
from bench.growth import ask, opened
from bench.ingest import options, prepare
from bench.load import CALL, PLACE, request
from bench.place import LANES, NEW, PLACED
from bench.product import HERE, MAKE_KEY, PROMPT, run, serving

WANTED = 0.97
SHARE = 0.2  # of the seconds, for which a question is asked


@click.command(help=__doc__, context_settings={"show_default": True})
@click.argument("commit")
@options
@click.option("--calls", default=20_000, help="In the databases that questions are asked of.")
@click.option("--only", default="reports,placing,questions", help="What is measured.")
def command(
    commit: str,
    connections: str,
    seconds: float,
    rounds: int,
    database: str,
    calls: int,
    only: str,
    **load: Any,
) -> None:
    """Measure both in turn, and print the ratios of each round."""
    lanes = [int(number) for number in connections.split(",")]
    found = Found()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        checkouts = {commit: _unpacked(commit, folder), "here": HERE}
        if "reports" in only or "placing" in only:
            reports, placing = [], []
            histories, template, numbers = prepare(seconds, **load)
            stub = stack.enter_context(serving("", command=PROMPT))
            for name, checkout in checkouts.items():
                fill = filled(database, numbers[1], histories, checkout=checkout)
                databases = stack.enter_context(fill)
                receiver = Candidate(name, name, checkout=checkout)
                placer = receiver._replace(stored=PLACED)
                key = run(databases.template, *MAKE_KEY, checkout=checkout)
                reports.append((receiver, databases, template, numbers, stub.port))
                placing.append((placer, databases, request(PLACE, key, CALL), NEW, stub.port))
            if "reports" in only:
                found += measure("reports", reports, lanes, rounds, seconds)
            if "placing" in only:
                found += measure("placing", placing, LANES, rounds, seconds)
        if "questions" in only:
            sides = [opened(stack, name, database, calls, at) for name, at in checkouts.items()]
            found += ask(sides, rounds, seconds * SHARE)
    slower = [
        name
        for name in dict.fromkeys(m["load"] for m in found)
        if median(ratios(found, name, "rate", "here", commit)) < WANTED
    ]
    title = f"Slower than {WANTED} × is {'; '.join(slower) or 'none'}"
    tables = [beside(title, found, commit, "here", ("rate", "cpu", "p50", "p99"))]
    publish("against", tables, found, rounds=rounds, seconds=seconds, calls=calls, **load)


def _unpacked(commit: str, folder: str) -> Path:
    """Have the files of a commit in a folder."""
    archive = subprocess.run(("git", "archive", commit), cwd=HERE, capture_output=True, check=True)
    subprocess.run(("tar", "-x", "-C", folder), input=archive.stdout, check=True)
    return Path(folder)
