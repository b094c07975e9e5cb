"""This checkout beside another commit: reports, placing, lists, starts, the questions of growth.

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

from bench import growth, ingest, memory, place
from bench.databases import filled
from bench.load import CALL, LIST, PLACE, SUBMIT, request
from bench.measure import OPTIONS, Candidate, Found, measure, publish, ratios, standings
from bench.product import HERE, MAKE_KEY, PROMPT, run, serving

WANTED, QUESTION_SECONDS = 0.97, 1


@click.command(help=__doc__, params=[*OPTIONS, ingest.ORDER, ingest.WHICH])
@click.argument("commit")
@click.option("--calls", default=20_000, help="In the databases that questions are asked of.")
@click.option("--only", default="reports,placing,lists,starts,questions", help="What is measured.")
def command(
    commit: str,
    seconds: int,
    rounds: int,
    database: str,
    order: str,
    reports: int,
    calls: int,
    only: str,
) -> None:
    """Measure both in turn, and print the ratios of each round."""
    found, taking, placing, lists = Found(), [], [], []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        files = subprocess.check_output(("git", "archive", commit), cwd=HERE)
        subprocess.run(("tar", "-x", "-C", folder), input=files, check=True)
        sides = {commit: Path(folder), "here": HERE}
        template, numbers = ingest.load(seconds, order)
        stub = stack.enter_context(serving("", command=PROMPT))
        for name, at in sides.items():
            before = ingest.earlier(reports)
            made = stack.enter_context(filled(database, numbers[1], before, at=at))
            key = run(made.template, *MAKE_KEY, checkout=at)
            ours = Candidate(name, checkout=at)
            taking.append((ours, made, template, numbers, stub.port))
            one, many = request(PLACE, key, CALL), request(SUBMIT, key, LIST)
            placing.append((ours._replace(stored=place.PLACED), made, one, place.NEW, stub.port))
            lists.append((ours._replace(stored=place.SUBMITTED), made, many, place.FEW, stub.port))
        if "reports" in only:
            found += measure("reports", taking, ingest.LANES, rounds, seconds)
        if "placing" in only:
            found += measure("placing", placing, place.LANES, rounds, seconds)
        if "lists" in only:
            found += measure("lists of 100", lists, place.LANES, rounds, seconds)
        if "starts" in only:
            found += memory.starts([(made.template, ours) for ours, made, *_ in taking], rounds)
        if "questions" in only:
            asked = [growth.opened(stack, name, database, calls, at) for name, at in sides.items()]
            found += growth.ask(asked, rounds, QUESTION_SECONDS)
    each = {m["load"]: ratios(found, m["load"], "rate", "here", commit) for m in found}
    slower = [name for name, ratio in each.items() if median(ratio) < WANTED] or "none"
    wanted = {("rate", commit): f" (≥ {WANTED})", ("CPU µs", commit): "", ("p50 ms", commit): ""}
    facts = {"rounds": rounds, "seconds": seconds, f"rate below {WANTED}": slower}
    publish(f"against {commit}, {database}", standings(found, wanted), **facts)
