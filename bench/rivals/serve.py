"""Serves a rival on granian as the product is served: `python -m bench.rivals.serve MODULE …`."""

from __future__ import annotations

from importlib import import_module

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels


@click.command()
@click.argument("module")
@click.option("--port", type=int, required=True)
@click.option("--threads", type=int, required=True)
def main(module: str, port: int, threads: int) -> None:
    """Serve the attribute `app` of a module beside this one, in one worker process."""
    server = Granian(
        module,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads,
        log_level=LogLevels.error,
        websockets=False,
    )
    target = f"{__package__}.{module}"
    server.serve(target_loader=lambda: import_module(target).app, wrap_loader=False)


if __name__ == "__main__":
    main()
