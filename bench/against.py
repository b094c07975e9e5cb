"""This checkout beside another commit: every target of `bench/targets.py`, and growth's questions.

The other commit is unpacked into a temporary folder and served with the same Python and the same
packages. Both are driven by their commands and over HTTP only, each fills databases with a schema
of its own, and they take turns.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click

from bench import growth, ingest, memory, place, slow
from bench.databases import Databases, filled
from bench.load import CALL, LIST, PLACE, SUBMIT, request
from bench.measure import OPTIONS, Candidate, Found, measure, measured, publish, ratios, standings
from bench.product import HERE, MAKE_KEY, PROMPT, run, serving
from bench.read import READS
from bench.targets import verdicts

WANTED, QUESTION_SECONDS, FEW = 0.97, 1, 1000


class Race(NamedTuple):
    """Who takes turns, and for how long; `calls` are those that questions are asked of."""

    sides: list[Candidate]
    database: str
    seconds: int
    rounds: int
    calls: int

    def filled(self, stack: ExitStack, count: int, **how: Any) -> list[tuple[Candidate, Databases]]:
        """Return each side with databases that it filled itself."""
        return [
            (side, stack.enter_context(filled(self.database, count, at=side.checkout, **how)))
            for side in self.sides
        ]


def reports(race: Race, what: str, order: str = "placed", which: int = 1) -> Iterator[Any]:
    template, calls = ingest.load(race.seconds, order, which)
    with ExitStack() as stack:
        made = race.filled(stack, calls[1], histories=ingest.earlier(which), counted=True)
        if race.database == "postgres":
            made += [(s._replace(name=f"{s.name}, 2 processes", processes=2), d) for s, d in made]
        entries = [(s._replace(checked=True), d, template, calls, 9) for s, d in made]
        yield from measure(what, entries, ingest.LANES, race.rounds, race.seconds)


def placing(race: Race, what: str) -> Iterator[Any]:
    with ExitStack() as stack:
        stub, one, many = stack.enter_context(serving("", command=PROMPT)), [], []
        for side, made in race.filled(stack, place.OLD[1]):
            key = run(made.template, *MAKE_KEY, checkout=side.checkout)
            call, several = request(PLACE, key, CALL), request(SUBMIT, key, LIST)
            one.append((side._replace(stored=place.PLACED), made, call, place.NEW, stub.port))
            many.append(
                (side._replace(stored=place.SUBMITTED), made, several, place.FEW, stub.port)
            )
        yield from measure(what, one, place.LANES, race.rounds, race.seconds)
        yield from measure("lists of 100", many, place.LANES, race.rounds, race.seconds)


def starts(race: Race, what: str) -> Iterator[Any]:
    with ExitStack() as stack:
        made = race.filled(stack, FEW)
        yield from memory.starts([(one.template, side) for side, one in made], race.rounds)


def resident(race: Race, what: str) -> Iterator[Any]:
    for side in race.sides:
        *_, (_, mebibytes) = memory.grown(side.checkout, memory.REPORTS)
        yield measured(what, side.name, 1, {"MiB": mebibytes})


def beside_slow(race: Race, what: str) -> Iterator[Any]:
    with ExitStack() as stack:
        made = race.filled(stack, FEW)
        for number in range(1, race.rounds + 1):
            for side, databases in made[:: 1 if number % 2 else -1]:
                with serving(databases.fresh(), side.checkout) as server:
                    yield measured(what, side.name, number, slow.beside(server.port))


def disk(race: Race, what: str) -> Iterator[Any]:
    with ExitStack() as stack:
        for side, made in race.filled(stack, race.calls, histories=(("ANSWER",),)):
            size = made.ask(made.template, made.vacuum, made.size)
            yield measured(what, side.name, 1, {"bytes a call": size / race.calls})


def questions(race: Race, what: str) -> Iterator[Any]:
    asked = READS if what == "reading" else growth.QUESTIONS
    with ExitStack() as stack:
        sides = [
            growth.opened(stack, side.name, race.database, race.calls, side.checkout)
            for side in race.sides
        ]
        yield from growth.ask(sides, race.rounds, QUESTION_SECONDS, asked)


PARTS: dict[str, Callable[[Race, str], Iterable[dict[str, Any]]]] = {
    "reports": reports,
    "random order": partial(reports, order="random"),
    "second reports": partial(reports, which=2),
    "placing": placing,
    "slow bodies": beside_slow,
    "start": starts,
    "memory": resident,
    "disk": disk,
    "reading": questions,
    "questions": questions,
}


@click.command(help=__doc__, params=[*OPTIONS])
@click.argument("commit")
@click.option("--calls", default=20_000, help="In the databases that questions are asked of.")
@click.option("--only", default=",".join(PARTS), show_default=True, help="What is measured.")
def command(commit: str, seconds: int, rounds: int, database: str, calls: int, only: str) -> None:
    """Measure both in turn, and print which targets are met, and the ratios of each round."""
    found = Found()
    with tempfile.TemporaryDirectory() as folder:
        files = subprocess.check_output(("git", "archive", commit), cwd=HERE)
        subprocess.run(("tar", "-x", "-C", folder), input=files, check=True)
        sides = [Candidate(commit, checkout=Path(folder)), Candidate("here")]
        race = Race(sides, database, seconds, rounds, calls)
        for part in only.split(","):
            found += PARTS[part](race, part)
    timed = [m for m in found if "rate" in m]
    each = {m["load"]: ratios(found, m["load"], "rate", "here", commit) for m in timed}
    slower = [name for name, ratio in each.items() if median(ratio) < WANTED] or "none"
    wanted = {("rate", commit): f" (≥ {WANTED})", ("CPU µs", commit): "", ("p50 ms", commit): ""}
    facts = {"rounds": rounds, "seconds": seconds, f"rate below {WANTED}": slower}
    tables = verdicts(found, database, commit), standings(timed, wanted)
    publish(f"against {commit}, {database}", *tables, **facts)
