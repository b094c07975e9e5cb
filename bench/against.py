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

import click

from bench import growth, ingest, place
from bench.databases import filled
from bench.load import CALL, PLACE, request
from bench.measure import OPTIONS, Candidate, Found, measure, publish, ratios, standings
from bench.product import HERE, MAKE_KEY, PROMPT, run, serving

WANTED, QUESTION_SECONDS = 0.97, 1


@click.command(help=__doc__, params=[*OPTIONS, ingest.ORDER])
@click.argument("commit")
@click.option("--calls", default=20_000, help="In the databases that questions are asked of.")
@click.option("--only", default="reports,placing,questions", help="What is measured.")
def command(
    commit: str, seconds: int, rounds: int, database: str, order: str, calls: int, only: str
) -> None:
    """Measure both in turn, and print the ratios of each round."""
    found, reports, placing = Found(), [], []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        files = subprocess.check_output(("git", "archive", commit), cwd=HERE)
        subprocess.run(("tar", "-x", "-C", folder), input=files, check=True)
        sides = {commit: Path(folder), "here": HERE}
        template, numbers = ingest.load(seconds, order)
        stub = stack.enter_context(serving("", command=PROMPT))
        for name, at in sides.items():
            made = stack.enter_context(filled(database, numbers[1], at=at))
            placed = request(PLACE, run(made.template, *MAKE_KEY, checkout=at), CALL)
            ours = Candidate(name, checkout=at)
            reports.append((ours, made, template, numbers, stub.port))
            placing.append((ours._replace(stored=place.PLACED), made, placed, place.NEW, stub.port))
        if "reports" in only:
            found += measure("reports", reports, ingest.LANES, rounds, seconds)
        if "placing" in only:
            found += measure("placing", placing, place.LANES, rounds, seconds)
        if "questions" in only:
            asked = [growth.opened(stack, name, database, calls, at) for name, at in sides.items()]
            found += growth.ask(asked, rounds, QUESTION_SECONDS)
    each = {m["load"]: ratios(found, m["load"], "rate", "here", commit) for m in found}
    slower = [name for name, ratio in each.items() if median(ratio) < WANTED] or "none"
    wanted = {("rate", commit): f" (≥ {WANTED})", ("CPU µs", commit): "", ("p50 ms", commit): ""}
    facts = {"rounds": rounds, "seconds": seconds, f"rate below {WANTED}": slower}
    publish(f"against {commit}, {database}", standings(found, wanted), **facts)
