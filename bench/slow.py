"""Honest reports beside 500 bodies that come slowly, of requests that carry the secret."""

import socket
import time
from contextlib import ExitStack

import click
import requests

from bench.databases import filled
from bench.load import CALLBACK, filled_in, report, request
from bench.measure import OPTIONS, publish, table
from bench.product import SECRET, serving

CONNECTIONS, HONEST, LIMIT_SECONDS = 500, 10, 3


@click.command(help=__doc__, params=list(OPTIONS[1:]))
def command(rounds: int, database: str) -> None:
    """Open the slow ones, send the honest ones one after another, and tell how these did."""
    rows, slow = [], request(CALLBACK, SECRET, report())[:-100].encode()
    with filled(database, rounds * HONEST) as databases:
        for number in range(rounds):
            with serving(databases.fresh()) as server, ExitStack() as stack:
                for _ in range(CONNECTIONS):
                    held = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                    held.sendall(slow)
                took = [t for n in range(HONEST) if (t := _honest(server.port, n)) is not None]
            worst = f"{max(took) * 1e3:.0f}" if took else "none"
            rows.append([str(number + 1), f"{len(took)} of {HONEST}", worst])
    publish(f"slow, {database}", table(("round", "responses in 3 s", "slowest ms"), rows))


def _honest(port: int, n: int) -> float | None:
    """Return the seconds until a report about call n was responded to; None if it was not."""
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
    begun, url = time.monotonic(), f"http://127.0.0.1:{port}{CALLBACK}"
    body = filled_in(report(), n)
    try:
        requests.post(url, data=body, headers=headers, timeout=LIMIT_SECONDS).raise_for_status()
    except requests.RequestException:
        return None
    return time.monotonic() - begun
