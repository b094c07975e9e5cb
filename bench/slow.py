"""Honest reports beside 500 bodies that come slowly, of requests that carry the secret."""

import socket
import threading
import time
from contextlib import ExitStack, suppress

import click
import requests

from bench.databases import filled
from bench.load import CALLBACK, filled_in, report, request
from bench.measure import OPTIONS, publish, table
from bench.product import SECRET, serving

CONNECTIONS, HONEST, LIMIT_SECONDS, DRIP_SECONDS = 500, 10, 3, 0.5


@click.command(help=__doc__, params=list(OPTIONS[1:]))
def command(rounds: int, database: str) -> None:
    """Tell how the honest ones did, in each round."""
    rows = []
    with filled(database, HONEST) as databases:
        for number in range(1, rounds + 1):
            with serving(databases.fresh()) as server:
                rows.append(
                    [str(number), *(f"{value:.0f}" for value in beside(server.port).values())]
                )
    publish(f"slow, {database}", table(("round", f"answered of {HONEST}", "worst ms"), rows))


def beside(port: int) -> dict[str, float]:
    """Open the slow ones, send honest ones one after another, and tell how these did.

    One that was not answered in time counts as the slowest.
    """
    slow, over = request(CALLBACK, SECRET, report())[:-100].encode(), threading.Event()
    with ExitStack() as stack:
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for one in held:
            stack.enter_context(one).sendall(slow)

        def drip() -> None:
            while not over.wait(DRIP_SECONDS):
                for one in held:
                    with suppress(OSError):
                        one.send(b" ")

        thread = threading.Thread(target=drip)
        thread.start()
        took = [_honest(port, n) for n in range(HONEST)]
        over.set()
        thread.join()
    in_time = [seconds for seconds in took if seconds is not None]
    worst = max(in_time) if len(in_time) == HONEST else LIMIT_SECONDS
    return {f"answered of {HONEST}": len(in_time), "worst ms": worst * 1e3}


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
