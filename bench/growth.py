"""The same questions of a small and of a large database: what a hundred times more rows cost.

Both are asked over HTTP in turn, over one connection; each call has ten rows of events and
deliveries. Everything is in the system's cache, as on a machine with memory enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click

from bench.databases import filled
from bench.load import CALLBACK, MID, PLACE, drive, filled_in, report, request
from bench.measure import OPTIONS, measured, publish, standings
from bench.product import HERE, MAKE_KEY, SECRET, Server, get, run, serving

DAYS = 30
SINCE, UNTIL = (f"{datetime.now(UTC) - timedelta(DAYS / 2 - n):%FT%TZ}" for n in (0, 1))
DAY = f"created_after={SINCE}&created_before={UNTIL}"
QUESTIONS = {  # {12} and so on are digits of a call picked at random; what adds rows comes last
    "one call with its timeline": f"{PLACE}/{MID}:1/events",
    "newest calls": PLACE,
    "calls from the middle": f"{PLACE}?created_before={UNTIL}",
    "calls of one number": f"{PLACE}?to=9188{{8}}",
    "calls of a status": f"{PLACE}?status=busy",
    "calls of a status that none has": f"{PLACE}?status=unresolved",
    "calls of a status on a day": f"{PLACE}?status=busy&{DAY}",
    "calls of a campaign": f"{PLACE}?name=benchmark",
    "calls of a reference nobody used": f"{PLACE}?reference=none",
    "search by the last four digits": "/?ending={4}",
    "calls that need attention": "/?status=attention&period=any",
    "newest calls, figures of thirty days": "/?period=month",
    "totals of a campaign": "/campaigns/benchmark",
    "campaigns with their totals": "/campaigns",
    "newest deliveries": "/api/v1/deliveries",
    "take one report": CALLBACK,
}
ENDINGS = ["ANSWER"] * 7 + ["NOANSWER"] * 2 + ["BUSY"]
HISTORIES = [("NOANSWER", "NOANSWER", "NOANSWER", ending) for ending in ENDINGS]


class Side(NamedTuple):
    """So many calls, the server in front of them with a key, and the path of one call's page."""

    name: str
    calls: int
    key: str
    server: Server
    page: str


@click.command(help=__doc__, params=[*OPTIONS])
@click.option("--small", default=10_000, help="Calls in the small database.")
@click.option("--large", default=1_000_000, help="Calls in the large one.")
def command(small: int, large: int, seconds: int, rounds: int, database: str) -> None:
    """Fill both, ask both in turn, and compare."""
    with ExitStack() as stack:
        sides = [opened(stack, f"{n:,} calls", database, n) for n in (small, large)]
        found = list(ask(sides, rounds, seconds))
    wanted = {("p50 ms", sides[0].name): " (≤ 1.5, or below 20 ms)"}
    publish(f"growth, {database}", standings(found, wanted), seconds=seconds)


def opened(stack: ExitStack, name: str, database: str, calls: int, at: Path = HERE) -> Side:
    """Return a side whose calls are filled in, and which is served, by a checkout."""
    databases = stack.enter_context(filled(database, calls, HISTORIES, DAYS, at))
    url, size = databases.template, databases.ask(databases.template, databases.size)
    print(f"{name}: {size / calls:,.0f} bytes each")
    key = run(url, *MAKE_KEY, checkout=at)
    server = stack.enter_context(serving(url, at))
    found = get(server.port, filled_in(f"{PLACE}/{MID}:1", calls // 2), key).json()
    return Side(name, calls, key, server, f"/calls/{found['id']}")


def ask(
    sides: Sequence[Side], rounds: int, seconds: int, questions: Mapping[str, str] = QUESTIONS
) -> Iterator[dict[str, Any]]:
    """Ask the questions of the sides in turn; raises ClickException if one is refused."""
    for name, path in questions.items():
        for number in range(1, rounds + 1):
            for side in sides[:: 1 if number % 2 else -1]:
                secret, body = (SECRET, report()) if path == CALLBACK else (side.key, "")
                used = side.server.cpu()
                asked = request(path or side.page, secret, body), (0, side.calls, "random")
                load = drive([side.server.port], *asked, 1, seconds)
                if load["refused"]:
                    raise click.ClickException(f"{path} was refused")
                load["CPU µs"] = (side.server.cpu() - used) / load["answered"] * 1e6
                yield measured(name, side.name, number, load)
